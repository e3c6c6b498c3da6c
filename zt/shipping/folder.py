"""The folder of a spool: files that are there whole or not at all, for one process at a time.

Invariants: a file under a parcel's name was written and synced before it got that name; nobody
but its owner can read or write the folder; what is not delivered is moved to `aside/`, never
deleted unseen, unless there is too much of it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

from zt.errors import SpoolError
from zt.shipping.parcel import Parcel, digest_of

ASIDE: Final = "aside"
_LOCK: Final = ".lock"
_ASIDE_SHARE: Final = 4
"""What is set aside may take one fourth of the spool's bytes, besides."""


class Found(NamedTuple):
    """What lies in a spool at the start: batches in order, and names of what is none."""

    parcels: list[Parcel]
    others: list[str]


class DamagedError(Exception):
    """A spooled batch is not what it was; the message says how."""


class SpoolFolder:
    """A folder, locked while it is open.

    Args:
        path: of the folder, which is made if there is none.
        limit: bytes; for what is set aside see `_ASIDE_SHARE`.

    Raises:
        SpoolError: it can't be made or written, others may write there, or another process has it.
    """

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self._aside_limit = limit // _ASIDE_SHARE
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = path.stat()
            if status.st_uid != os.geteuid() or status.st_mode & 0o022:
                raise SpoolError(
                    f"the spool {path} belongs to somebody else, or others may write there",
                    "give a folder of your own, or: chmod 700",
                )
            self._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise SpoolError(
                f"can't use the spool {path}: {(error.strerror or '').lower()}",
                "give a folder that can be written to",
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise SpoolError(
                f"another process uses the spool {path}",
                "stop it, or give each process a spool of its own",
            ) from None

    def close(self) -> None:
        """Let others have it."""
        os.close(self._lock)

    def find(self) -> Found:
        """What is there; what a crash left half written is removed."""
        parcels, others = [], []
        with os.scandir(self.path) as entries:
            for entry in entries:
                if entry.name in (_LOCK, ASIDE):
                    continue
                if entry.name.endswith(".tmp") and Parcel.named(entry.name[1:-4], 0, 0):
                    with contextlib.suppress(OSError):
                        Path(entry).unlink()
                    continue
                status = entry.stat(follow_symlinks=False)
                parcel = Parcel.named(entry.name, status.st_size, status.st_mtime)
                if parcel is None or not stat.S_ISREG(status.st_mode):
                    others.append(entry.name)
                else:
                    parcels.append(parcel)
        return Found(sorted(parcels, key=lambda parcel: parcel.name), sorted(others))

    def write(self, parcel: Parcel, data: bytes) -> None:
        """Write a batch: after a crash it is there whole, or not at all.

        Raises:
            OSError: it is not there.
        """
        temporary = self.path / f".{parcel.name}.tmp"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        try:
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self.path / parcel.name)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        self._sync()

    def read(self, parcel: Parcel) -> bytes:
        """The bytes of a batch, as they were written.

        Raises:
            DamagedError: they are others, or gone.
            OSError: the disk does not give them now.
        """
        try:
            handle = os.open(self.path / parcel.name, os.O_RDONLY | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise DamagedError("is gone") from None
        with os.fdopen(handle, "rb") as file:
            data = file.read(parcel.size + 1)
        if digest_of(data) != parcel.digest:
            raise DamagedError("is damaged")
        return data

    def remove(self, parcel: Parcel) -> None:
        """Remove a batch; one that comes back after a crash is sent twice, which does no harm."""
        with contextlib.suppress(OSError):
            (self.path / parcel.name).unlink()

    def set_aside(self, name: str) -> bool:
        """Move what is not to be sent out of the way; whether that worked."""
        aside = self.path / ASIDE
        try:
            aside.mkdir(mode=0o700, exist_ok=True)
            (self.path / name).rename(aside / name)
        except OSError:
            return False
        self._trim(aside)
        return True

    def _trim(self, aside: Path) -> None:
        """Let the oldest batches go that were set aside; what others put there stays."""
        with contextlib.suppress(OSError):
            kept = [
                (entry.name, entry.stat(follow_symlinks=False).st_size)
                for entry in os.scandir(aside)
                if Parcel.named(entry.name, 0, 0)
            ]
            size = sum(size for _, size in kept)
            for name, bytes_ in sorted(kept):
                if size <= self._aside_limit:
                    break
                (aside / name).unlink()
                size -= bytes_

    def _sync(self) -> None:
        """Have the names on the disk as well."""
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
