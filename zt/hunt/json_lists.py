"""Lists in JSON.

An array of texts or of objects that name an address, such an array in an object (as in answers of
APIBAN's interface and of the `bwnoa` lists), what `nft -j list ruleset` prints, or such an object
on each line.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

_LISTS: Final = ("ipaddress", "elements", "addresses", "entries", "ips", "networks", "data", "list")
"""Members that hold the entries."""

ADDRESS_NAMES: Final = (
    "ipaddr",
    "ipaddress",
    "ip_address",
    "ip",
    "address",
    "addr",
    "network",
    "cidr",
    "prefix",
    "range",
    "src_ip",
    "dst_ip",
)
"""Members that name the address of one entry."""

_NOTHING: Final = frozenset(("no new bans", "not blocked"))
"""What APIBAN's interface says instead of an address."""

_DEEPEST: Final = 8


class Page:
    """Says that this is one page of a longer list."""


def json_texts(text: str) -> Iterator[str | Page | None]:
    """The texts that may be entries; None for an element in which there is none."""
    try:
        yield from _walk(msgspec.json.decode(text), 0)
        return
    except (msgspec.DecodeError, RecursionError):
        pass
    for line in text.splitlines():
        if not line.strip():
            continue
        try:
            value = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            yield None
        else:
            yield from _walk(value, 0)


def _walk(value: Any, depth: int) -> Iterator[str | Page | None]:
    if isinstance(value, str):
        if value not in _NOTHING:
            yield value
    elif isinstance(value, list) and depth < _DEEPEST:
        for item in value:
            yield from _walk(item, depth + 1)
    elif isinstance(value, dict) and depth < _DEEPEST:
        yield from _object(value, depth)
    else:
        yield None


def _object(value: dict[str, Any], depth: int) -> Iterator[str | Page | None]:
    if isinstance(rules := value.get("nftables"), list):
        yield from _nft(rules)
        return
    if value.get("encrypt", "plain") != "plain":
        yield None
        return
    if str(value.get("ID", "none")).isdigit():
        yield Page()
    metadata = value.get("metadata")
    if isinstance(metadata, dict) and metadata.get("nextEncodedKey"):
        yield Page()
    for name in _LISTS:
        if isinstance(items := value.get(name), list):
            yield from _walk(items, depth + 1)
            return
    named = (value.get(name) for name in ADDRESS_NAMES)
    yield next((text for text in named if isinstance(text, str)), None)


def _nft(rules: list[Any]) -> Iterator[str | None]:
    """The elements of sets; see libnftables-json(5)."""
    for rule in rules:
        if not isinstance(rule, dict):
            continue
        command = rule.get("add", rule)
        for kind in ("set", "map", "element"):
            found = command.get(kind) if isinstance(command, dict) else None
            elements = found.get("elem") if isinstance(found, dict) else None
            for element in elements if isinstance(elements, list) else ():
                yield _nft_text(element, 0)


def _nft_text(element: Any, depth: int) -> str | None:
    """An element as an entry; of a concatenation or a map's pair the first part."""
    if isinstance(element, str):
        return element
    if depth >= _DEEPEST:
        return None
    match element:
        case [first, *_] | {"concat": [first, *_]} | {"elem": {"val": first}}:
            return _nft_text(first, depth + 1)
        case {"prefix": {"addr": str(address), "len": int(length)}}:
            return f"{address}/{length}"
        case {"range": [str(first), str(last)]}:
            return f"{first}-{last}"
    return None
