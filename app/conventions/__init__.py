"""What every route shares: one transaction a request, problems, versions, idempotency keys, cursors, texts, languages.

docs/api.md tells them to integrators; here is how they are kept.
"""
