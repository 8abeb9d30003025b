"""What auditors read. Today the audit trail (the journal in order, filtered) and the cumulative
effect of all decisions in force; coverage and packages come later.
"""
