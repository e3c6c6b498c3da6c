"""What the book says and is told, as plain values. Times are microseconds since 1970 (UTC)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from zt.honeynet.collector.book.guard import SECOND, GuardSettings
from zt.honeynet.sighting import Kind

Family = Literal[4, 6]

DAY: Final = 86_400 * SECOND

FIRST_ID: Final = 101
"""The first ID of an address; clients that know none yet ask for what came after 100."""

BATCH: Final = 250
"""Addresses in one answer, as clients expect."""


@dataclass(frozen=True)
class BookSettings:
    """How long the book keeps what, and how much.

    Attributes:
        retention: microseconds that an address stays after it was last seen, and after which it is
            given a new ID, since clients forget it by then.
        most_bans: addresses that are shared; what comes above waits.
        most_waiting: addresses that wait for a confirmation; see `Guard`.
        guard: whom to believe.
    """

    retention: int = 7 * DAY
    most_bans: int = 1_000_000
    most_waiting: int = 200_000
    guard: GuardSettings = field(default_factory=GuardSettings)


@dataclass(frozen=True, slots=True)
class Ban:
    """An address that is shared.

    Attributes:
        id: grows in the order in which addresses were confirmed; never given twice.
        address: in canonical text.
        first, last: when it was seen; the last time by whom the guard believes.
        count: messages and attempts.
        kinds: what it tried, the worst last.
        honeypots: how many saw it.
        proven: whether it is no mere claim.
        tool: the scanner that it looked like last; empty if unknown. Chosen by the attacker, so
            it has to be escaped wherever it is shown.
        given: when it got this ID.
    """

    id: int
    address: str
    first: int
    last: int
    count: int
    kinds: tuple[Kind, ...]
    honeypots: int
    proven: bool
    tool: str
    given: int


@dataclass(frozen=True, slots=True)
class Page:
    """Addresses in the order of their IDs.

    Attributes:
        addresses: in canonical text.
        last: the ID of the last one, to ask for what comes after; None without addresses.
    """

    addresses: tuple[str, ...]
    last: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch that is on the disk now.

    Attributes:
        taken: sightings that were noted.
        refused: sightings that were not: no address, on the never-list, or too old.
        bans: addresses that are shared from now on.
        again: the batch was there before; nothing was counted twice.
    """

    taken: int
    refused: int
    bans: int
    again: bool


@dataclass(frozen=True, slots=True)
class Edition:
    """Which state of the book this is: as long as it is equal, so are the answers.

    Attributes:
        members: grows when an address comes, goes, or gets another ID.
        details: grows besides when anything that is said of one changes.
    """

    members: int
    details: int
