"""What the readers of both capture formats share: frames, and one safe way to read a file."""

from __future__ import annotations

from typing import BinaryIO

import msgspec

from zt.errors import CaptureError

MAX_FRAME = 262_144  # bytes; libpcap's own MAXIMUM_SNAPLEN
MAX_TIME = 253_402_300_799_999_999  # microseconds; the last one of year 9999, the end of RFC 3339
_CHUNK = 65_536  # bytes read at once when something is skipped


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One captured frame.

    Attributes:
        time: microseconds since 1970 (UTC), within 0..MAX_TIME.
        link_type: LINKTYPE_ number of the interface it was captured on.
        data: its bytes, as far as they were captured.
        cut: the snap length cut some of its bytes off.
    """

    time: int
    link_type: int
    data: bytes
    cut: bool


class Source:
    """A binary stream that delivers exactly what is asked for, or says that the file is cut off.

    It reads forwards only, so a pipe is as good as a file.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self.name = name
        self.packets = 0  # frames delivered so far, for messages

    def read_up_to(self, size: int) -> bytes:
        """Reads `size` bytes, or fewer at the end of the file (a pipe may deliver in pieces)."""
        data = self._stream.read(size)
        if len(data) == size or not data:
            return data
        pieces = [data]
        missing = size - len(data)
        while missing and (data := self._stream.read(missing)):
            pieces.append(data)
            missing -= len(data)
        return b"".join(pieces)

    def read(self, size: int) -> bytes:
        """Reads exactly `size` bytes.

        Raises:
            CaptureError: the file ends before.
        """
        data = self.read_up_to(size)
        if len(data) < size:
            raise self.cut_off()
        return data

    def skip(self, size: int) -> None:
        """Drops `size` bytes without holding them.

        Raises:
            CaptureError: the file ends before.
        """
        while size > 0:
            size -= len(self.read(min(size, _CHUNK)))

    def cut_off(self) -> CaptureError:
        """The error of a file that ends inside a packet or block."""
        return CaptureError(
            f"{self.name}: the capture is cut off after packet {self.packets}",
            "what came before the cut was used; capture again, or repair the file with "
            "pcapfix or editcap",
        )

    def damaged(self, what: str) -> CaptureError:
        """The error of a file whose structure can't be true."""
        return CaptureError(
            f"{self.name}: the capture is damaged after packet {self.packets}: {what}",
            "what came before was used; capture again, or repair the file with pcapfix",
        )
