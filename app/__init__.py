"""Lava: children are seen before a decision is made, and looked at again afterwards.

Each folder is a part of the domain; its docstring says which. Imports run one way (see pyproject.toml).
"""
