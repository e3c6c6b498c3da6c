"""The block format of Wireshark: sections, interfaces with their own clocks, packets.

Reference: draft-ietf-opsawg-pcapng. Read are section headers, interface descriptions (with
if_tsresol and if_tsoffset), enhanced, simple and obsolete packet blocks; all other blocks are
skipped without being held. A capture may mix interfaces: frames of an unsupported link type are
yielded like others, for the caller to count, and are an error only where there is nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from zt.sip.capture.link import LINK_TYPES
from zt.sip.capture.pcap import unsupported
from zt.sip.capture.source import MAX_FRAME, MAX_TIME, Frame, Source

SECTION_MAGIC = b"\x0a\x0d\x0d\x0a"  # a palindrome: it reads the same in both byte orders

_SECTION, _INTERFACE, _OBSOLETE_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET = (
    0x0A0D0D0A,
    0x00000001,
    0x00000002,
    0x00000003,
    0x00000006,
)
_FRAMING = 12  # bytes: type, length, and the length again at the end
_MAX_BLOCK = MAX_FRAME + 65_536  # bytes; a packet with all its options
_MAX_INTERFACES = 4_096  # a section may not make us remember more
_TSRESOL, _TSOFFSET = 9, 14  # option codes
_MICROSECOND = 1_000_000  # ticks in a second, the default resolution


class _Interface(NamedTuple):
    link_type: int
    snap_length: int  # bytes; 0: none
    ticks: int  # in one second
    offset: int  # seconds to add


def read(source: Source) -> Iterator[Frame]:
    """Reads a capture whose first four bytes (`SECTION_MAGIC`) are gone already.

    Raises:
        CaptureError: cut off, damaged, or all of it of unsupported link types.
    """
    order = _section(source)
    interfaces: list[_Interface] = []
    time = 0  # simple packet blocks have no clock: they inherit the last one seen
    foreign: int | None = None  # a link type that is not supported
    usable = False
    while header := source.read_up_to(8):
        if len(header) < 8:
            raise source.cut_off()
        kind, length = struct.unpack(order + "II", header)
        if kind == _SECTION:
            order = _section(source, header[4:])
            interfaces.clear()
            continue
        if length < _FRAMING or length % 4:
            raise source.damaged(f"a block claims {length} bytes")
        if kind not in (_INTERFACE, _OBSOLETE_PACKET, _SIMPLE_PACKET, _ENHANCED_PACKET):
            source.skip(length - 8)
            continue
        if length > _MAX_BLOCK:
            raise source.damaged(f"a packet block claims {length} bytes")
        body = source.read(length - 8)[:-4]
        if kind == _INTERFACE:
            if len(interfaces) == _MAX_INTERFACES:
                raise source.damaged(f"more than {_MAX_INTERFACES} interfaces")
            interfaces.append(_interface(source, order, body))
            continue
        frame = _packet(source, order, kind, body, interfaces, time)
        source.packets += 1
        time = frame.time
        if frame.link_type in LINK_TYPES:
            usable = True
        else:
            foreign = frame.link_type
        yield frame
    if foreign is not None and not usable:
        raise unsupported(source.name, foreign)


def _section(source: Source, length: bytes | None = None) -> str:
    """Reads a section header after its type, or after its length too; gives its byte order."""
    length = length or source.read(4)
    magic = source.read(4)
    if magic == b"\x1a\x2b\x3c\x4d":
        order = ">"
    elif magic == b"\x4d\x3c\x2b\x1a":
        order = "<"
    else:
        raise source.damaged("a section header without a byte order")
    size: int = struct.unpack(order + "I", length)[0]
    if size < 28 or size % 4:
        raise source.damaged(f"a section header claims {size} bytes")
    source.skip(size - 12)
    return order


def _interface(source: Source, order: str, body: bytes) -> _Interface:
    if len(body) < 8:
        raise source.damaged("an interface description is too short")
    link_type, snap_length = struct.unpack_from(order + "HxxI", body)
    ticks, offset = _MICROSECOND, 0
    position = 8
    while position + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, position)
        value = body[position + 4 : position + 4 + size]
        if code == 0:  # end of options
            break
        if code == _TSRESOL and len(value) >= 1:
            exponent = value[0] & 0x7F
            ticks = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == _TSOFFSET and len(value) >= 8:
            offset = struct.unpack_from(order + "q", value)[0]
        position += 4 + (size + 3) // 4 * 4
    return _Interface(link_type, snap_length, ticks, offset)


def _packet(
    source: Source, order: str, kind: int, body: bytes, interfaces: list[_Interface], time: int
) -> Frame:
    """One packet block as a frame; `time` is that of the packet before."""
    if kind == _SIMPLE_PACKET:
        if len(body) < 4 or not interfaces:
            raise source.damaged("a simple packet block without data or interface")
        interface = interfaces[0]
        original = struct.unpack_from(order + "I", body)[0]
        captured = min(original, len(body) - 4, interface.snap_length or MAX_FRAME)
        return Frame(time, interface.link_type, body[4 : 4 + captured], captured < original)
    if len(body) < 20:
        raise source.damaged("a packet block is too short")
    layout = "IIIII" if kind == _ENHANCED_PACKET else "HxxIIII"
    number, high, low, captured, original = struct.unpack_from(order + layout, body)
    if number >= len(interfaces):
        raise source.damaged(f"a packet names interface {number}, which was not described")
    if captured > len(body) - 20:
        raise source.damaged(f"a packet claims {captured} bytes")
    interface = interfaces[number]
    ticks = high << 32 | low
    time = ticks * 1_000_000 // interface.ticks + interface.offset * 1_000_000
    time = min(max(time, 0), MAX_TIME)
    return Frame(time, interface.link_type, body[20 : 20 + captured], captured < original)
