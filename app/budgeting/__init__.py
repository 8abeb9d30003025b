"""What is spent on children, to the cent.

A ledger is one year and phase from one source, as one file told it. Its lines are summed by cost centre, service class
and flow; each sum falls on the five age groups by the classification and population of its year; what is not classified
stays visible as such. From these sums come the child budget, and what a decision moves in it. The rules stand in
`rules.py`, with the worked example in the tests.
"""
