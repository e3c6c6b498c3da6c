"""From an address that waits to one that is shared: the verdict, the hour's room, the ID."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from zt.honeynet.collector.book.addresses import family_of
from zt.honeynet.collector.book.guard import CROWD, SECOND, Verdict, Witness, judge, room
from zt.honeynet.collector.book.model import BookSettings

HOUR: Final = 3_600 * SECOND

_SEVERAL: Final = "*several"
"""Stands in the table `words` for what rests on several words; no owner's name begins so."""


class Sharing:
    """Decides within one transaction which addresses are shared.

    Args:
        connection: within the transaction.
        settings: of the book.
        now: microseconds since 1970 (UTC).
    """

    def __init__(self, connection: Connection, settings: BookSettings, now: int) -> None:
        self._connection = connection
        self._settings = settings
        self._now = now
        self._hour = now // HOUR
        rows = connection.execute("SELECT word, bans FROM words WHERE hour = ?", (self._hour,))
        self._words: dict[str, int] = dict(rows)
        self._total = sum(self._words.values())

    def room(self, word: str) -> int | None:
        """How many more may be shared on one word in this hour; None: without limit."""
        return room(self._words.get(_key(word), 0), self._total, self._settings.guard)

    def consider(self, number: int, address: bytes) -> bool:
        """Share an address that waits, if it may be; whether it is shared now."""
        verdict = self._judge(number, address)
        if verdict.is_ready and self._has_room(verdict.word) and self._give_id(number, verdict):
            self._connection.execute("DELETE FROM forgotten WHERE address = ?", (address,))
            return True
        word = verdict.word or CROWD if verdict.is_ready else None
        self._connection.execute(
            "UPDATE addresses SET word = ? WHERE number = ? AND word IS NOT ?",
            (word, number, word),
        )
        return False

    def believes(self, number: int) -> bool:
        """Whether who saw an address lately would be enough to share it, had it to wait."""
        return self._verdict(self._witnesses(number), is_forgotten=False).is_ready

    @property
    def is_full(self) -> bool:
        """Whether as many are shared as may be."""
        ((shared,),) = self._connection.execute("SELECT bans FROM book")
        return bool(shared >= self._settings.most_bans)

    def _witnesses(self, number: int) -> list[Witness]:
        rows = self._connection.execute(
            "SELECT owner, witnesses.seen, proven FROM witnesses "
            "JOIN honeypots ON honeypots.number = honeypot "
            "WHERE address = ? AND revoked IS NULL",
            (number,),
        )
        return [Witness(*row) for row in rows]

    def _verdict(self, witnesses: list[Witness], *, is_forgotten: bool) -> Verdict:
        return judge(witnesses, self._now, self._settings.guard, is_forgotten=is_forgotten)

    def _judge(self, number: int, address: bytes) -> Verdict:
        witnesses = self._witnesses(number)
        verdict = self._verdict(witnesses, is_forgotten=False)
        if not verdict.is_ready:
            return verdict
        if self._is_subnet_full(address):
            return Verdict(False)
        is_forgotten = self._connection.execute(
            "SELECT 1 FROM forgotten WHERE address = ? AND until > ?", (address, self._now)
        ).fetchone()
        return self._verdict(witnesses, is_forgotten=True) if is_forgotten else verdict

    def _has_room(self, word: str | None) -> bool:
        return word is None or self.room(word) != 0

    def _is_subnet_full(self, address: bytes) -> bool:
        if family_of(address) == 4:
            return False
        (shared,) = self._connection.execute(
            "SELECT count(*) FROM addresses WHERE address BETWEEN ? AND ? AND ban IS NOT NULL",
            (address[:8] + bytes(8), address[:8] + b"\xff" * 8),
        ).fetchone()
        return bool(shared >= self._settings.guard.subnet)

    def _give_id(self, number: int, verdict: Verdict) -> bool:
        row = self._connection.execute(
            "UPDATE book SET next_ban = next_ban + 1 WHERE bans < ? RETURNING next_ban - 1",
            (self._settings.most_bans,),
        ).fetchone()
        if row is None:
            return False
        self._connection.execute(
            "UPDATE addresses SET ban = ?, given = ?, word = ? WHERE number = ?",
            (row[0], self._now, verdict.word, number),
        )
        key = _key(verdict.word)
        self._connection.execute(
            "INSERT INTO words VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET bans = bans + 1",
            (self._hour, key),
        )
        self._words[key] = self._words.get(key, 0) + 1
        self._total += 1
        return True


def give_another_id(connection: Connection, number: int, now: int) -> None:
    """Give a shared address a new ID."""
    ((ban,),) = connection.execute(
        "UPDATE book SET next_ban = next_ban + 1 RETURNING next_ban - 1"
    ).fetchall()
    connection.execute(
        "UPDATE addresses SET ban = ?, given = ? WHERE number = ?", (ban, now, number)
    )


def _key(word: str | None) -> str:
    """A word as it stands in the table `words`."""
    return _SEVERAL if word is None else word
