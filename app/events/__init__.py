"""What has happened, told to other systems: a feed that is read, and webhooks that are called.

Both are readings of the journal, in its order and without gaps. An event tells what happened to what, by ids and
addresses; texts and names are read at the address by whoever may.
"""
