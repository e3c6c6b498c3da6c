"""A session for each look at a store that is looked at again and again.

Checking a store's epochs and headers against the ring costs more than most looks; so a session is
kept while the ring and what it checked are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from analytics.store import EpochInfo, Store
from keys import KeysError, Ring
from zt.query.session import Session


class Sessions:
    """Gives the session for each look at a store, which may be opened anew for each.

    Args:
        ring: is refreshed when its file changes.
    """

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._session: Session | None = None
        self._stored: object = None

    def at(self, store: Store, epochs: Sequence[EpochInfo]) -> Session:
        """The session for a look, with nothing refused in it yet.

        It is the one of before, if the ring and what was checked in the store are the same.

        Args:
            store: as it is open now.
            epochs: of the store, read before.

        Raises:
            StoreError, WrongKeyError, RingError, ProviderError, IntegrityError: see `Session` and
                `Ring.refreshed`.
        """
        self._ring = self._ring.refreshed()
        known = [(epoch.kid, epoch.kcv, epoch.generation) for epoch in epochs]
        stored = (store.tenant(), known, store.header_lines())
        session = self._session
        if session is None or session.ring is not self._ring or stored != self._stored:
            session = self._new(store)
            self._session, self._stored = session, stored
        session.store = store
        session.refused = Counter()
        return session

    def _new(self, store: Store) -> Session:
        try:
            return Session(self._ring, store)
        except KeysError:
            # Keys may have rotated, and events come, since the ring was looked at.
            newer = self._ring.refreshed()
            if newer is self._ring:
                raise
            self._ring = newer
            return Session(newer, store)
