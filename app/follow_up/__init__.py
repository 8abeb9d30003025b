"""What really happened: a year or so after the decision, each predicted impact is set beside what came of it.

When it is to be looked at stands on the decision; scheduled, due and overdue are computed from that. A follow-up may
also be made where nobody assessed beforehand.
"""
