"""Taking what honeypots report, within one transaction."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final, NamedTuple

from zt.honeynet.collector.book.access import Honeypot
from zt.honeynet.collector.book.addresses import family_of, pack
from zt.honeynet.collector.book.guard import NeverList
from zt.honeynet.collector.book.listing import KINDS
from zt.honeynet.collector.book.model import BookSettings, Taken
from zt.honeynet.collector.book.sharing import HOUR, Sharing
from zt.honeynet.sighting import MAX_TOOL, Sighting, SightingBatch

BATCHES: Final = 4_096
"""Names of batches that are known of each honeypot, the latest: it sends one again until it is
acknowledged, and few are under way at a time."""

MOST_COUNT: Final = 1 << 53
"""Where counting ends, so that no sum leaves what JSON and SQLite can say."""


class _Known(NamedTuple):
    """The row of an address."""

    number: int
    ban: int | None
    word: str | None
    first: int
    last: int
    messages: int
    kinds: int
    proven: int
    tool: str


def take(
    connection: Connection,
    settings: BookSettings,
    never: NeverList,
    honeypot: Honeypot,
    batch: SightingBatch,
    now: int,
) -> Taken:
    """Note a batch, once; the same batch again changes nothing."""
    again = connection.execute(
        "SELECT taken FROM batches WHERE honeypot = ? AND name = ?", (honeypot.number, batch.batch)
    ).fetchone()
    if again:
        return Taken(again[0], len(batch.sightings) - again[0], 0, True)
    noting = _Noting(connection, settings, never, honeypot, now)
    taken = sum(map(noting.note, batch.sightings))
    noting.finish()
    _remember(connection, honeypot, batch.batch, taken, now)
    return Taken(taken, len(batch.sightings) - taken, noting.bans, False)


def _remember(connection: Connection, honeypot: Honeypot, name: str, taken: int, now: int) -> None:
    """Remember the batch, and one less of those before."""
    ((number,),) = connection.execute(
        "UPDATE honeypots SET seen = max(?, ifnull(seen, 0)), batches = batches + 1 "
        "WHERE number = ? RETURNING batches",
        (now, honeypot.number),
    ).fetchall()
    connection.execute(
        "INSERT INTO batches VALUES (?, ?, ?, ?)", (honeypot.number, number, name, taken)
    )
    connection.execute(
        "DELETE FROM batches WHERE honeypot = ? AND number <= ?",
        (honeypot.number, number - BATCHES),
    )


class _Noting:
    """Notes the sightings of one batch."""

    def __init__(
        self,
        connection: Connection,
        settings: BookSettings,
        never: NeverList,
        honeypot: Honeypot,
        now: int,
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._never = never
        self._honeypot = honeypot
        self._now = now
        self._sharing = Sharing(connection, settings, now)
        self._messages = 0
        self._changed = 0  # sightings of addresses that were shared already
        self.bans = 0

    def note(self, sighting: Sighting) -> bool:
        """Note one; whether it was."""
        address = pack(sighting.address)
        # a honeypot's clock may be wrong, or it may lie
        last = min(sighting.last, self._now)
        earliest = self._now - self._settings.retention
        if address is None or self._never.covers(address) or last <= earliest:
            return False
        first = max(min(sighting.first, last), earliest)
        self._messages = min(self._messages + sighting.count, MOST_COUNT)
        row = self._connection.execute(
            "SELECT number, ban, word, first, last, count, kinds, proven, tool "
            "FROM addresses WHERE address = ?",
            (address,),
        ).fetchone()
        known = _Known(*row) if row else None
        number = known.number if known else self._add(address, sighting, first, last)
        self._connection.execute(
            "INSERT INTO witnesses VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
            "seen = max(seen, ?3), proven = max(ifnull(proven, ?4), ifnull(?4, proven))",
            (number, self._honeypot.number, last, last if sighting.proven else None),
        )
        if known:
            self._update(known, sighting, first, last)
        if known and known.ban is not None:
            self._changed += 1
        elif self._sharing.consider(number, address):
            self.bans += 1
        return True

    def finish(self) -> None:
        """Write what was added up, and let others go if too many wait."""
        self._connection.execute(
            "INSERT INTO hours VALUES (?1, ?2, ?3) "
            "ON CONFLICT DO UPDATE SET messages = min(messages + ?3, ?4)",
            (self._now // HOUR, self._honeypot.number, self._messages, MOST_COUNT),
        )
        if self._changed:
            self._connection.execute("UPDATE book SET details = details + 1")
        evict(self._connection, self._settings.most_waiting)

    def _add(self, address: bytes, sighting: Sighting, first: int, last: int) -> int:
        number = self._connection.execute(
            "INSERT INTO addresses "
            "(address, family, first, last, count, kinds, proven, tool, honeypot) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                address,
                family_of(address),
                first,
                last,
                sighting.count,
                KINDS[sighting.kind],
                sighting.proven,
                _tool(sighting),
                self._honeypot.number,
            ),
        ).lastrowid
        assert number is not None
        return number

    def _update(self, known: _Known, sighting: Sighting, first: int, last: int) -> None:
        """Add to what is known."""
        kinds, tool, word = known.kinds | KINDS[sighting.kind], _tool(sighting), known.word
        if known.ban is not None:
            if sighting.proven and word != self._honeypot.owner:
                word = None  # somebody else has proven it, too
            if not (sighting.proven or self._sharing.believes(known.number)):
                # else one forged packet a week would keep an address shared for ever
                last, kinds, tool = known.last, known.kinds, ""
        self._connection.execute(
            "UPDATE addresses SET first = ?, last = ?, count = ?, kinds = ?, proven = ?, tool = ?, "
            "word = ? WHERE number = ?",
            (
                min(known.first, first),
                max(known.last, last),
                min(known.messages + sighting.count, MOST_COUNT),
                kinds,
                known.proven or sighting.proven,
                tool if tool and last >= known.last else known.tool or tool,
                word,
                known.number,
            ),
        )


def evict(connection: Connection, most: int) -> None:
    """Let addresses go until no more wait than may.

    Of the honeypot that brought most of those that wait: so one that is flooded, or lies, drives
    out what others brought only after its own. The unproven and oldest go first.
    """
    while True:
        total, largest, honeypot = connection.execute(
            "SELECT ifnull(sum(waiting), 0), ifnull(max(waiting), 0), number FROM honeypots"
        ).fetchone()
        if total <= most:
            return
        connection.execute(
            "DELETE FROM addresses WHERE number IN ("
            "SELECT number FROM addresses WHERE ban IS NULL AND honeypot = ? "
            "ORDER BY proven, last LIMIT ?)",
            (honeypot, min(total - most, largest)),
        )


def _tool(sighting: Sighting) -> str:
    """The tool's name, of characters that can be printed."""
    return "".join(c for c in sighting.tool[:MAX_TOOL] if c.isprintable())
