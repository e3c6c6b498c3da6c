"""What the book says of its addresses: pages, checks and lists.

IDs are given in the order in which transactions commit, and only grow: who has seen all up to one
ID and asks for what came after it misses none. The never-list is looked at here too, so that what
was added to it lately disappears at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from zt.honeynet.collector.book.addresses import pack, spell
from zt.honeynet.collector.book.guard import NeverList
from zt.honeynet.collector.book.model import Ban, Edition, Family, Page
from zt.honeynet.sighting import Kind

KINDS: Final = {kind: 1 << n for n, kind in enumerate(Kind)}
"""The bit of each kind in the column `kinds`."""

BAN: Final = "ban, address, first, last, count, kinds, honeypots, proven, tool, given"
"""The columns of which `ban_of` makes a ban."""

_LARGEST: Final = (1 << 63) - 1  # what SQLite takes


def ban_of(row: Sequence[Any]) -> Ban:
    """A ban from its columns."""
    number, address, first, last, count, kinds, honeypots, proven, tool, given = row
    return Ban(
        number,
        spell(address),
        first,
        last,
        count,
        _KINDS_OF[kinds],
        honeypots,
        bool(proven),
        tool,
        given,
    )


_KINDS_OF: Final = [
    tuple(kind for kind, bit in KINDS.items() if bits & bit) for bits in range(1 << len(KINDS))
]


def banned(
    connection: Connection, never: NeverList, after: int, family: Family, limit: int
) -> Page:
    """The addresses with the lowest IDs above one."""
    addresses: list[str] = []
    last = None
    rows = connection.execute(
        "SELECT ban, address FROM addresses WHERE family = ? AND ban > ? ORDER BY ban",
        (family, _clamp(after)),
    )
    for number, address in rows:
        if len(addresses) == limit:
            break
        if not never.covers(address):
            addresses.append(spell(address))
            last = number
    return Page(tuple(addresses), last)


def bans(
    connection: Connection, never: NeverList, family: Family, since: int, after: int, limit: int
) -> list[Ban]:
    """The bans with the lowest IDs above one, and above those that were given before a time.

    IDs decide, not times: what was given after the first one that is as late as `since` is told
    also where the clock has been set back meanwhile.
    """
    if since > 0:
        row = connection.execute(
            "SELECT ban FROM addresses WHERE given >= ? AND ban IS NOT NULL "
            "ORDER BY given, ban LIMIT 1",
            (_clamp(since),),
        ).fetchone()
        if row is None:
            return []
        after = max(after, row[0] - 1)
    found: list[Ban] = []
    rows = connection.execute(
        f"SELECT {BAN} FROM addresses WHERE family = ? AND ban > ? ORDER BY ban",
        (family, _clamp(after)),
    )
    for row in rows:
        if len(found) == limit:
            break
        if not never.covers(row[1]):
            found.append(ban_of(row))
    return found


def check(connection: Connection, never: NeverList, address: str) -> Ban | None:
    """The ban of an address; None also if the text is no address."""
    packed = pack(address)
    if packed is None or never.covers(packed):
        return None
    row = connection.execute(
        f"SELECT {BAN} FROM addresses WHERE address = ? AND ban IS NOT NULL", (packed,)
    ).fetchone()
    return ban_of(row) if row else None


def edition(connection: Connection) -> Edition:
    """Which state of the book this is."""
    return Edition(*connection.execute("SELECT members, details FROM book").fetchone())


def _clamp(number: int) -> int:
    return max(-1, min(number, _LARGEST))
