"""How columns are named in documents, and what they are mapped to.

Invariants:
- A column of a plain name is shown under its own path, as dashboards know it from the plaintext:
  texts as keyword, addresses as ip, numbers as double, times as date. What groups and compares
  exactly stands beside it in `zt`: the text of every leaf, and times in microseconds.
- Names are given once, by the registry, and never change: a path whose kind changes gets fields in
  `zt` for its second kind, in the same index, so no index has to be left for another mapping.
- A field has one type over all months.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analytics.store.intake.columns import as_address, as_number, as_time
from analytics.store.intake.registry import StoredColumn
from analytics.wire import Kind

OWN: Final = "zt"
"""The object with everything that is not a shown column."""

MAX_TEXT: Final = 32_766
"""Bytes of the longest term that Lucene indexes."""

SAFE_INTEGER: Final = 2**53
"""Aggregations count in binary64: whole numbers are exact up to here, as microseconds up to the
year 2255."""

_PLAIN = re.compile(r"[A-Za-z@][\w@-]*(\.[A-Za-z@_][\w@-]*){0,9}", re.ASCII)
"""Names that begin with `_` are the engine's, and nothing may lie below one of those."""
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")

_KEYWORD: Final = {"type": "keyword"}
FILTERED: Final = {"type": "keyword", "doc_values": False, "norms": False}
"""Asked for, never grouped by or sorted."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a column.

    Attributes:
        text: keyword, the texts by which leaves are grouped and compared.
        typed: the values to compare by, None for kinds without any: double, microseconds as long,
            or ip.
        shown: a date for dashboards, milliseconds.
        tokens: keyword, the blind tokens of the value, where they say all about it.
        mapped: keyword, IPv6 addresses that stand for IPv4 ones, in hexadecimal. Lucene holds the
            two for the same address, and a store must not.
    """

    kind: Kind
    text: str
    tokens: str
    typed: str | None = None
    shown: str | None = None
    mapped: str | None = None

    @classmethod
    def of(cls, column: StoredColumn, name: str | None) -> Fields:
        """The fields of a column that is shown by that name, or not at all."""
        n = column.number
        twin, typed, tokens = f"{OWN}.c{n}", f"{OWN}.x{n}", f"{OWN}.k{n}"
        match column.kind:
            case "number":
                return cls(column.kind, twin, tokens, typed=name or typed)
            case "ip":
                return cls(column.kind, twin, tokens, typed=name or typed, mapped=f"{OWN}.y{n}")
            case "time":
                return cls(column.kind, twin, tokens, typed=typed, shown=name)
            case _:
                return cls(column.kind, name or twin, tokens)

    def properties(self) -> dict[str, dict[str, Any]]:
        """The mapping of each field."""
        typed = {"number": "double", "time": "long", "ip": "ip"}.get(self.kind, "")
        found: dict[str, dict[str, Any]] = {self.text: _KEYWORD, self.tokens: FILTERED}
        if self.typed is not None:
            found[self.typed] = {"type": typed}
        if self.shown is not None:
            found[self.shown] = {"type": "date", "format": "epoch_millis"}
        if self.mapped is not None:
            found[self.mapped] = _KEYWORD
        return found

    def put(self, document: dict[str, Any], elements: Sequence[tuple[Any, str]]) -> None:
        """Write a column's values, with their distinct texts, into a document."""
        document[self.text] = _one_or_all([text for _, text in elements])
        match self.kind:
            case "number":
                numbers = [as_number(value) for value, _ in elements]
                # 0.0 and -0.0 are one number, and two for Lucene
                self._put(document, self.typed, [x + 0.0 for x in numbers if x is not None])
            case "time":
                times = [t for value, _ in elements if (t := as_time(value)) is not None]
                times = [t for t in times if abs(t) <= SAFE_INTEGER]
                self._put(document, self.typed, times)
                self._put(document, self.shown, [t // 1000 for t in times])
            case "ip":
                self._put_addresses(document, [value for value, _ in elements])
            case _:
                pass

    def _put_addresses(self, document: dict[str, Any], values: Sequence[Any]) -> None:
        plain, mapped = [], []
        for value in values:
            address = as_address(value)
            if isinstance(address, tuple) and is_mapped(address):
                mapped.append(hexadecimal(address))
            elif address is not None:
                plain.append(value)
        self._put(document, self.typed, plain)
        self._put(document, self.mapped, mapped)

    @staticmethod
    def _put(document: dict[str, Any], field: str | None, values: Sequence[Any]) -> None:
        if field is not None and values:
            document[field] = _one_or_all(values)


def _one_or_all(values: Sequence[Any]) -> Any:
    return values[0] if len(values) == 1 else list(values)


def is_mapped(address: tuple[int, int]) -> bool:
    """Whether an IPv6 address, given by its halves, stands for an IPv4 one."""
    return _whole(address) in range(int(_MAPPED[0]), int(_MAPPED[-1]) + 1)


def hexadecimal(address: tuple[int, int]) -> str:
    """An IPv6 address as a text that is ordered as the addresses are."""
    return f"{_whole(address):032x}"


def around_mapped(low: tuple[int, int], high: tuple[int, int]) -> list[tuple[str, str]]:
    """The parts of an IPv6 range beside the addresses that stand for IPv4 ones."""
    first, last = int(_MAPPED[0]), int(_MAPPED[-1])
    ends = [(_whole(low), min(_whole(high), first - 1)), (max(_whole(low), last + 1), _whole(high))]
    return [
        (str(ipaddress.IPv6Address(start)), str(ipaddress.IPv6Address(end)))
        for start, end in ends
        if start <= end
    ]


def _whole(address: tuple[int, int]) -> int:
    return address[0] << 64 | address[1]


def shown_name(path: str, taken: Collection[str]) -> str | None:
    """The name under which a path is shown, None if it can't be.

    A name that is another's object, or already there, would be a conflict in the mapping.
    """
    if len(path) > 200 or not _PLAIN.fullmatch(path) or path.partition(".")[0] == OWN:
        return None
    clashes = any(
        name == path or name.startswith(path + ".") or path.startswith(name + ".") for name in taken
    )
    return None if clashes else path
