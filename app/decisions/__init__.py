"""The decision being prepared: the case it belongs to, its options, the services and euros it touches.

At registration an early hint says whether children are probably affected. A decision is *cleared* when its assessment
is approved or a "not needed" is signed; taking it to a meeting needs that, or an override with a reason. What a
case-management system reports to have happened is always recorded, and counted as uncleared where it was.
"""
