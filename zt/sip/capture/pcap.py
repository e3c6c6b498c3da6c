"""The classic capture format: one header, one link type, then packets.

Reference: draft-ietf-opsawg-pcap. Of its variants the two with published magics are read
(microseconds and nanoseconds, either byte order); Kuznetzov's "modified" format is not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from zt.errors import CaptureError
from zt.sip.capture.link import LINK_TYPES
from zt.sip.capture.source import MAX_FRAME, MAX_TIME, Frame, Source

# magic -> byte order of struct, fractions of a second that make one microsecond
MAGICS: dict[bytes, tuple[str, int]] = {
    b"\xa1\xb2\xc3\xd4": (">", 1),
    b"\xd4\xc3\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000),
}
_HEADER_REST = 20  # bytes after the magic
_RECORD = 16  # bytes


def read(source: Source, magic: bytes) -> Iterator[Frame]:
    """Reads what follows the magic.

    Raises:
        CaptureError: unsupported link type, cut off, or damaged.
    """
    order, per_microsecond = MAGICS[magic]
    # The upper half of the last field holds flags about frame check sequences.
    link_type = struct.unpack(order + "16xI", source.read(_HEADER_REST))[0] & 0xFFFF
    if link_type not in LINK_TYPES:
        raise unsupported(source.name, link_type)
    record = struct.Struct(order + "IIII")
    while header := source.read_up_to(_RECORD):
        if len(header) < _RECORD:
            raise source.cut_off()
        seconds, fraction, captured, original = record.unpack(header)
        if captured > MAX_FRAME:
            raise source.damaged(f"a packet claims {captured} bytes")
        data = source.read_up_to(captured)
        if len(data) < captured:
            raise source.cut_off()
        source.packets += 1
        time = min(seconds * 1_000_000 + fraction // per_microsecond, MAX_TIME)
        yield Frame(time, link_type, data, captured < original)


def unsupported(name: str, link_type: int) -> CaptureError:
    """The error of a capture from an interface whose frames are not understood."""
    return CaptureError(
        f"{name}: link type {link_type} is not supported",
        "Ethernet, Linux cooked, raw IP and loopback captures are understood",
    )
