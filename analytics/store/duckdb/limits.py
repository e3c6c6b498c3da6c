"""What a store may take of the machine: memory, and disk for what does not fit in there.

DuckDB alone would take 80% of the memory, beside whatever else runs there, and spill into a
folder that others may be able to read.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Final

from analytics.wire import StoreError

MIN_MEMORY: Final = 256 * 2**20
MAX_MEMORY: Final = 4 * 2**30

_CGROUP_LIMITS: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_limit() -> int:
    """The bytes of memory that DuckDB may take: half of the machine's or the container's, within
    `MIN_MEMORY..MAX_MEMORY`. What is larger is sorted and grouped on disk."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):  # no such limit, or `max`
            total = min(total, int(path.read_text()))
    return max(MIN_MEMORY, min(total // 2, MAX_MEMORY))


def spill_folder(path: Path) -> Path:
    """Where the store at `path` puts what does not fit in memory."""
    return path.with_name(f"{path.name}.spill")


def prepare_spill(path: Path) -> None:
    """Make the empty folder, its owner's only; the caller owns the store.

    Raises:
        StoreError: something else has its name.
        OSError: the disk or its permissions don't allow it.
    """
    folder = spill_folder(path)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise StoreError(
            f"{folder} is in the way: the store keeps a folder of that name while it is open",
            "move it away",
        )
    remove_spill(path)
    folder.mkdir(mode=0o700, exist_ok=True)


def remove_spill(path: Path) -> None:
    """Remove the folder with all that a process left there that was killed."""
    shutil.rmtree(spill_folder(path), ignore_errors=True)
