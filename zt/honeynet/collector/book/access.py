"""Who may ask and who may report: keys of clients and tokens of honeypots.

A secret is 256 random bits, shown once, when it is made. The book holds its SHA-256 only: nobody
can get a secret out of a stolen book, and since it is random there is nothing to guess, so that a
slow hash would only help an attacker who wants to keep the collector busy.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from sqlite3 import Connection, IntegrityError
from typing import Any, Final, Literal

from zt.errors import InputError
from zt.honeynet.collector.book.errors import NameTakenError, UnknownNameError

MAX_NAME: Final = 64
"""Characters of the name of a key, honeypot, region or owner."""

_RATE: Final = re.compile(r"([1-9][0-9]{0,8})/([0-9a-z]{1,12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rate:
    """How often a client may ask.

    Attributes:
        requests: so many.
        span: in so many microseconds.
    """

    requests: int
    span: int

    @classmethod
    def parse(cls, text: str) -> Rate:
        """A rate as people write it: `11/2m`.

        Raises:
            InputError: it is none.
        """
        from zt.units import parse_span  # here, since it takes longer than all the rest

        try:
            if match := _RATE.fullmatch(text):
                return cls(int(match[1]), parse_span(match[2]))
        except ValueError:
            pass
        raise InputError(f"{text!r} is no rate", "write it as 11/2m: so many in such a time")

    def __str__(self) -> str:
        from zt.units import format_span

        return f"{self.requests}/{format_span(self.span)}"


DEFAULT_RATE: Final = Rate(11, 120_000_000)
"""What APIBAN's clients keep to."""


@dataclass(frozen=True, slots=True)
class Key:
    """A client's permission to ask.

    Attributes:
        number: within the book; never given twice.
        name: what people call it.
        rate: how often it may be used.
        created: microseconds since 1970 (UTC).
        revoked: since when it is not valid any more.
    """

    number: int
    name: str
    rate: Rate
    created: int
    revoked: int | None = None


@dataclass(frozen=True, slots=True)
class Honeypot:
    """A honeypot that may report.

    Attributes:
        number: within the book; never given twice.
        name: what people call it.
        region: where it is, for the numbers.
        owner: who runs it. Honeypots of one owner are one voice to the guard: who has stolen one
            token may have stolen the others.
        created: microseconds since 1970 (UTC).
        seen: when it reported last.
        revoked: since when it may not any more.
    """

    number: int
    name: str
    region: str
    owner: str
    created: int
    seen: int | None = None
    revoked: int | None = None


def is_name(text: str) -> bool:
    """Whether something may be called so.

    Names stand in tables, labels and command lines; what begins with * is the book's own.
    """
    is_plain = 0 < len(text) <= MAX_NAME and text.isprintable() and text == text.strip()
    return is_plain and text[0] not in "*-"


def new_secret() -> str:
    """A secret that nobody can guess: 64 hexadecimal digits."""
    return secrets.token_hex(32)


def add_key(connection: Connection, name: str, rate: Rate, now: int) -> str:
    """Make a client's key; its secret."""
    _check_name(name, "key")
    secret = new_secret()
    with _unique(name, "key"):
        connection.execute(
            "INSERT INTO keys (name, digest, requests, span, created) VALUES (?, ?, ?, ?, ?)",
            (name, _digest(secret), rate.requests, rate.span, now),
        )
    return secret


def add_honeypot(connection: Connection, name: str, region: str, owner: str, now: int) -> str:
    """Let a honeypot report; its token."""
    for text, what in ((name, "honeypot"), (region, "region"), (owner, "owner")):
        _check_name(text, what)
    secret = new_secret()
    with _unique(name, "honeypot"):
        connection.execute(
            "INSERT INTO honeypots (name, region, owner, digest, created) VALUES (?, ?, ?, ?, ?)",
            (name, region, owner, _digest(secret), now),
        )
    return secret


def list_keys(connection: Connection) -> list[Key]:
    """All keys, in the order in which they were made."""
    return [_key(row) for row in connection.execute(f"SELECT {_KEY} FROM keys ORDER BY number")]


def list_honeypots(connection: Connection) -> list[Honeypot]:
    """All honeypots, in the order in which they were added."""
    rows = connection.execute(f"SELECT {_HONEYPOT} FROM honeypots ORDER BY number")
    return [Honeypot(*row) for row in rows]


def find_key(connection: Connection, secret: str) -> Key | None:
    """The valid key with this secret."""
    row = _find(connection, f"SELECT digest, {_KEY} FROM keys", secret)
    return _key(row) if row else None


def find_honeypot(connection: Connection, secret: str) -> Honeypot | None:
    """The honeypot with this token, if it may report."""
    row = _find(connection, f"SELECT digest, {_HONEYPOT} FROM honeypots", secret)
    return Honeypot(*row) if row else None


def honeypot_named(connection: Connection, name: str) -> Honeypot | None:
    """The honeypot of this name, if it may report."""
    if not is_name(name):
        return None
    row = connection.execute(
        f"SELECT {_HONEYPOT} FROM honeypots WHERE name = ? AND revoked IS NULL", (name,)
    ).fetchone()
    return Honeypot(*row) if row else None


def revoke(connection: Connection, what: Literal["key", "honeypot"], name: str, now: int) -> None:
    """Make a key or a token invalid from now on."""
    if is_name(name):
        changed = connection.execute(
            f"UPDATE {what}s SET revoked = ? WHERE name = ? AND revoked IS NULL", (now, name)
        )
        if changed.rowcount:
            return
    raise UnknownNameError(f"there is no valid {what} of this name", f"list the {what}s")


def disown(connection: Connection, name: str) -> int:
    """Remove the addresses that rest on the word of honeypots of a name alone; how many."""
    known = (
        is_name(name)
        and connection.execute("SELECT 1 FROM honeypots WHERE name = ?", (name,)).fetchone()
    )
    if not known:
        raise UnknownNameError("there was never a honeypot of this name", "list the honeypots")
    return connection.execute(
        "DELETE FROM addresses WHERE EXISTS (SELECT 1 FROM honeypots AS brought "
        "WHERE brought.number = addresses.honeypot AND brought.name = ? "
        "AND (addresses.honeypots = 1 OR addresses.word = brought.owner))",
        (name,),
    ).rowcount


_KEY: Final = "number, name, requests, span, created, revoked"
_HONEYPOT: Final = "number, name, region, owner, created, seen, revoked"


def _key(row: Sequence[Any]) -> Key:
    number, name, requests, span, created, revoked = row
    return Key(number, name, Rate(requests, span), created, revoked)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def _find(connection: Connection, select: str, secret: str) -> Sequence[Any] | None:
    """The valid row of a secret, by the same work whether there is one or not.

    The index is asked for the digest, of which an attacker can't choose the first bytes to come
    nearer to one that he does not know; then all of it is compared in constant time.
    """
    digest = _digest(secret)
    row = connection.execute(f"{select} WHERE digest = ? AND revoked IS NULL", (digest,)).fetchone()
    found, *rest = row or (bytes(len(digest)),)
    return rest if hmac.compare_digest(found, digest) else None


def _check_name(text: str, what: str) -> None:
    if not is_name(text):
        raise InputError(
            f"this is no name of a {what}",
            f"use 1 to {MAX_NAME} printable characters; * and - can't come first",
        )


@contextlib.contextmanager
def _unique(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise NameTakenError(
            f"there is a {what} named {name} already", "revoke it first, or take another name"
        ) from None
