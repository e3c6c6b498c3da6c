"""Whether a ring fits a store: found out before anything is asked, opened or destroyed.

What a store says of tenant and epochs is not authenticated: it serves to refuse the wrong ring,
not to believe in the right one. Headers are authentic by their tags, and so is the generation of
the ring that wrote them: a store can't invent a newer ring to lock the customer out. It can hide
one, as it can hide events.
"""

from __future__ import annotations

from analytics.store import Store
from analytics.wire import HeaderLine, StoreError, decode_bytes, parse_line
from keys import Ring, RingError
from zt.encoder import Decoder
from zt.errors import IntegrityError


def check_epochs(ring: Ring, store: Store) -> int:
    """Refuse a store of another tenant, or one that knows epochs which the ring never had.

    Epochs that the ring has destroyed are no offence: they end alone, and their events are lost,
    whether the store holds them still or heard of them again by a batch that was resent.

    Returns:
        How many events are lost.

    Raises:
        StoreError: the store is another tenant's.
        WrongKeyError: see `Ring.epoch`.
    """
    tenant = store.tenant()
    if tenant is not None and tenant != ring.tenant:
        raise StoreError(
            f"the store is of tenant {tenant!r}, the key ring of {ring.tenant!r}",
            "use the ring of that tenant, or another store",
        )
    lost = 0
    for epoch in store.epochs():
        kcv = decode_bytes(epoch.kcv)
        if ring.has_destroyed(epoch.kid, kcv):
            lost += epoch.events
        else:
            ring.epoch(epoch.kid, kcv)
    return lost


def take_headers(decoder: Decoder, ring: Ring, store: Store) -> None:
    """Have a decoder take in a store's headers; altered ones beside genuine ones are passed over.

    A reader ring has its own generation: it is as old as the day on which it was made.

    Raises:
        WrongKeyError: a header is of an epoch that the ring does not open.
        RingError: a genuine header was written with a newer copy of the ring.
        IntegrityError: no header of some (epoch, profile) verifies, or something is no header.
    """
    missing: dict[tuple[str, str], IntegrityError] = {}
    newest = 0
    for raw in store.header_lines():
        line = parse_line(raw)
        if not isinstance(line, HeaderLine):
            raise IntegrityError("the store returned a broken batch header", "check the store")
        header = line.header
        if ring.has_destroyed(header.kid, decode_bytes(header.kcv)):
            continue
        try:
            decoder.header(header)
        except IntegrityError as error:
            missing[header.kid, header.profile] = error
        else:
            newest = max(newest, header.generation)
    if newest > ring.generation and not ring.is_reader:
        raise RingError(
            f"the key ring {ring.path} is an old copy: it has generation {ring.generation}, "
            f"the store has seen {newest}",
            "use the newest copy of the ring",
        )
    for plan in decoder.plans():
        missing.pop((plan.kid, plan.profile_id), None)
    if missing:
        raise next(iter(missing.values()))
