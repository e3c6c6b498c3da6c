"""SIP datagrams as streams: the same messages over TCP and over WebSocket."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable

from support.capture_packets import TCP, UDP, Timed, payload, protocol, with_payload

FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
_SIP = re.compile(rb"(?:SIP/2\.0 |[A-Z]+ [^\r\n]* SIP/2\.0\r?\n)")
_LENGTH = re.compile(rb"\r?\n(?:Content-Length|l)[ \t]*:[^\r\n]*", re.IGNORECASE)
_MASK = b"\x12\x34\x56\x78"

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: pbx.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: sip\r\n\r\n"
)
UPGRADED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)


def segment(
    src_port: int,
    dst_port: int,
    sequence: int,
    acknowledged: int,
    flags: int,
    data: bytes = b"",
) -> bytes:
    """A TCP segment without checksum."""
    head = (src_port, dst_port, sequence & 0xFFFFFFFF, acknowledged & 0xFFFFFFFF, 0x50, flags)
    return struct.pack(">HHIIBBHHH", *head, 65_535, 0, 0) + data


def frame(data: bytes, *, masked: bool, opcode: int = 1, final: bool = True) -> bytes:
    """A WebSocket frame (RFC 6455 section 5.2)."""
    first = opcode | (0x80 if final else 0)
    mask = 0x80 if masked else 0
    if len(data) < 126:
        head = bytes([first, mask | len(data)])
    elif len(data) < 65_536:
        head = struct.pack(">BBH", first, mask | 126, len(data))
    else:
        head = struct.pack(">BBQ", first, mask | 127, len(data))
    if not masked:
        return head + data
    return head + _MASK + bytes(one ^ _MASK[at % 4] for at, one in enumerate(data))


def with_true_length(message: bytes) -> bytes:
    """The message with the Content-Length that a stream needs."""
    head, end, body = message.partition(b"\r\n\r\n")
    if not end:  # some captures have messages without the line that ends the head
        head, body = message.rstrip(b"\r\n"), b""
    return _LENGTH.sub(b"", head) + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class _Stream:
    """One connection in the making; `packet` is one of the datagrams it replaces."""

    def __init__(self, client: tuple[bytes, int], packet: bytes) -> None:
        self.client = client
        self.sent = {True: 1_000, False: 5_000}  # next sequence numbers; True: of the client

    def send(self, packet: bytes, flags: int, data: bytes = b"") -> bytes:
        """A segment in the direction of a datagram."""
        source, ports = _ends(packet)
        mine = source == self.client
        made = segment(*ports, self.sent[mine], self.sent[not mine], flags, data)
        self.sent[mine] += len(data) + bool(flags & (SYN | FIN))
        return with_payload(packet, made, carries=TCP)


def _ends(packet: bytes) -> tuple[tuple[bytes, int], tuple[int, int]]:
    """Who sends a datagram, and its ports."""
    address = packet[12:16] if packet[0] >> 4 == 4 else packet[8:24]
    src_port, dst_port = struct.unpack_from(">HH", payload(packet))
    return (address, src_port), (src_port, dst_port)


def _backwards(packet: bytes) -> bytes:
    """A datagram from the receiver to the sender."""
    at, size = (12, 4) if packet[0] >> 4 == 4 else (8, 16)
    src, dst = packet[at : at + size], packet[at + size : at + 2 * size]
    turned = packet[:at] + dst + src + packet[at + 2 * size :]
    data = payload(packet)
    return with_payload(turned, data[2:4] + data[:2] + data[4:])


def as_tcp(found: Iterable[Timed]) -> list[Timed]:
    """All SIP datagrams as segments of connections that are opened before them."""
    return list(_streams(found, lambda message, _: with_true_length(message), b"", b""))


def as_websocket(found: Iterable[Timed]) -> list[Timed]:
    """All SIP datagrams in WebSocket frames."""
    return list(
        _streams(found, lambda message, mine: frame(message, masked=mine), UPGRADE, UPGRADED)
    )


def _streams(
    found: Iterable[Timed],
    wrap: Callable[[bytes, bool], bytes],
    asked: bytes,
    granted: bytes,
) -> Iterable[Timed]:
    streams: dict[frozenset[tuple[bytes, int]], _Stream] = {}
    for time, packet in found:
        message = payload(packet)[8:]
        if protocol(packet) != UDP or not _SIP.match(message):
            yield Timed(time, packet)
            continue
        client, answering = _ends(packet)[0], _backwards(packet)
        key = frozenset((client, _ends(answering)[0]))
        stream = streams.get(key)
        if stream is None:
            stream = streams[key] = _Stream(client, packet)
            yield Timed(time, stream.send(packet, SYN))
            yield Timed(time, stream.send(answering, SYN | ACK))
            yield Timed(time, stream.send(packet, ACK))
            if asked:
                yield Timed(time, stream.send(packet, ACK, asked))
                yield Timed(time, stream.send(answering, ACK, granted))
        data = wrap(message, client == stream.client)
        yield Timed(time, stream.send(packet, ACK | PSH, data))
        yield Timed(time, stream.send(answering, ACK))
