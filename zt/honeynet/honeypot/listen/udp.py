"""SIP over UDP: a datagram is answered from the very address that it came to."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from zt.honeynet.honeypot.listen.counters import ListenCounters
from zt.honeynet.honeypot.listen.endpoints import IP_PKTINFO
from zt.honeynet.honeypot.listen.pending import Take, Way
from zt.sip import Datagram

_Ancillary: TypeAlias = list[tuple[int, int, bytes]]

_AT_ONCE: Final = 64  # datagrams from one socket before others have their turn
_LONGEST: Final = 65_535  # bytes
_PKTINFO: Final = struct.Struct("=i4s4s")  # interface, local address, destination: ip(7)
_PKTINFO_V6: Final = struct.Struct("=16si")  # address, interface: RFC 3542 section 6
_LINK_LOCAL: Final = (0xFE, 0x80)
_ROOM: Final = socket.CMSG_SPACE(_PKTINFO_V6.size)


class UdpListener:
    """One socket for datagrams.

    Args:
        opened: bound, with the option that tells local addresses; closed by who opened it.
        message_bytes: of longer datagrams only so much is taken.
        take: what is done with each.
        clock: nanoseconds since 1970.
        counters: where to count.
    """

    def __init__(
        self,
        opened: socket.socket,
        message_bytes: int,
        take: Take,
        clock: Callable[[], int],
        counters: ListenCounters,
    ) -> None:
        self.socket = opened
        self.port: int = opened.getsockname()[1]
        self._is_v6 = opened.family == socket.AF_INET6
        self._family = opened.family
        bound = _packed(opened.family, opened.getsockname()[0])
        self._bound = bound if any(bound) else None  # None: all addresses
        self._message_bytes = message_bytes
        self._take = take
        self._clock = clock
        self._counters = counters
        self._buffer = bytearray(_LONGEST)
        self._view = memoryview(self._buffer)

    def read(self) -> None:
        """Takes what has come, but not so much that others wait for long; never blocks."""
        receive, buffers = self.socket.recvmsg_into, [self._buffer]
        for _ in range(_AT_ONCE):
            try:
                length, ancillary, _, address = receive(buffers, _ROOM)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # an ICMP error about a reply
                self._counters.errors += 1
                continue
            self._datagram(length, ancillary, address)

    def way(self, request: Datagram) -> Way | None:
        """The way to a request's sender, if it may have come by this socket."""
        if request.dst_port != self.port or (len(request.dst) == 16) != self._is_v6:
            return None
        if self._bound not in (None, request.dst):
            return None
        return _UdpWay(
            self.socket,
            (socket.inet_ntop(self._family, request.src), request.src_port),
            self._answer_from(request.dst, 0),
        )

    def _datagram(self, length: int, ancillary: _Ancillary, address: tuple[Any, ...]) -> None:
        local, interface, is_to_us = self._local(ancillary)
        if not is_to_us:
            # Broadcast or multicast. Who asks everybody attacks nobody: phones look for their
            # registrar so (RFC 3261 section 10.2.6).
            self._counters.refused["broadcast"] += 1
            return
        taken = min(length, self._message_bytes)
        datagram = Datagram(
            self._clock() // 1_000,
            _packed(self._family, address[0]),
            address[1],
            local,
            self.port,
            bytes(self._view[:taken]),
            cut=taken < length,
        )
        way = _UdpWay(self.socket, address, self._answer_from(local, interface))
        self._take(datagram, way)

    def _local(self, ancillary: _Ancillary) -> tuple[bytes, int, bool]:
        """The local address, its interface, and whether it was sent to this address alone."""
        for level, kind, data in ancillary:
            if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(data) == _PKTINFO.size:
                interface, local, destination = _PKTINFO.unpack(data)
                return local, interface, local == destination
            if level == socket.IPPROTO_IPV6 and kind == socket.IPV6_PKTINFO:
                local, interface = _PKTINFO_V6.unpack(data)
                return local, interface, local[0] != 0xFF
        return b"", 0, False

    def _answer_from(self, local: bytes, interface: int) -> _Ancillary:
        """What makes the kernel send from an address of ours."""
        if not self._is_v6:
            # No interface: the route decides, as for every other program.
            data = _PKTINFO.pack(0, local, bytes(4))
            return [(socket.IPPROTO_IP, IP_PKTINFO, data)]
        is_on_link = local[0] == _LINK_LOCAL[0] and local[1] & 0xC0 == _LINK_LOCAL[1]
        data = _PKTINFO_V6.pack(local, interface if is_on_link else 0)
        return [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, data)]


class _UdpWay:
    """The way back to the sender of a datagram."""

    __slots__ = ("_address", "_ancillary", "_socket")

    def __init__(
        self, opened: socket.socket, address: tuple[Any, ...], ancillary: _Ancillary
    ) -> None:
        self._socket = opened
        self._address = address
        self._ancillary = ancillary

    def send(self, payload: bytes) -> bool:
        """See `Way`."""
        try:
            self._socket.sendmsg((payload,), self._ancillary, 0, self._address)
        except OSError:  # full, closed, no route, a subnet's broadcast address, a firewall
            return False
        return True


def _packed(family: int, host: str) -> bytes:
    """An address as bytes; a link-local one comes with its interface: fe80::1%eth0."""
    return socket.inet_pton(family, host.partition("%")[0])
