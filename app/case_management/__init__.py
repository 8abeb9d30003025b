"""The county's case-management system: cases in by its own key, whether each is ready for a meeting, statements out.

What the case system tells is its own: its facts are read-only here, its order decides, and what has happened is
recorded and never refused. What officials write here is not touched by it. A statement (lausunto) is made of what was
sealed alone, so that whoever reads it on the agenda reads the very edition that was approved.
"""
