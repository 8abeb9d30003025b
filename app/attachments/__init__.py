"""Files that officials attach: which are let in, where they lie, and how they come and go over HTTP.

What a file is, its content tells, not its name or what the sender says. It lies outside of everything that is served,
behind a small port (`storage.py`), is given to a virus scanner where there is one, and leaves only as a download that
runs nothing. What it is attached to is the business of the packages above.
"""
