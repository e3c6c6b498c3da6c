"""What time does to the book: addresses expire, get new IDs, and find room to be shared.

Each function does a part that is bounded, so that honeypots never wait long for the file, and says
whether there is more.
"""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from zt.honeynet.collector.book.model import DAY, BookSettings
from zt.honeynet.collector.book.sharing import HOUR, Sharing, give_another_id

PART: Final = 5_000
"""Rows in one transaction."""

HISTORY: Final = 31 * DAY
"""Microseconds for which counts by hour are kept."""


def expire_bans(connection: Connection, settings: BookSettings, now: int) -> int:
    """Remove addresses that were not seen for long; how many."""
    return connection.execute(
        "DELETE FROM addresses WHERE number IN (SELECT number FROM addresses "
        "WHERE ban IS NOT NULL AND last <= ? ORDER BY last LIMIT ?)",
        (now - settings.retention, PART),
    ).rowcount


def renew(connection: Connection, settings: BookSettings, now: int) -> int:
    """Give addresses another ID whose own is so old that clients forget it; how many."""
    # IDs are given in the order of time, so the oldest are the lowest
    rows = connection.execute(
        "SELECT number, given FROM addresses WHERE ban IS NOT NULL ORDER BY ban LIMIT ?", (PART,)
    ).fetchall()
    old = [number for number, given in rows if given <= now - settings.retention]
    for number in old:
        give_another_id(connection, number, now)
    return len(old)


def expire_waiting(connection: Connection, settings: BookSettings, now: int) -> int:
    """Remove addresses that nobody confirmed; how many."""
    return connection.execute(
        "DELETE FROM addresses WHERE number IN (SELECT number FROM addresses "
        "WHERE ban IS NULL AND last <= ? ORDER BY last LIMIT ?)",
        (now - settings.guard.window, PART),
    ).rowcount


def make_room(connection: Connection, settings: BookSettings, now: int) -> int:
    """Share addresses that waited only for room in an hour, the latest first; how many."""
    sharing = Sharing(connection, settings, now)
    if sharing.is_full:
        return 0
    words = connection.execute(
        "SELECT DISTINCT word FROM addresses WHERE ban IS NULL AND word IS NOT NULL"
    ).fetchall()
    shared = 0
    for (word,) in words:
        places = sharing.room(word)
        rows = connection.execute(
            "SELECT number, address FROM addresses WHERE ban IS NULL AND word = ? "
            "ORDER BY last DESC LIMIT ?",
            (word, PART if places is None else min(places, PART)),
        ).fetchall()
        shared += sum(sharing.consider(number, address) for number, address in rows)
    return shared


def tidy(connection: Connection, now: int) -> None:
    """Remove what is remembered no longer: old counts and removals on request."""
    hour = (now - HISTORY) // HOUR
    connection.execute("DELETE FROM hours WHERE hour < ?", (hour,))
    connection.execute("DELETE FROM words WHERE hour < ?", (hour,))
    connection.execute("DELETE FROM forgotten WHERE until <= ?", (now,))
