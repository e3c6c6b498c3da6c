"""The live source: interfaces in, datagrams out."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from zt.errors import InputError, ZtError
from zt.sip.capture import Datagram, Decoder, Frame
from zt.sip.live import filters
from zt.sip.live.filters import DEFAULT_PORTS, PortRange
from zt.sip.live.interfaces import ANY, Interface, find, require
from zt.sip.live.merging import HOLD, Merging
from zt.sip.live.ring import Ring, RingCounters

RING_SIZE = 32 * 1024 * 1024  # bytes for each interface: ten seconds, or less of a flood
_AT_ONCE = 4_000  # packets of one interface in one reading
_LOOK_EVERY = 1.0  # seconds between looks for an interface that went away
_MAX_INTERFACES = 64


class LiveSource:
    """Captures SIP from network interfaces; a `zt.sip.source.Source`.

    At the start an interface that is missing or down is an error. One that leaves later, or goes
    down, is waited for: it may come back under its name (a tunnel, a container's) with another
    number, and capturing goes on.

    Args:
        interfaces: their names; `any` alone for all, also those that come later.
        ports: ranges of ports of interest, see `zt.sip.live.filters`; None for all ports.
        unfiltered: let the kernel pass everything, `ports` included.
        promiscuous: take what is sent to others too; not possible for `any`.
        ring_size: bytes of memory that the kernel fills for each interface.
        decoder: what finds datagrams in frames.

    Raises:
        InputError: no interface, an unknown one, one that is down, or ports that make no sense.
        ZtError: the capability CAP_NET_RAW is missing, or memory for the ring.
    """

    def __init__(
        self,
        interfaces: Sequence[str],
        ports: Iterable[PortRange] | None = DEFAULT_PORTS,
        *,
        unfiltered: bool = False,
        promiscuous: bool = True,
        ring_size: int = RING_SIZE,
        decoder: Decoder | None = None,
    ) -> None:
        names = _checked(interfaces)
        self._ports = None if ports is None else filters.merged(ports)
        self._unfiltered = unfiltered
        self._promiscuous = promiscuous
        self._ring_size = ring_size
        self._decoder = decoder or Decoder()
        self._poll = select.poll()
        self._rings: dict[str, Ring] = {}
        self._by_number: dict[int, Ring] = {}
        self._away: set[str] = set()
        self._looked = 0.0
        self._several = len(names) > 1
        self._merging = Merging()
        self._gone = RingCounters()  # what rings that are closed have counted
        self._taken = 0  # packets taken out of rings
        try:
            for interface in [require(name) for name in names]:
                self._open(interface)
        except ZtError:
            self.close()
            raise

    def read(self, timeout: float) -> list[Datagram]:
        """See `zt.sip.source.Source`."""
        if self._away:
            self._look()
            timeout = min(timeout, _LOOK_EVERY)
        if self._merging:
            timeout = min(timeout, HOLD)
        frames: list[Frame] = []
        for number, events in self._poll.poll(max(timeout, 0.0) * 1_000):
            ring = self._by_number[number]
            frames += ring.read(_AT_ONCE)
            if events & ~select.POLLIN and ring.error():
                self._leave(ring)
        self._taken += len(frames)
        if self._several:
            now = time.monotonic()
            self._merging.add(frames, now)
            frames = self._merging.take(now)
        if frames:
            feed = self._decoder.feed
            return [datagram for frame in frames for datagram in feed(frame)]
        if self._merging:
            return []
        # Only now: while frames wait in the ring, the wall clock is ahead of them.
        return self._decoder.expire(time.time_ns() // 1_000)

    def counters(self) -> dict[str, int]:
        """See `zt.sip.source.Source`; the names are those of `CaptureCounters`, and these.

        packets: what passed the kernel's filter; kernel_drops: of these, those that were lost
        since the probe was too slow; waiting_now: those that are in the kernel's memory still, at
        the end lost; interfaces_away_now: those that are waited for.
        """
        kept = [self._gone, *(ring.counters() for ring in self._rings.values())]
        packets = sum(counters.packets for counters in kept)
        drops = sum(counters.drops for counters in kept)
        return {
            **asdict(self._decoder.counters),
            "packets": packets,
            "kernel_drops": drops,
            "waiting_now": max(packets - drops - self._taken, 0),
            "interfaces_away_now": len(self._away),
        }

    def close(self) -> None:
        """See `zt.sip.source.Source`."""
        for ring in list(self._rings.values()):
            self._shut(ring)
        self._away.clear()

    def _open(self, interface: Interface) -> None:
        if self._unfiltered:
            program = filters.everything()
        else:
            program = filters.sip(self._ports, link_header=interface.link.header)
        ring = Ring(interface, program, size=self._ring_size, promiscuous=self._promiscuous)
        self._rings[interface.name] = ring
        self._by_number[ring.fileno()] = ring
        self._poll.register(ring.fileno(), select.POLLIN)

    def _shut(self, ring: Ring) -> None:
        self._poll.unregister(ring.fileno())
        del self._by_number[ring.fileno()]
        del self._rings[ring.interface.name]
        ring.close()
        counters = ring.counters()
        self._gone.packets += counters.packets
        self._gone.drops += counters.drops

    def _leave(self, ring: Ring) -> None:
        """The interface went down or away; what is in its ring is read until the next look."""
        self._away.add(ring.interface.name)
        self._looked = time.monotonic()

    def _look(self) -> None:
        """Goes on with interfaces that are back."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return
        self._looked = now
        for name in list(self._away):
            interface = find(name)
            ring = self._rings.get(name)
            if ring is not None and not _same(interface, ring.interface):
                self._shut(ring)
                ring = None
            if interface is None or not interface.up:
                continue
            try:
                if ring is None:
                    self._open(interface)
            except ZtError:  # gone again
                continue
            self._away.discard(name)


def _same(interface: Interface | None, before: Interface) -> bool:
    return interface is not None and interface.number == before.number


def _checked(interfaces: Sequence[str]) -> list[str]:
    names = list(dict.fromkeys(interfaces))
    if not names:
        raise InputError("no interface to capture on", f"name one, or `{ANY}` for all")
    if ANY in names and len(names) > 1:
        raise InputError(
            f"`{ANY}` and {len(names) - 1} more interfaces", f"`{ANY}` has all of them already"
        )
    if len(names) > _MAX_INTERFACES:
        raise InputError(
            f"{len(names)} interfaces are too many", f"capture on {_MAX_INTERFACES}, or on `{ANY}`"
        )
    return names
