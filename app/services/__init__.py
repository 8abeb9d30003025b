"""What the organisation does and for whom: units, cost centres, service classes, and how each touches children.

A cost centre, a service class, or the two together is classified for whole years as direct, indirect, communal or
none, with how its money falls on five age groups. From that comes the early hint: what a decision touches (given, or
through its task class and preparing unit) tells whether children are affected, before anyone fills a form. What is not
classified is never taken for `none`.
"""
