"""Schemes: how a field's value is protected, one file each.

`clear` and `det` leave something in the event that the cloud can see; what is `opaque` moves
into the event's blob, what is `drop` is gone.
"""
