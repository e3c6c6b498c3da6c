"""From frames to datagrams: the one object that a source of frames needs."""

from __future__ import annotations

import struct

from zt.sip.capture.counters import CaptureCounters
from zt.sip.capture.datagram import Datagram
from zt.sip.capture.duplicates import Duplicates
from zt.sip.capture.fragments import Fragments
from zt.sip.capture.ip import TCP, UDP, Fragment, Packet, Skip, follow, read
from zt.sip.capture.limits import CaptureLimits
from zt.sip.capture.link import LINK_TYPES
from zt.sip.capture.source import Frame
from zt.sip.capture.tcp import TcpStreams

_TICK = 1_000_000  # microseconds between two looks at what waits
_MAX_NESTED = 4  # fragments of fragments in tunnels
_UDP_HEADER = struct.Struct(">HHH")

# Most packets by far are UDP without IP options or extension headers: one look at all headers.
_IPV4_UDP = struct.Struct(">BxHHHxB2x4s4sHHH")
_IPV6_UDP = struct.Struct(">B3xHBx16s16sHHH")
_IPV4_UDP_SIZE, _IPV6_UDP_SIZE = 28, 48  # with the UDP checksum, which is not looked at
_ETHERNET, _ETHERNET_IPV4 = 1, b"\x08\x00"


class Decoder:
    """Finds the datagrams in the frames of one source, fed in the order of their capture.

    It holds what is incomplete (fragments, streams) within `CaptureLimits`, and never raises.

    Args:
        limits: how much to remember.

    Attributes:
        counters: what was seen so far.
    """

    def __init__(self, limits: CaptureLimits | None = None) -> None:
        limits = limits or CaptureLimits()
        self.counters = CaptureCounters()
        self._duplicates = Duplicates(limits)
        self._fragments = Fragments(limits, self.counters)
        self._tcp = TcpStreams(limits, self.counters)
        self._next_look = 0

    @property
    def held(self) -> int:
        """Bytes held for incomplete datagrams and streams, about."""
        return self._fragments.held + self._tcp.held

    def feed(self, frame: Frame) -> list[Datagram]:
        """Takes one frame; gives what it completed, often nothing, sometimes several."""
        time = frame.time
        counters = self.counters
        counters.frames += 1
        # Also where time goes back, as after a clock that was wrong.
        late = None if 0 < self._next_look - time <= 2 * _TICK else self.expire(time)
        found = self._frame(time, frame.link_type, frame.data)
        if isinstance(found, list):
            counters.carried += 1
            return late + found if late else found
        if frame.cut and found is Skip.MALFORMED:
            counters.cut_short += 1
        else:
            name = found.value
            setattr(counters, name, getattr(counters, name) + 1)
        return late or []

    def expire(self, now: int) -> list[Datagram]:
        """Lets time pass, to microsecond `now`; gives what need not wait any longer."""
        self._next_look = now + _TICK
        self._fragments.expire(now)
        late = self._tcp.expire(now)
        return [message for message in late if not self._duplicates.seen(message)]

    def finish(self) -> list[Datagram]:
        """Ends the capture; gives what need not wait any longer."""
        late = self._tcp.finish()
        return [message for message in late if not self._duplicates.seen(message)]

    def _frame(self, time: int, link_type: int, data: bytes) -> list[Datagram] | Skip:
        try:
            if link_type == _ETHERNET and data[12:14] == _ETHERNET_IPV4:
                position = 14
            else:
                find_ip = LINK_TYPES.get(link_type)
                if find_ip is None:
                    return Skip.UNSUPPORTED_LINK
                position = find_ip(data)
                if position < 0:
                    return Skip.NOT_IP
            if len(data) >= position + _IPV4_UDP_SIZE:
                first, total, number, flags, protocol, src, dst, src_port, dst_port, length = (
                    _IPV4_UDP.unpack_from(data, position)
                )
                # What is out of the ordinary in any way, `_any` judges.
                if first == 0x45 and protocol == UDP and not flags & 0x3FFF:
                    if total >= _IPV4_UDP_SIZE and length >= 8:
                        start = position + _IPV4_UDP_SIZE
                        # The shorter of both lengths counts: Ethernet pads, either may lie.
                        stop = start - 8 + (length if length < total - 20 else total - 20)
                        payload, cut = data[start:stop], stop > len(data)
                        return self._datagram(
                            time, src, src_port, dst, dst_port, payload, cut, number
                        )
                elif first >> 4 == 6 and len(data) >= position + _IPV6_UDP_SIZE:
                    _, total, protocol, src, dst, src_port, dst_port, length = (
                        _IPV6_UDP.unpack_from(data, position)
                    )
                    if protocol == UDP and total >= 8 and length >= 8:
                        start = position + _IPV6_UDP_SIZE
                        stop = start - 8 + (length if length < total else total)
                        payload, cut = data[start:stop], stop > len(data)
                        return self._datagram(time, src, src_port, dst, dst_port, payload, cut, 0)
            return self._any(time, data, position)
        except (IndexError, struct.error):  # the frame ends inside a header
            return Skip.MALFORMED

    def _any(self, time: int, data: bytes, position: int) -> list[Datagram] | Skip:
        """Any packet, whose IP header stands at `position`.

        Raises:
            IndexError, struct.error: the packet ends inside a header.
        """
        found = read(data, position)
        for _ in range(_MAX_NESTED):
            if not isinstance(found, Fragment):
                break
            whole = self._fragments.add(time, found)
            if whole is None:
                return Skip.FRAGMENT
            found = follow(whole)
        if isinstance(found, Fragment):
            return Skip.MALFORMED
        return self._packet(time, found) if isinstance(found, Packet) else found

    def _packet(self, time: int, packet: Packet) -> list[Datagram] | Skip:
        if packet.protocol == TCP:
            messages = self._tcp.feed(time, packet)
            return messages if isinstance(messages, Skip) else self._first_copies(messages)
        data, start, end = packet.data, packet.start, packet.end
        src_port, dst_port, length = _UDP_HEADER.unpack_from(data, start)
        if length < 8 or end < start + 8:
            return Skip.MALFORMED
        stop = min(start + length, end)
        return self._datagram(
            time,
            packet.src,
            src_port,
            packet.dst,
            dst_port,
            data[start + 8 : stop],
            stop > len(data),
            packet.identification,
        )

    def _first_copies(self, messages: list[Datagram]) -> list[Datagram] | Skip:
        """The messages of a stream that are no copies: a connection may come twice as a whole."""
        new = [message for message in messages if not self._duplicates.seen(message)]
        return new or Skip.DUPLICATE

    def _datagram(
        self,
        time: int,
        src: bytes,
        src_port: int,
        dst: bytes,
        dst_port: int,
        payload: bytes,
        cut: bool,
        identification: int,
    ) -> list[Datagram] | Skip:
        # Media and STUN begin with other bytes than text does: copies of them do no harm.
        if 9 < (payload[0] if payload else 0) < 127 and self._duplicates.seen_bytes(
            time, (src, dst, src_port, dst_port, identification, payload)
        ):
            return Skip.DUPLICATE
        return [Datagram(time, src, src_port, dst, dst_port, payload, "UDP", cut)]
