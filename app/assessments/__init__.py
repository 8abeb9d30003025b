"""The ex-ante assessment: is one needed, what would the decision do to children, who says so, and who was heard.

A preparer screens and drafts; an expert or presenting officer who did not write it approves, or signs that none is
needed; a third act, by somebody other than an author, publishes. What is approved is sealed: canonical JSON and its
SHA-256. A change is a new edition.
"""
