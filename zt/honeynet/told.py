"""What the collector was told of findings, so that nothing is counted twice.

A finding comes again when its metric has risen, and all come again when a store is read anew. So
it is kept how far the store's findings were told, and of those whose windows ended lately, how
much. The file holds ids of findings and numbers; no address.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from analytics.wire import MICROSECONDS, Finding
from keys.files import read_private, write_private
from zt.errors import InputError

LATELY: Final = 3_600 * MICROSECONDS
"""How long after its window a finding may rise and only the rise be told; later all of it is."""

MAX_RISING: Final = 50_000
"""Findings that may rise: five megabytes."""


class _State(msgspec.Struct, forbid_unknown_fields=True):
    """The file.

    Attributes:
        sequence: of the last finding that was told.
        rising: what was told of findings, and when their windows ended.
    """

    sequence: int = 0
    rising: dict[str, tuple[int, int]] = {}


class Told:
    """The memory of what was told.

    Args:
        path: of its file, which may not be there yet.

    Raises:
        InputError: it is another file.
        RingError: it can't be read, or others can read or write it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = _State()
        if path.exists():
            try:
                self._state = msgspec.json.decode(read_private(path, "state file"), type=_State)
            except msgspec.MsgspecError:
                raise InputError(
                    f"{path} does not say what the collector was told", "give another path"
                ) from None

    @property
    def sequence(self) -> int:
        """Of the last finding that was told."""
        return self._state.sequence

    def begin_anew(self) -> None:
        """Forget how far the store was told: it is an older copy of the one that it was."""
        self._state.sequence = 0

    def knows(self, finding: Finding) -> bool:
        """Whether it was told as it is."""
        return finding.sequence <= self._state.sequence

    def count(self, finding: Finding) -> int:
        """How much of its metric was told."""
        return self._state.rising.get(finding.id, (0, 0))[0]

    def note(self, findings: list[Finding], counts: list[int], now: int) -> None:
        """Keep on the disk what was told: of each finding so much.

        Args:
            findings: all that were looked at, whether or not something was told of them.
            counts: how much of the metric of each.
            now: microseconds since 1970.

        Raises:
            RingError: the file can't be written.
        """
        state = self._state
        for finding, count in zip(findings, counts, strict=True):
            state.sequence = max(state.sequence, finding.sequence)
            if count:
                state.rising[finding.id] = count, finding.end
        rising = {name: kept for name, kept in state.rising.items() if kept[1] > now - LATELY}
        state.rising = dict(list(rising.items())[-MAX_RISING:])
        write_private(self._path, msgspec.json.encode(state), replace=True)
