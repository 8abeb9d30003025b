"""The append-only log of everything that happened in an organisation.

Audit trail, event feed and webhooks are readings of it. Entries are numbered without gaps and chained by hashes; what
an entry tells in words stands beside it with a salt, so that a name can be erased and the chain still holds.
"""
