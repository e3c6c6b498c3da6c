"""The book of addresses: what honeypots saw, whom to block, who may ask and report.

One SQLite file. What a method returned from is on the disk, also after SIGKILL. Any thread may
call any method; in an event loop those that write belong into a thread, since they wait for the
disk, while a check or a page takes some microseconds.

It shares only what the guard believes (see `guard`), and is bounded: `BookSettings` says how many
addresses are shared and wait. It keeps no secret, but their hashes (see `access`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from sqlite3 import Connection
from types import TracebackType
from typing import Final

from zt.errors import InputError
from zt.honeynet.collector.book import access, expiry, listing
from zt.honeynet.collector.book.access import DEFAULT_RATE, Honeypot, Key, Rate
from zt.honeynet.collector.book.addresses import pack
from zt.honeynet.collector.book.database import Database
from zt.honeynet.collector.book.figures import Numbers, figures
from zt.honeynet.collector.book.guard import NeverList
from zt.honeynet.collector.book.model import (
    BATCH,
    Ban,
    BookSettings,
    Edition,
    Family,
    Page,
    Taken,
)
from zt.honeynet.collector.book.taking import take
from zt.honeynet.sighting import SightingBatch

_CHUNK: Final = 10_000
"""Addresses that `addresses` reads at once, so that a slow reader holds no state of the file."""


class Book:
    """The open book. `Book.open` opens it; it is a context manager."""

    def __init__(self, database: Database, settings: BookSettings) -> None:
        self._database = database
        self._settings = settings
        self._never = NeverList(settings.guard.never)

    @classmethod
    def open(
        cls, path: Path, settings: BookSettings | None = None, *, serving: bool = False
    ) -> Book:
        """Open a book, or begin one, readable for its owner only.

        Args:
            path: of the file; SQLite puts two others beside it, and `serving` a lock.
            settings: how long and how much to keep, and whom to believe. They are not in the file.
            serving: whether this process serves the book, which only one may; others may
                nevertheless read it and write to it for a moment.

        Raises:
            BookError: it can't be opened, is something else, or another process serves it.
        """
        return cls(Database(path, serving=serving), settings or BookSettings())

    def close(self) -> None:
        """Close it."""
        self._database.close()

    def __enter__(self) -> Book:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # what honeypots report. All methods raise BookError if the file can't be read or written.

    def take(self, honeypot: Honeypot, batch: SightingBatch, now: int) -> Taken:
        """Note what a honeypot reports; it is on the disk when this returns.

        Several threads' batches are synced together.

        Args:
            honeypot: who says so, as `find_honeypot` found it.
            batch: the sightings. One of a name that this honeypot used before is not counted again.
            now: microseconds since 1970 (UTC).
        """
        return self._database.write(
            lambda connection: take(connection, self._settings, self._never, honeypot, batch, now)
        )

    def expire(self, now: int) -> int:
        """Do what time does: let addresses go, renew IDs, share what waited for room.

        Belongs called every few seconds, in a thread.

        Returns:
            How many addresses expired.
        """
        settings = self._settings
        expired = self._in_parts(lambda c: expiry.expire_bans(c, settings, now))
        self._in_parts(lambda c: expiry.renew(c, settings, now))
        self._in_parts(lambda c: expiry.expire_waiting(c, settings, now))
        self._in_parts(lambda c: expiry.make_room(c, settings, now))
        self._database.write(lambda connection: expiry.tidy(connection, now))
        return expired

    def forget(self, address: str, now: int) -> bool:
        """Remove an address on request; it stays off for a while, see `guard`.

        Returns:
            Whether it was shared.

        Raises:
            InputError: the text is no address.
        """
        packed = pack(address)
        if packed is None:
            raise InputError("this is no address", "give an IPv4 or IPv6 address")
        until = now + self._settings.guard.pardon

        def forget(connection: Connection) -> bool:
            row = connection.execute(
                "DELETE FROM addresses WHERE address = ? RETURNING ban", (packed,)
            ).fetchone()
            connection.execute(
                "INSERT INTO forgotten VALUES (?1, ?2) ON CONFLICT DO UPDATE SET until = ?2",
                (packed, until),
            )
            return bool(row and row[0])

        return self._database.write(forget)

    # what clients ask

    def banned(self, after: int, family: Family, limit: int = BATCH) -> Page:
        """The addresses with the lowest IDs above one."""
        with self._database.read() as connection:
            return listing.banned(connection, self._never, after, family, limit)

    def check(self, address: str) -> Ban | None:
        """The ban of an address; None if there is none, or the text is no address."""
        with self._database.read() as connection:
            return listing.check(connection, self._never, address)

    def bans(self, family: Family, since: int, after: int, limit: int) -> list[Ban]:
        """The bans with the lowest IDs above one, of IDs given at or after a time."""
        with self._database.read() as connection:
            return listing.bans(connection, self._never, family, since, after, limit)

    def addresses(self, family: Family) -> Iterator[str]:
        """All addresses, in the order of their IDs; each as it stands when its turn comes."""
        after: int | None = 0
        while after is not None:
            page = self.banned(after, family, _CHUNK)
            yield from page.addresses
            after = page.last

    def edition(self) -> Edition:
        """Which state of the book this is: while it is equal, lists are too."""
        with self._database.read() as connection:
            return listing.edition(connection)

    def figures(self, now: int, days: int = 14, newest: int = 20) -> Numbers:
        """The numbers for the front page, with the addresses that are newest."""
        with self._database.read() as connection:
            return figures(connection, self._never, now, days=days, newest=newest)

    # who may ask

    def add_key(self, name: str, now: int, rate: Rate = DEFAULT_RATE) -> str:
        """Make a client's key; the secret, which can't be shown again.

        Raises:
            InputError: this can't be a name.
            NameTakenError: a valid key has it.
        """
        return self._database.write(lambda c: access.add_key(c, name, rate, now))

    def keys(self) -> list[Key]:
        """All keys, also revoked ones."""
        with self._database.read() as connection:
            return access.list_keys(connection)

    def find_key(self, secret: str) -> Key | None:
        """The valid key with this secret; a wrong one takes the same work."""
        with self._database.read() as connection:
            return access.find_key(connection, secret)

    def revoke_key(self, name: str, now: int) -> None:
        """Make a key invalid.

        Raises:
            UnknownNameError: no valid key has this name.
        """
        self._database.write(lambda c: access.revoke(c, "key", name, now))

    # who may report

    def add_honeypot(self, name: str, region: str, now: int, owner: str = "") -> str:
        """Let a honeypot report; its token, which can't be shown again.

        Args:
            name: what people call it.
            region: where it is.
            now: microseconds since 1970 (UTC).
            owner: who runs it: all of an owner's are one witness. Default: it is its own.

        Raises:
            InputError: one of them can't be a name.
            NameTakenError: a valid honeypot has the name.
        """
        return self._database.write(
            lambda c: access.add_honeypot(c, name, region, owner or name, now)
        )

    def honeypots(self) -> list[Honeypot]:
        """All honeypots, also revoked ones."""
        with self._database.read() as connection:
            return access.list_honeypots(connection)

    def find_honeypot(self, secret: str) -> Honeypot | None:
        """The honeypot with this token, if it may report; a wrong one takes the same work."""
        with self._database.read() as connection:
            return access.find_honeypot(connection, secret)

    def honeypot_named(self, name: str) -> Honeypot | None:
        """The honeypot of this name, if it may report."""
        with self._database.read() as connection:
            return access.honeypot_named(connection, name)

    def revoke_honeypot(self, name: str, now: int) -> None:
        """Take nothing more from a honeypot; what it brought stays, see `disown`.

        Raises:
            UnknownNameError: no valid honeypot has this name.
        """
        self._database.write(lambda c: access.revoke(c, "honeypot", name, now))

    def disown(self, name: str) -> int:
        """Remove what rests on the word of a honeypot alone, as after its token was stolen.

        Args:
            name: of the honeypot, which may have been revoked before.

        Returns:
            How many addresses were shared or waited.

        Raises:
            UnknownNameError: there was never one of this name.
        """
        return self._database.write(lambda c: access.disown(c, name))

    def _in_parts(self, run: Callable[[Connection], int]) -> int:
        """Run something in transactions of its own until there is nothing left to do."""
        done = 0
        while part := self._database.write(run):
            done += part
        return done
