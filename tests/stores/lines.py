"""Wire lines made by hand, in valid spelling, with bytes that mean nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from analytics.wire import BatchHeader, Column, ValueRecord, encode_bytes, write_line

KID = "00000001"
KCV = encode_bytes(b"k" * 32)
PROFILE = encode_bytes(b"p" * 16)
SEARCH = encode_bytes(b"s" * 16)
TAG = encode_bytes(b"t" * 16)
ENVELOPE = encode_bytes(b"e" * 30)


def name16(*parts: object) -> str:
    """16 bytes that depend on the parts."""
    return encode_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=16).digest())


def header(
    columns: Iterable[tuple[str, str] | Column],
    *,
    kid: str = KID,
    kcv: str = KCV,
    profile: str = PROFILE,
    tenant: str = "acme",
    generation: int = 1,
    time: str | None = "time",
) -> bytes:
    """A header line; columns as (path, kind)."""
    return write_line(
        BatchHeader(
            tenant=tenant,
            kid=kid,
            kcv=kcv,
            generation=generation,
            profile=profile,
            edge=ENVELOPE,
            time=time,
            columns=tuple(
                column if isinstance(column, Column) else Column(path=column[0], kind=column[1])  # type: ignore[arg-type]
                for column in columns
            ),
            tag=TAG,
        )
    )


def event(body: dict[str, Any], ident: object, *, kid: str = KID, profile: str = PROFILE) -> bytes:
    """An event line; the id depends on `ident`."""
    meta = {
        "id": name16(ident),
        "kid": kid,
        "profile": profile,
        "opaque": ENVELOPE,
        "seal": TAG,
    }
    return msgspec.json.encode({**body, "zt": meta}) + b"\n"


def events(bodies: Sequence[dict[str, Any]], **names: str) -> list[bytes]:
    """An event line for each body, with its index as `ident`."""
    return [event(body, index, **names) for index, body in enumerate(bodies)]


def value(
    ct: str,
    tokens: Iterable[int],
    *,
    kid: str = KID,
    keyspace: str = "user",
    scheme: str = "det",
    search: str | None = SEARCH,
) -> bytes:
    """A value record line."""
    return write_line(record(ct, tokens, kid=kid, keyspace=keyspace, scheme=scheme, search=search))


def record(
    ct: str,
    tokens: Iterable[int],
    *,
    kid: str = KID,
    keyspace: str = "user",
    scheme: str = "det",
    search: str | None = SEARCH,
) -> ValueRecord:
    """A value record."""
    return ValueRecord(
        keyspace=keyspace,
        kid=kid,
        scheme=scheme,
        search=search,
        ct=ct,
        tokens=tuple(sorted(set(tokens))),
        tag=TAG,
    )
