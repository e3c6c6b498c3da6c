"""HEP version 3: "HEP3", the whole length, then chunks of vendor, type, length and value.

All numbers are big-endian; a chunk's length counts its own six bytes. Chunks of other vendors
than 0 and of unknown types are skipped, a chunk that comes twice counts as it came last. The
family (chunk 1) is not looked at: its number depends on the agent's system, and which addresses
there are says the same.

Reference: "HEP/EEP Network Protocol Specification" rev. 32 of the Homer project.
"""

from __future__ import annotations

import struct
import zlib

from zt.sip.hep.content import MAX_PAYLOAD, SIP, Content, Refusal, unmapped

MAGIC = b"HEP3"
HEADER_SIZE = 6  # bytes of magic and length

(
    _PROTOCOL,
    _SRC_IPV4,
    _DST_IPV4,
    _SRC_IPV6,
    _DST_IPV6,
    _SRC_PORT,
    _DST_PORT,
    _SECONDS,
    _MICROSECONDS,
    _PAYLOAD_TYPE,
) = range(2, 12)
_KEY, _PAYLOAD, _COMPRESSED = 14, 15, 16

_MAX_CHUNKS = 256  # messages of today have up to twenty

_CHUNK = struct.Struct(">HHH")
_LENGTH = struct.Struct(">H")
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS  # zlib finds out which of both it is


def message_length(header: bytes | bytearray) -> int:
    """How long the message is that begins with these six bytes; 0 if none can begin so."""
    length: int = _LENGTH.unpack_from(header, 4)[0]
    return length if header[:4] == MAGIC and length >= HEADER_SIZE else 0


def decode(data: bytes) -> Content | Refusal:
    """Takes a message of version 3 apart. Never raises.

    Bytes after the end of the message are ignored. A payload that reaches beyond the end of the
    data is `cut`: FreeSWITCH sends no more than 16,000 bytes of a message, under its full length.
    """
    if len(data) < HEADER_SIZE:
        return Refusal.MALFORMED
    length = message_length(data)
    if not length:
        return Refusal.MALFORMED
    end = min(length, len(data))
    chunks: dict[int, bytes] = {}
    cut = False
    position = HEADER_SIZE
    unpack = _CHUNK.unpack_from
    for _ in range(_MAX_CHUNKS):
        if position + 6 > end:
            break
        vendor, kind, size = unpack(data, position)
        stop = position + size
        if size < 6:
            return Refusal.MALFORMED
        if stop > end:
            if vendor or kind != _PAYLOAD or stop > length:
                return Refusal.MALFORMED
            cut = True
        if not vendor:
            chunks[kind] = data[position + 6 : stop]
        position = stop
    if position < end:  # too many chunks, or what is left is too short for one
        return Refusal.MALFORMED
    return _content(chunks, cut)


def _content(chunks: dict[int, bytes], cut: bool) -> Content | Refusal:
    number = int.from_bytes
    payload = chunks.get(_PAYLOAD)
    payload_type = number(chunks.get(_PAYLOAD_TYPE, b"\1"), "big")
    if payload is None and payload_type == SIP and _COMPRESSED in chunks:
        inflated = _inflate(chunks[_COMPRESSED])
        if isinstance(inflated, Refusal):
            return inflated
        payload = inflated
    addresses = _addresses(chunks)
    if addresses is None:
        # What is no SIP (a keep-alive, a log line) may well be about no connection.
        return Refusal.MALFORMED if payload and payload_type == SIP else Refusal.OTHER_PAYLOAD
    times: tuple[int, ...] = ()
    if seconds := chunks.get(_SECONDS):
        fraction = number(chunks.get(_MICROSECONDS, b""), "big")
        if fraction < 1_000_000:
            times = (number(seconds, "big") * 1_000_000 + fraction,)
    return Content(
        addresses[0],
        number(chunks.get(_SRC_PORT, b"")[-2:], "big"),
        addresses[1],
        number(chunks.get(_DST_PORT, b"")[-2:], "big"),
        number(chunks.get(_PROTOCOL, b"\x11"), "big"),
        times,
        payload_type,
        payload or b"",
        cut,
        chunks.get(_KEY, b""),
    )


def _addresses(chunks: dict[int, bytes]) -> tuple[bytes, bytes] | None:
    """Source and destination, or None where they are missing or contradict each other."""
    src, dst = chunks.get(_SRC_IPV4), chunks.get(_DST_IPV4)
    src6, dst6 = chunks.get(_SRC_IPV6), chunks.get(_DST_IPV6)
    if src is not None and dst is not None and src6 is None and dst6 is None:
        return (src, dst) if len(src) == len(dst) == 4 else None
    if src6 is not None and dst6 is not None and src is None and dst is None:
        return unmapped(src6, dst6) if len(src6) == len(dst6) == 16 else None
    return None


def _inflate(data: bytes) -> bytes | Refusal:
    """Undoes gzip or zlib (OpenSIPS has both), never beyond `MAX_PAYLOAD`."""
    inflater = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        inflated = inflater.decompress(data, MAX_PAYLOAD + 1)
    except zlib.error:
        return Refusal.MALFORMED
    if len(inflated) > MAX_PAYLOAD:
        return Refusal.OVERSIZED
    return inflated if inflater.eof else Refusal.MALFORMED
