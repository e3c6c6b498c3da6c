"""Sections 8, 10, 12 and 14 of docs/formats.md: lines, seals, header tags, names of findings."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from .conventions import Json, compact, digest16, fields, lp, mac, read_json, uint32, unb64
from .envelopes import is_scalar, type_and_bytes
from .keys import Epoch
from .profiles import is_integer

Leaf = tuple[bytes, bytes, bytes, bytes]

# --- section 8: seals ------------------------------------------------------------------------


def body_leaves(body: Json) -> list[Leaf]:
    found: list[tuple[bytes, int, Leaf]] = []
    for path, value in fields(body):
        whole = not isinstance(value, list) or not value
        for index, item in enumerate([value] if whole else value):
            if not whole and not is_scalar(item):
                raise ValueError("an array holds containers")
            place = b"" if whole else uint32(index)
            leaf = (path.encode(), place, *type_and_bytes(item))
            found.append((path.encode(), index, leaf))
    return [leaf for _, _, leaf in sorted(found)]


def seal_message(body: Json, zt: Json) -> bytes:
    leaves = body_leaves(body)
    head = lp(uint32(1))
    head += lp(unb64(zt["id"]), bytes.fromhex(zt["kid"]), unb64(zt["profile"]))
    head += lp(uint32(len(leaves)))
    return head + b"".join(lp(*leaf) for leaf in leaves) + lp(zt["opaque"].encode())


def event_seal(epoch: Epoch, body: Json, zt: Json) -> str:
    return mac(epoch.subkey("zt:seal", b"seal", 32), seal_message(body, zt))


# --- section 10: header tags -----------------------------------------------------------------


def header_tag(epoch: Epoch, header: Json) -> str:
    content = {k: v for k, v in header.items() if k != "tag" and v is not None}
    content["columns"] = [
        {k: v for k, v in column.items() if v is not None} for column in header["columns"]
    ]
    return mac(epoch.subkey("zt:seal", b"header-tag", 32), compact(content, ordered=True).encode())


# --- section 12: lines -----------------------------------------------------------------------

_KID = r"[0-9a-f]{8}"
_B16 = r"[A-Za-z0-9_-]{21}[AQgw]"
_B32 = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
_ENVELOPE = r"[A-Za-z0-9_-]{30,}"
_KINDS = "keyword|ip|number|time|text"
_TENANT = r"[a-z0-9][a-z0-9._-]{0,62}"

_HEADER = {
    "kind": "batch",
    "tenant": _TENANT,
    "kid": _KID,
    "kcv": _B32,
    "profile": _B16,
    "edge": _ENVELOPE,
    "time": r"(?s:.{0,1024})",
    "tag": _B16,
}
_COLUMN = {
    "path": r"(?s:.{0,1024})",
    "kind": _KINDS,
    "keyspace": r"(?s:.{1,256})",
    "search": _B16,
}
_VALUE = {
    "kind": "value",
    "keyspace": r"(?s:.{1,256})",
    "kid": _KID,
    "scheme": r"(?s:.*)",
    "search": _B16,
    "ct": r"(?s:.*)",
    "tag": _B16,
}
_EVENT = {"id": _B16, "kid": _KID, "profile": _B16, "opaque": _ENVELOPE, "seal": _B16}


def _strings(found: Any, allowed: dict[str, str], *optional: str) -> None:
    """Check the keys of an object whose values are strings."""
    if not isinstance(found, dict) or not found.keys() <= allowed.keys():
        raise ValueError("no object, or unknown keys")
    for key, pattern in allowed.items():
        value = found.get(key)
        if value is None and key in optional:
            continue
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise ValueError(f"{key} is wrong")


def parse(raw: bytes) -> tuple[str, Json, Json]:
    """Kind, `zt` and body of a line without its end."""
    if len(raw) > 16 * 1024 * 1024:
        raise ValueError("too long")
    body = read_json(raw)
    if not isinstance(body, dict) or not isinstance(zt := body.pop("zt", None), dict):
        raise ValueError("no line of the wire")
    if "kind" not in zt:
        _strings(zt, _EVENT)
        return "event", zt, body
    if body:
        raise ValueError("keys beside zt")
    if zt["kind"] == "batch":
        _check_header(dict(zt))
        return "batch", zt, {}
    _check_record(dict(zt))
    return "value", zt, {}


def _check_header(rest: Json) -> None:
    columns = rest.pop("columns", None)
    if not is_integer(rest.pop("version", None), 1, 1):
        raise ValueError("another version")
    if not is_integer(rest.pop("generation", None), 1, 2**53 - 1):
        raise ValueError("generation is wrong")
    if not isinstance(columns, list):
        raise ValueError("columns are wrong")
    _strings(rest, _HEADER, "time")
    for column in columns:
        _strings(column, _COLUMN, "keyspace", "search")


def _check_record(rest: Json) -> None:
    tokens = rest.pop("tokens", [])
    if not isinstance(tokens, list) or len(tokens) > 65_536:
        raise ValueError("tokens are wrong")
    if not all(is_integer(token, 0, 2**32 - 1) for token in tokens):
        raise ValueError("a token is wrong")
    if tokens != sorted(set(tokens)):
        raise ValueError("tokens are not sorted")
    _strings(rest, _VALUE, "search")


# --- section 14: findings --------------------------------------------------------------------


def finding_id(
    job: str, version: str, kid: str, profile: str, group: Iterable[str], start: int
) -> str:
    parts = (job, version, kid, profile, *group, str(start))
    return digest16(lp(*(part.encode() for part in parts)), b"zt finding v1")
