"""What a case-management system fetches from here for the agenda: the statement (lausunto) of what was sealed.

A statement is made of the seal's content alone, with the labels of that time, so that whoever reads it on the agenda
reads the very edition that was approved, whatever has changed since.
"""
