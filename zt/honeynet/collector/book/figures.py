"""Numbers of the book for the front page and for metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from sqlite3 import Connection
from typing import Final

from zt.honeynet.collector.book.guard import NeverList
from zt.honeynet.collector.book.listing import BAN, KINDS, ban_of
from zt.honeynet.collector.book.model import DAY, Ban, Family
from zt.honeynet.collector.book.sharing import HOUR
from zt.honeynet.sighting import Kind

TOP: Final = 20
"""Entries of a list of the most common."""


@dataclass(frozen=True)
class Numbers:
    """What the honeynet knows, in numbers.

    Attributes:
        total: addresses that are shared now, by family.
        today: addresses that were new today (UTC).
        days: how many were new on each of the last days, oldest first, today last; days without
            any are there too.
        kinds: how many of those shared tried what, the worst kind first; one may
            have tried several.
        tools: the most common tools of those shared, most common first.
        regions: how many of those shared were seen in a region, most first; one may be in several.
        seen_by: the same by honeypot's name.
        honeypots: how many may report.
        active: how many did in the last hour.
        messages: what was counted in the last 24 hours: messages and attempts.
        waiting: addresses that wait for a confirmation.
        newest: the addresses that were given an ID last, newest first.
    """

    total: dict[Family, int]
    today: int
    days: list[tuple[date, int]]
    kinds: list[tuple[Kind, int]]
    tools: list[tuple[str, int]]
    regions: list[tuple[str, int]]
    seen_by: list[tuple[str, int]]
    honeypots: int
    active: int
    messages: int
    waiting: int
    newest: list[Ban]


def figures(
    connection: Connection, never: NeverList, now: int, *, days: int, newest: int
) -> Numbers:
    """The numbers now; reads each shared address several times, so whoever shows them keeps them
    for some seconds."""
    by_day = _new_by_day(connection, now, days)
    total: dict[Family, int] = {4: 0, 6: 0}
    total.update(
        connection.execute(
            "SELECT family, count(*) FROM addresses WHERE ban IS NOT NULL GROUP BY family"
        )
    )
    honeypots = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE seen > ?) FROM honeypots WHERE revoked IS NULL",
        (now - HOUR,),
    ).fetchone()
    return Numbers(
        total=total,
        today=by_day[-1][1],
        days=by_day,
        kinds=_by_kind(connection),
        tools=connection.execute(
            "SELECT tool, count(*) AS n FROM addresses WHERE ban IS NOT NULL AND tool <> '' "
            "GROUP BY tool ORDER BY n DESC, tool LIMIT ?",
            (TOP,),
        ).fetchall(),
        regions=_seen_by(connection, "region"),
        seen_by=_seen_by(connection, "name"),
        honeypots=honeypots[0],
        active=honeypots[1],
        messages=connection.execute(
            "SELECT ifnull(sum(messages), 0) FROM hours WHERE hour > ?", ((now - DAY) // HOUR,)
        ).fetchone()[0],
        waiting=connection.execute("SELECT ifnull(sum(waiting), 0) FROM honeypots").fetchone()[0],
        newest=_newest(connection, never, newest),
    )


def _new_by_day(connection: Connection, now: int, days: int) -> list[tuple[date, int]]:
    today = now // DAY
    first = today - days + 1
    found = dict(
        connection.execute(
            "SELECT hour / 24 AS day, sum(bans) FROM words WHERE hour >= ? GROUP BY day",
            (first * 24,),
        )
    )
    epoch = date(1970, 1, 1)
    return [(epoch + timedelta(days=day), found.get(day, 0)) for day in range(first, today + 1)]


def _by_kind(connection: Connection) -> list[tuple[Kind, int]]:
    sums = dict.fromkeys(Kind, 0)
    for kinds, number in connection.execute(
        "SELECT kinds, count(*) FROM addresses WHERE ban IS NOT NULL GROUP BY kinds"
    ):
        for kind, bit in KINDS.items():
            if kinds & bit:
                sums[kind] += number
    return [(kind, number) for kind, number in reversed(sums.items()) if number]


def _seen_by(connection: Connection, what: str) -> list[tuple[str, int]]:
    return connection.execute(
        f"SELECT honeypots.{what}, count(DISTINCT witnesses.address) AS n FROM witnesses "
        "JOIN addresses ON addresses.number = witnesses.address "
        "JOIN honeypots ON honeypots.number = witnesses.honeypot "
        f"WHERE ban IS NOT NULL GROUP BY honeypots.{what} ORDER BY n DESC, honeypots.{what} "
        "LIMIT ?",
        (TOP,),
    ).fetchall()


def _newest(connection: Connection, never: NeverList, limit: int) -> list[Ban]:
    rows = connection.execute(
        f"SELECT {BAN} FROM addresses WHERE ban IS NOT NULL ORDER BY ban DESC LIMIT ?", (limit,)
    )
    return [ban_of(row) for row in rows if not never.covers(row[1])]
