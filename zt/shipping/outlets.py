"""Where encrypted batches go: a store, or a file or pipe that takes the wire as it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Protocol

from analytics.store import PATIENCE, Store, is_shared, open_store
from analytics.wire import BadLine, StoreBusyError, StoreError
from keys import Ring
from zt.encoder import Decoder
from zt.query.fitting import check_epochs, take_headers

if TYPE_CHECKING:
    from analytics.wire.transport import LineOutput

SHARE: Final = 1.0
"""A store that has one owner at a time is left alone as long as it was used, times this."""

Connect = Callable[[], Store]


class Delivered(NamedTuple):
    """What became of batches: lines that were refused, with why the first one was."""

    known: int = 0
    refused: int = 0
    reason: str = ""


class Outlet(Protocol):
    """Takes batches, whole and in order; taking one twice does no harm.

    Attributes:
        rest: seconds to leave it alone after a delivery.
    """

    rest: float

    def check(self, ring: Ring) -> str | None:
        """Refuse an outlet that is not for this ring, before anything is sent.

        Returns:
            Why it can't be reached now, though it may be later; None if it is there.

        Raises:
            KeysError, ZtError, StoreError: it is the wrong one, or the ring is; trying again does
                not help.
        """
        ...

    def deliver(self, batches: Sequence[bytes], ring: Ring) -> Delivered:
        """Hand batches over.

        Raises:
            StoreError, KeysError, ZtError, OSError: not all of them were taken.
        """
        ...

    def close(self) -> None:
        """Let go of it; it is opened again by the next delivery."""
        ...


class StoreOutlet:
    """A store by its URL, which is made if there is none.

    Before anything is sent over a new connection, and when the ring has changed, the store is
    looked at as by every command of the edge: it must be the ring's tenant's, know no epoch that
    the ring does not have, and have seen no newer copy of the ring.

    A store that several processes share stays open; one in a file is opened for each delivery,
    and left to others in between.

    Args:
        url: of the store.
        connect: opens it.

    Raises:
        StoreError: this is no URL of a store.
    """

    def __init__(self, url: str, connect: Connect | None = None) -> None:
        self.rest = 0.0
        self.is_shared = is_shared(url)
        self._connect = connect or (lambda: open_store(url, create=True, wait=PATIENCE))
        self._store: Store | None = None
        self._checked: tuple[str, int] | None = None
        """Of which ring it is known that the store fits it."""

    def check(self, ring: Ring) -> str | None:
        """See `Outlet.check`. A cluster may be away; a file that can't be opened stays so."""
        try:
            self._store = self._connect()
        except StoreBusyError as error:
            return error.diagnostics()
        except StoreError as error:
            if self.is_shared:
                return error.diagnostics()
            raise
        self._use(ring, ())
        return None

    def deliver(self, batches: Sequence[bytes], ring: Ring) -> Delivered:
        """See `Outlet.deliver`."""
        began = time.monotonic()
        try:
            return self._use(ring, batches)
        finally:
            self.rest = 0.0 if self.is_shared else SHARE * (time.monotonic() - began)

    def close(self) -> None:
        """See `Outlet.close`."""
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _use(self, ring: Ring, batches: Sequence[bytes]) -> Delivered:
        try:
            if self._store is None:
                self._store = self._connect()
            self._check(self._store, ring)
            delivered = _ingest(self._store, batches) if batches else Delivered()
        except StoreBusyError:
            self.close()
            raise
        except BaseException:
            self._checked = None  # who knows what it is when it comes back
            self.close()
            raise
        if not self.is_shared:
            self.close()
        return delivered

    def _check(self, store: Store, ring: Ring) -> None:
        fits = (ring.tenant, ring.generation)
        if self._checked != fits:
            check_epochs(ring, store)
            take_headers(Decoder(ring), ring, store)
            self._checked = fits


class WireOutlet:
    """A file or pipe, which takes the wire's lines.

    Args:
        file: open for writing.
    """

    rest = 0.0

    def __init__(self, file: BinaryIO) -> None:
        from analytics.wire.transport import LineOutput

        self._out: LineOutput = LineOutput(file)

    def check(self, ring: Ring) -> str | None:
        """A file is for any ring."""
        return None

    def deliver(self, batches: Sequence[bytes], ring: Ring) -> Delivered:
        """See `Outlet.deliver`."""
        self._out.write(batches)
        return Delivered()

    def close(self) -> None:
        """The file is its owner's to close."""


def _ingest(store: Store, batches: Sequence[bytes]) -> Delivered:
    reasons: list[str] = []

    def note(line: BadLine) -> None:
        if not reasons:
            reasons.append(line.reason)

    report = store.ingest(_lines(batches), reject=note)
    return Delivered(report.known_events, report.rejected, "".join(reasons))


def _lines(batches: Sequence[bytes]) -> Iterator[bytes]:
    for batch in batches:
        yield from BytesIO(batch)
