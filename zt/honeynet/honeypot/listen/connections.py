"""The connections that are open, and which of them gives way to a new one."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, TypeAlias

from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.sources import source_of
from zt.honeynet.honeypot.listen.stream import Stream
from zt.sip import Datagram
from zt.sip.tables import SECOND

# Addresses and ports of both sides, the other one's first
_Place: TypeAlias = tuple[tuple[bytes, int], tuple[bytes, int]]

_NEW_SHARE: Final = 4  # new ones are sure of a quarter of the places


class Connections:
    """All open streams, bounded, by source and by how long they have been silent.

    A new connection always finds a place. Where its source has its share, that source's own that
    was silent longest gives way; where all places are taken, one of all. Of these, those that have
    not sent a message yet go first while they have more than a quarter of the places, and else
    those that have: so neither who opens connections and says nothing, nor who holds many and
    says something now and then, keeps others out.

    Args:
        limits: how many.
        places: how many there may be, which the system's limits make fewer at times.
    """

    def __init__(self, limits: ListenLimits, places: int) -> None:
        self._places = places
        self._share = limits.connections_per_source
        self._handshake = int(limits.handshake_seconds * SECOND)
        self._message = int(limits.message_seconds * SECOND)
        self._idle = int(limits.idle_seconds * SECOND)
        self._new: OrderedDict[Stream, None] = OrderedDict()
        self._known: OrderedDict[Stream, None] = OrderedDict()
        self._by_source: dict[bytes, OrderedDict[Stream, None]] = {}
        self._by_place: dict[_Place, Stream] = {}

    def __len__(self) -> int:
        return len(self._new) + len(self._known)

    def __iter__(self) -> Iterator[Stream]:
        yield from self._new
        yield from self._known

    def __contains__(self, stream: Stream) -> bool:
        return stream in self._new or stream in self._known

    @property
    def held(self) -> int:
        """Bytes of messages that are not complete."""
        return sum(stream.framing.held for stream in self)

    def in_the_way(self, source: bytes) -> Stream | None:
        """Who has to leave before a source can have one more; None if nobody has."""
        own = self._by_source.get(source, ())
        if len(own) >= self._share:
            return next(iter(own))
        return self.oldest() if len(self) >= self._places else None

    def oldest(self) -> Stream | None:
        """Who has to leave first of all."""
        takes_new = self._new and (not self._known or len(self._new) * _NEW_SHARE > self._places)
        return next(iter(self._new if takes_new else self._known), None)

    def add(self, stream: Stream) -> None:
        """Takes a new one, for which there is a place."""
        self._new[stream] = None
        own = self._by_source.setdefault(source_of(stream.address[0]), OrderedDict())
        own[stream] = None
        self._by_place[stream.address, stream.local] = stream

    def find(self, request: Datagram) -> Stream | None:
        """The connection that a request came by, while it is open."""
        place = (request.src, request.src_port), (request.dst, request.dst_port)
        stream = self._by_place.get(place)
        return stream if stream is not None and stream.transport == request.transport else None

    def heard(self, stream: Stream) -> None:
        """A whole message of it came."""
        if stream not in self:
            return
        self._new.pop(stream, None)
        self._known[stream] = None
        self._known.move_to_end(stream)
        self._by_source[source_of(stream.address[0])].move_to_end(stream)

    def remove(self, stream: Stream) -> None:
        """It was closed."""
        if stream not in self:
            return
        self._new.pop(stream, None)
        self._known.pop(stream, None)
        source = source_of(stream.address[0])
        own = self._by_source[source]
        del own[stream]
        if not own:
            del self._by_source[source]
        del self._by_place[stream.address, stream.local]

    def late(self, now: int) -> list[Stream]:
        """Those that were silent, or slow with a handshake or message, for too long."""
        return [stream for stream in self if self._is_late(stream, now)]

    def _is_late(self, stream: Stream, now: int) -> bool:
        if stream.is_shaking_hands:
            return now - stream.heard > self._handshake
        if stream.began and now - stream.began > self._message:
            return True
        return now - stream.heard > (self._idle if stream.spoke else self._message)
