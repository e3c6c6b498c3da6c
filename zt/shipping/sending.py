"""Out of the spool, into the outlet: in order, again and again until it is there.

An outage is bridged by trying again with growing, random pauses, so that a hundred probes do not
fall upon a store that has just come back. What can never be delivered is set aside: a damaged
batch, one of another tenant or of a twin key, one of an epoch whose keys were destroyed.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from analytics.wire import AnalyticsError, HeaderLine, VersionError, decode_bytes, parse_line
from keys import KeysError, Ring, WrongKeyError
from zt.errors import ZtError
from zt.shipping.counters import ShippingCounters
from zt.shipping.outlets import Outlet
from zt.shipping.parcel import Parcel
from zt.shipping.spool import Spool
from zt.shipping.trouble import Trouble

FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 30.0
"""Seconds between two attempts, at first and at most."""

_GLANCE: Final = 1.0  # seconds between two looks at an empty spool


class Sender:
    """Delivers what a spool holds, in a thread of its own by `run`.

    Args:
        spool: where batches wait.
        outlet: where they go.
        ring: whose batches they must be; its file is watched.
        counters: what is counted here.
        say: is given what a person should know.
    """

    def __init__(
        self,
        spool: Spool,
        outlet: Outlet,
        ring: Ring,
        counters: ShippingCounters,
        say: Callable[[str], None],
    ) -> None:
        self._spool = spool
        self._outlet = outlet
        self._ring = ring
        self._counters = counters
        self._say = say
        self._trouble = Trouble(say, "events are delivered again")
        self._refusal = Trouble(say, "the store takes all lines again")
        self._hurry = threading.Event()
        self._is_ending = self._is_giving_up = False
        self._failed = 0  # attempts in a row

    def run(self) -> None:
        """Deliver until the end was asked for, and nothing waits, or can be delivered now.

        Raises:
            BrokenPipeError: the outlet is a pipe, whose reader has left.
        """
        try:
            while not self._is_giving_up:
                parcels = self._spool.take(_GLANCE)
                if parcels:
                    self._wait(self._deliver(parcels))
                    if self._failed and self._is_ending:
                        return
                elif self._is_ending:
                    return
        finally:
            self._outlet.close()

    def hurry(self) -> None:
        """Try now, however long the pause was to be."""
        self._hurry.set()

    def end(self) -> None:
        """Deliver what is there and return; a failure ends it too."""
        self._is_ending = True
        self._spool.wake()
        self._hurry.set()

    def give_up(self) -> None:
        """Return after the delivery under way."""
        self._is_giving_up = True
        self.end()

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and self._hurry.wait(seconds) and not self._is_ending:
            self._hurry.clear()

    def _deliver(self, parcels: list[Parcel]) -> float:
        """Deliver batches; the seconds to wait before the next ones."""
        try:
            ring = self._ring = self._ring.refreshed()
            batches = self._opened(parcels, ring)
            delivered = self._outlet.deliver(list(batches.values()), ring) if batches else None
        except (AnalyticsError, KeysError, ZtError, OSError) as error:
            self._spool.put_back(parcels)
            if isinstance(error, BrokenPipeError):
                raise  # whoever read has left, and can't come back to this pipe
            return self._fail(error)
        events = sum(parcel.events for parcel in batches)
        if delivered is not None:
            self._counters.known += delivered.known
            self._counters.refused += delivered.refused
            events -= delivered.refused
        if delivered is not None and delivered.refused:
            self._refusal.tell(delivered.reason, f"the store refused lines: {delivered.reason}")
            for parcel in batches:
                self._spool.set_aside(parcel, "was not taken whole")
        else:
            self._spool.settle(batches)
        self._counters.delivered += events
        self._failed = 0
        self._trouble.is_over()
        return self._outlet.rest

    def _opened(self, parcels: list[Parcel], ring: Ring) -> dict[Parcel, bytes]:
        """The bytes of the batches that can be delivered; the others are set aside."""
        batches = {}
        for parcel in parcels:
            data = self._spool.read(parcel)
            if data is None:
                continue
            reason = _unfit(data, ring)
            if reason:
                self._spool.set_aside(parcel, reason)
            else:
                batches[parcel] = data
        return batches

    def _fail(self, error: Exception) -> float:
        self._failed += 1
        self._counters.failures += 1
        what = error.diagnostics() if isinstance(error, _TOLD) else _system_error(error)
        self._trouble.tell(str(error), f"{what}; events wait in the spool, trying again")
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failed - 1, 10))
        return random.uniform(longest / 2, longest)


_TOLD = (AnalyticsError, KeysError, ZtError)


def _system_error(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) else None
    return f"can't deliver: {(reason or type(error).__name__).lower()}"


def _unfit(data: bytes, ring: Ring) -> str:
    """Why a batch is not to be delivered in the name of this ring; nothing if it is."""
    try:
        line = parse_line(data.partition(b"\n")[0])
    except VersionError as error:
        return f"can't be sent: {error}"
    if not isinstance(line, HeaderLine):
        return "begins with no header"
    header = line.header
    if header.tenant != ring.tenant:
        return f"is of another tenant than the key ring ({ring.tenant})"
    kcv = decode_bytes(header.kcv)
    if ring.has_destroyed(header.kid, kcv):
        return f"is of epoch {header.kid}, whose keys were destroyed: nobody can open it"
    try:
        ring.epoch(header.kid, kcv)
    except WrongKeyError:
        return f"is of epoch {header.kid}, which is none of the key ring's"
    return ""


__all__ = ["Sender"]
