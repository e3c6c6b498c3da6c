"""Section 9 of docs/formats.md: search lists, folding, tokens, value tags."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC

from .conventions import Json, compact, digest16, lp, mac, uint32, unb64
from .envelopes import scalar_text
from .grammars import parse_address, unmapped
from .keys import GRAM, NET, PREFIX, WHOLE, Epoch

_UNICODE14 = Path(__file__).parents[3] / "zt" / "crypto" / "unicode14_unassigned.txt"

PARAMETERS: dict[str, Json] = {
    "gram": {"bits": 32, "fold": 1, "size": 3},
    "prefix": {"bits": 32, "digits": 14, "fold": 1},
    "whole": {"bits": 32, "fold": 1},
    "net": {"bits": 32, "v4": [8, 16, 24], "v6": [32, 48, 64]},
}
_LABELS = {"gram": GRAM, "prefix": PREFIX, "whole": WHOLE, "net": NET}


def search_text(kinds: Iterable[str]) -> str:
    return compact({kind: PARAMETERS[kind] for kind in kinds}, ordered=True)


def search_id(kinds: Iterable[str]) -> str:
    return digest16(search_text(kinds).encode())


SEARCH_LISTS: dict[str, tuple[str, ...]] = {
    search_id(kinds): kinds
    for size in range(1, 5)
    for kinds in combinations(sorted(PARAMETERS), size)
}
"""The kinds of every search list that there is, by its name."""


def fold(text: str) -> str:
    if unicodedata.unidata_version == "14.0.0":
        unassigned = {c for c in text if unicodedata.category(c) == "Cn"}
    else:
        ranges = [line.split("-") for line in _UNICODE14.read_text("ascii").split()]
        spans = [(int(low, 16), int(high, 16)) for low, high in ranges]
        unassigned = {c for c in text if any(low <= ord(c) <= high for low, high in spans)}
    folded, piece = "", ""
    for c in text:
        if c in unassigned:
            folded, piece = folded + _fold_piece(piece) + c, ""
        else:
            piece += c
    return folded + _fold_piece(piece)


def _fold_piece(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def messages(kind: str, text: str) -> set[bytes]:
    """What the tokens of a text are made of."""
    match kind:
        case "gram":
            return _gram_messages(fold(text))
        case "prefix":
            folded = fold(text)
            plus = b"\x01" if folded.startswith("+") else b"\x00"
            rest = folded.removeprefix("+")
            digits = rest[: len(rest) - len(rest.lstrip("0123456789"))][:14].encode()
            return {plus + digits[:k] for k in range(1, len(digits) + 1)}
        case "whole":
            return {fold(text).encode()}
    assert kind == "net"
    address = parse_address(text)
    if address is None:
        return set()
    address = unmapped(address)
    family, lengths = (4, (8, 16, 24)) if len(address) == 4 else (6, (32, 48, 64))
    return {bytes([family, length]) + address[: length // 8] for length in lengths}


def _gram_messages(folded: str) -> set[bytes]:
    grams = [folded[i : i + 3] for i in range(len(folded) - 2)]
    blocks = {(0, gram) for gram in grams}
    if grams:
        blocks |= {(1, grams[0]), (2, grams[-1])}
    return {bytes([flags]) + gram.encode("utf-32-be") for flags, gram in blocks}


def token(epoch: Epoch, keyspace: str, kind: str, message: bytes) -> int:
    cmac = CMAC(algorithms.AES256(epoch.subkey(keyspace, kind.encode(), 32, _LABELS[kind])))
    cmac.update(message)
    return int.from_bytes(cmac.finalize()[:4], "big")


def tokens(epoch: Epoch, keyspace: str, kinds: Iterable[str], value: Any) -> list[int]:
    """The tokens of a canonical value, sorted and distinct."""
    text = scalar_text(value)
    found = {
        token(epoch, keyspace, kind, message) for kind in kinds for message in messages(kind, text)
    }
    return sorted(found)


def value_message(epoch: Epoch, record: Json) -> bytes:
    search = record.get("search")
    return lp(
        uint32(1),
        epoch.kid,
        record["keyspace"].encode(),
        record["scheme"].encode(),
        unb64(search) if search else b"",
        record["ct"].encode(),
        b"".join(map(uint32, record.get("tokens") or [])),
    )


def value_tag(epoch: Epoch, record: Json) -> str:
    key = epoch.subkey(record["keyspace"], b"value-tag", 32)
    return mac(key, value_message(epoch, record))
