"""What the public reads: published assessments, signed "not needed" and follow-ups, without a key.

Each entry is a document of its own, written at publication field by field from what was sealed. A private row is never
read here, so nothing can become public by being added to one.
"""
