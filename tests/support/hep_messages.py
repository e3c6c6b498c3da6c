"""Builds HEP messages by hand, as agents send them, so that tests show every byte they mean."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

from support.sip_packets import PHONE, SERVER, START, ask, packed

REQUEST = ask("OPTIONS").encode()
PHONE6, SERVER6 = "2001:db8::5", "2001:db8::10"

Chunk = tuple[int, int, bytes]  # vendor, type, value


def v3(chunks: Iterable[Chunk]) -> bytes:
    """A message of version 3."""
    body = b"".join(struct.pack(">HHH", v, kind, 6 + len(b)) + b for v, kind, b in chunks)
    return b"HEP3" + struct.pack(">H", 6 + len(body)) + body


def chunks(
    payload: bytes = REQUEST,
    *,
    src: str = PHONE,
    dst: str = SERVER,
    time: int = START,
    protocol: int = 17,
    payload_type: int = 1,
) -> list[Chunk]:
    """The chunks that Kamailio sends, in its order."""
    six = ":" in src
    family = socket.AF_INET6 if six else socket.AF_INET
    return [
        (0, 1, bytes([family])),
        (0, 2, bytes([protocol])),
        (0, 5 if six else 3, packed(src)),
        (0, 6 if six else 4, packed(dst)),
        (0, 7, struct.pack(">H", 5060)),
        (0, 8, struct.pack(">H", 5070)),
        (0, 9, struct.pack(">I", time // 1_000_000)),
        (0, 10, struct.pack(">I", time % 1_000_000)),
        (0, 11, bytes([payload_type])),
        (0, 12, struct.pack(">I", 2001)),
        (0, 15, payload),
    ]


def v2(
    payload: bytes = REQUEST,
    *,
    version: int = 2,
    src: str = PHONE,
    dst: str = SERVER,
    time: int = START,
    protocol: int = 17,
    order: str = "<",
    length_with_time: bool = False,
    family: int | None = None,
) -> bytes:
    """A message of version 2, or of 1, which has no time."""
    six = ":" in src
    addresses = packed(src) + packed(dst)
    stamp = b""
    if version == 2:
        stamp = struct.pack(order + "IIHxx", time // 1_000_000, time % 1_000_000, 2001)
    length = 8 + len(addresses) + (len(stamp) if length_with_time else 0)
    number = family or (socket.AF_INET6 if six else socket.AF_INET)
    head = struct.pack(">BBBBHH", version, length, number, protocol, 5060, 5070)
    return head + addresses + stamp + payload
