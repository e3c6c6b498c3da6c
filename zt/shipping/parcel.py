"""Encrypted batches as they lie in a spool: a name that says what is in it, and checks it.

The content is wire as it is, so that `zt-analytics ingest` reads such a file too. The name holds
the order, the number of events (known without reading), and a digest of the content: what a dying
disk or a torn write leaves is found out. The digest is no secret and proves no origin: that is
what seals and tags do.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final, Self

_NAME: Final = re.compile(r"(\d{16})-(0|[1-9]\d{0,8})-([0-9a-f]{32})\.zt", re.ASCII)
_LAST: Final = 9 * 10**15  # a name holds ten times as many; nobody comes near


@dataclass(slots=True, eq=False)
class Parcel:
    """A batch that waits to be delivered.

    Attributes:
        number: its place in the order.
        events: how many are in it.
        size: bytes.
        digest: of its bytes, in hexadecimal.
        time: seconds since 1970; when it was encrypted.
        data: its bytes while they are on no disk.
        is_leaving: whether it is being delivered at this moment.
    """

    number: int
    events: int
    size: int
    digest: str
    time: float
    data: bytes | None = None
    is_leaving: bool = False

    @classmethod
    def of(cls, number: int, events: int, data: bytes, time: float) -> Self:
        """A new one."""
        return cls(number, events, len(data), digest_of(data), time, data)

    @classmethod
    def named(cls, name: str, size: int, time: float) -> Self | None:
        """One that a file name stands for; None if it is no such name."""
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) > _LAST:
            return None
        return cls(int(match[1]), int(match[2]), size, match[3], time)

    @property
    def name(self) -> str:
        """The name of its file."""
        return f"{self.number:016d}-{self.events}-{self.digest}.zt"


def digest_of(data: bytes) -> str:
    """BLAKE2b-128 in hexadecimal."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
