"""Shipping: events of a live source, encrypted in this process, on their way to a store.

    settings   when a batch is cut, how much may wait
    pending    events that were not encrypted yet, in memory only
    packing    events -> encrypted batches
    parcel     the names and checks of spooled batches
    spool      encrypted batches that were not delivered yet, in a bounded folder
    outlets    where they go: a store, or a file or pipe as wire
    sending    the spool's oldest batches into the outlet, again and again until they are there
    counters   what was seen of all this
    shipper    all of this together

The one rule: plaintext is in memory only. What reaches a disk was encrypted before, and is sent
from there byte for byte as it was written, so that a store that got it before takes it once.
Nothing here knows what the events are about; sources use `Shipper`.
"""

from __future__ import annotations

from zt.shipping.counters import ShippingCounters
from zt.shipping.outlets import Outlet, StoreOutlet, WireOutlet
from zt.shipping.settings import ShippingSettings
from zt.shipping.shipper import Shipper, default_spool

__all__ = [
    "Outlet",
    "Shipper",
    "ShippingCounters",
    "ShippingSettings",
    "StoreOutlet",
    "WireOutlet",
    "default_spool",
]
