"""The tables of the book, and how a file is opened and made one.

Invariants, which the tables keep by themselves:
- An address stands in `addresses` once: with an ID (`ban`) if it is shared, without while it waits.
- Its `witnesses` go with it.
- `book.next_ban` only grows, so that an ID is never given twice, also after its address has gone.
- `book.bans` and `honeypots.waiting` count the rows of `addresses` that are shared and that wait.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from zt.honeynet.collector.book.errors import BookError
from zt.honeynet.collector.book.model import FIRST_ID

APPLICATION: Final = 0x7A74686E
"""The file says by this number whose it is (`zthn`)."""

VERSION: Final = 1

_TABLES: Final = f"""
CREATE TABLE book (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    next_ban INTEGER NOT NULL,
    bans INTEGER NOT NULL CHECK (bans >= 0),
    members INTEGER NOT NULL,
    details INTEGER NOT NULL
) STRICT;
INSERT INTO book VALUES (1, {FIRST_ID}, 0, 0, 0);

CREATE TABLE keys (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    requests INTEGER NOT NULL,
    span INTEGER NOT NULL,
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;
CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked IS NULL;

CREATE TABLE honeypots (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    region TEXT NOT NULL,
    owner TEXT NOT NULL CHECK (owner <> ''),
    digest BLOB NOT NULL UNIQUE,
    created INTEGER NOT NULL,
    seen INTEGER,
    revoked INTEGER,
    batches INTEGER NOT NULL DEFAULT 0,
    waiting INTEGER NOT NULL DEFAULT 0 CHECK (waiting >= 0)
) STRICT;
CREATE UNIQUE INDEX honeypots_by_name ON honeypots (name) WHERE revoked IS NULL;

CREATE TABLE batches (
    honeypot INTEGER NOT NULL REFERENCES honeypots,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (honeypot, number),
    UNIQUE (honeypot, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE addresses (
    number INTEGER PRIMARY KEY,
    address BLOB NOT NULL UNIQUE CHECK (length(address) IN (4, 16)),
    family INTEGER NOT NULL CHECK (family IN (4, 6)),
    ban INTEGER,
    given INTEGER,
    word TEXT,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    count INTEGER NOT NULL,
    kinds INTEGER NOT NULL,
    proven INTEGER NOT NULL CHECK (proven IN (0, 1)),
    tool TEXT NOT NULL,
    honeypot INTEGER NOT NULL REFERENCES honeypots,
    honeypots INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX bans ON addresses (ban) WHERE ban IS NOT NULL;
CREATE INDEX bans_by_family ON addresses (family, ban, address) WHERE ban IS NOT NULL;
CREATE INDEX bans_by_given ON addresses (given, ban) WHERE ban IS NOT NULL;
CREATE INDEX bans_by_last ON addresses (last) WHERE ban IS NOT NULL;
CREATE INDEX waiting_by_last ON addresses (last) WHERE ban IS NULL;
CREATE INDEX waiting_by_honeypot ON addresses (honeypot, proven, last) WHERE ban IS NULL;
CREATE INDEX waiting_for_room ON addresses (word, last) WHERE ban IS NULL AND word IS NOT NULL;

CREATE TABLE witnesses (
    address INTEGER NOT NULL REFERENCES addresses ON DELETE CASCADE,
    honeypot INTEGER NOT NULL REFERENCES honeypots,
    seen INTEGER NOT NULL,
    proven INTEGER,
    PRIMARY KEY (address, honeypot)
) STRICT, WITHOUT ROWID;

CREATE TABLE forgotten (
    address BLOB PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE hours (
    hour INTEGER NOT NULL,
    honeypot INTEGER NOT NULL REFERENCES honeypots,
    messages INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (hour, honeypot)
) STRICT, WITHOUT ROWID;

CREATE TABLE words (
    hour INTEGER NOT NULL,
    word TEXT NOT NULL,
    bans INTEGER NOT NULL,
    PRIMARY KEY (hour, word)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER address_waits AFTER INSERT ON addresses WHEN NEW.ban IS NULL BEGIN
    UPDATE honeypots SET waiting = waiting + 1 WHERE number = NEW.honeypot;
END;
CREATE TRIGGER address_is_shared AFTER UPDATE OF ban ON addresses
WHEN OLD.ban IS NULL AND NEW.ban IS NOT NULL BEGIN
    UPDATE honeypots SET waiting = waiting - 1 WHERE number = NEW.honeypot;
    UPDATE book SET bans = bans + 1;
END;
CREATE TRIGGER address_waits_no_more AFTER DELETE ON addresses WHEN OLD.ban IS NULL BEGIN
    UPDATE honeypots SET waiting = waiting - 1 WHERE number = OLD.honeypot;
END;
CREATE TRIGGER address_is_shared_no_more AFTER DELETE ON addresses WHEN OLD.ban IS NOT NULL BEGIN
    UPDATE book SET bans = bans - 1, members = members + 1;
END;
CREATE TRIGGER address_has_another_id AFTER UPDATE OF ban ON addresses BEGIN
    UPDATE book SET members = members + 1;
END;
CREATE TRIGGER address_has_another_witness AFTER INSERT ON witnesses BEGIN
    UPDATE addresses SET honeypots = honeypots + 1 WHERE number = NEW.address;
END;

PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
"""
"""`addresses`: given = when it got its ID; word = on whose word alone it is shared, or waits for
room, see `guard`; kinds = a bit for each; honeypot = who brought it; honeypots = how many saw it.
`witnesses`: when a honeypot saw it last, and when last proven.
`honeypots.batches`: how many were taken; `batches`: the latest of them, and what was answered.
`hours`, `words`: what was counted, and new bans by word, in an hour since 1970."""


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Make an empty file a book, or see that it is one.

    Raises:
        BookError: it is something else, or the book of a later release.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if not (application or version or tables):
            _run_all(connection, _TABLES)
        elif application != APPLICATION:
            raise BookError(f"{path} is no book of the honeynet", "give another file")
        elif version != VERSION:
            raise BookError(
                f"{path} was written by another release (version {version}, not {VERSION})",
                "use the release that wrote it, or begin a new file",
            )
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _run_all(connection: sqlite3.Connection, script: str) -> None:
    """Run statements within the transaction, which `executescript` would end."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
