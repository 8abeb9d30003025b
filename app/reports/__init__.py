"""What auditors read. Today the audit trail: the journal in order, filtered; coverage and packages come later."""
