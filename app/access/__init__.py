"""Who may do what: organisations, people and machine clients, roles, API keys, sign-in.

The tenant is the organisation; it comes from the credentials, never from the request. What is another organisation's
does not exist for the caller (NotFound); what is one's own but not allowed is Refused.
"""
