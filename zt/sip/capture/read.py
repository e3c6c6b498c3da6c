"""Tells capture formats apart by their first bytes.

References: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from zt.errors import CaptureError
from zt.sip.capture import pcap, pcapng
from zt.sip.capture.source import Frame, Source

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"


def read_frames(stream: BinaryIO, name: str) -> Iterator[Frame]:
    """Reads a pcap or pcapng capture of either byte order.

    Args:
        stream: the capture; read forwards only, never closed.
        name: what to call it in messages.

    Yields:
        Frames in the file's order.

    Raises:
        CaptureError: no capture, an unsupported link type, or a file that is damaged or cut off;
            the frames before the cut have been yielded by then.
    """
    source = Source(stream, name)
    magic = source.read_up_to(4)
    if magic in pcap.MAGICS:
        yield from pcap.read(source, magic)
    elif magic == pcapng.SECTION_MAGIC:
        yield from pcapng.read(source)
    else:
        raise _no_capture(name, magic)


def _no_capture(name: str, magic: bytes) -> CaptureError:
    if not magic:
        return CaptureError(f"{name}: the file is empty", "give a pcap or pcapng capture")
    if magic.startswith(_GZIP) or magic == _ZSTD:
        return CaptureError(
            f"{name}: a compressed file, not a capture", "decompress it first (gunzip, unzstd)"
        )
    return CaptureError(
        f"{name}: not a capture file",
        "pcap and pcapng are understood; convert others with editcap -F pcapng",
    )
