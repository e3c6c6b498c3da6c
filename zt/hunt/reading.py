"""Lists as files spell them.

Lines (an address, a network or a range each, with comments behind `#` or `;`), CSV, what `ipset
save` and `ipset list` print, rules of nftables with sets, and JSON: see `zt.hunt.json_lists`. What
a file is, its content says. Any bytes are read: what is no entry is counted, and a file that is no
list is refused, for to hunt for half a list would look like an answer.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from zt.errors import InputError
from zt.hunt.entries import Entry, parse_entry
from zt.hunt.json_lists import ADDRESS_NAMES, Page, json_texts
from zt.hunt.listing import Listing

MAX_BYTES: Final = 128 << 20
"""Of one list."""

MAX_LINE: Final = 64 << 10
"""Characters of a line."""

SHOWN_BAD: Final = 5

COLUMNS: Final = frozenset(
    (*ADDRESS_NAMES, "host", "source_ip", "ip_range", "client.ip", "source.ip")
)
"""How CSV files call the column of addresses, in lower case."""

_COMMENT: Final = re.compile(r"(?:\A|\s)(?:#|;|//)")
_HEADING: Final = re.compile(r"[A-Z][A-Za-z ]{0,40}:(?:\s|\Z)")  # as `ipset list` prints them
_IPSET_ADD: Final = ("add ", "-A ")
_IPSET_OTHER: Final = frozenset(("create", "-N", "flush", "-F", "destroy", "-X", "swap", "COMMIT"))
_NFT: Final = re.compile(
    r"(?:\belements[ \t]{0,99}=|\badd[ \t]{1,99}element\b[^{}\n]{0,200})\s{0,99}\{([^{}]*)\}"
)
_NFT_COMMENT: Final = re.compile(r"#[^\n]*")
_DELIMITERS: Final = "\t,; "


@dataclass
class Reading:
    """A list that was read.

    Attributes:
        bad: how many lines or elements are no entry; the first of them are in `bad_places`.
        is_page: whether it is one page of a longer list, as APIBAN's answers are.
    """

    listing: Listing
    good: int = 0
    bad: int = 0
    bad_places: list[int] = field(default_factory=list)
    is_page: bool = False

    def take(self, text: str | None, place: int) -> None:
        """Take in what may be an entry.

        Raises:
            InputError: the list is too long.
        """
        self.take_parsed(parse_entry(text) if text else (), place)

    def take_parsed(self, entries: Sequence[Entry], place: int) -> None:
        """Take in what was parsed from one place; nothing, if that is no entry.

        Raises:
            InputError: the list is too long.
        """
        if entries:
            self.listing.add(entries)
            self.good += 1
            return
        self.bad += 1
        if len(self.bad_places) < SHOWN_BAD:
            self.bad_places.append(place)


def read_listing(name: str, content: bytes) -> Reading:
    """The list in a file's bytes.

    Raises:
        InputError: it holds no entry, more that is none than entries, or too much.
    """
    reading = Reading(Listing(name))
    text = content.decode(errors="replace").removeprefix("\ufeff")
    if text.lstrip()[:1] in ("{", "["):
        for place, item in enumerate(json_texts(text), 1):
            if isinstance(item, Page):
                reading.is_page = True
            else:
                reading.take(item, place)
    elif _NFT.search(text):
        for place, item in enumerate(_nft_elements(text), 1):
            reading.take(item, place)
    else:
        _read_lines(reading, text.splitlines())
    return _checked(reading)


def _checked(reading: Reading) -> Reading:
    if not reading.good:
        raise InputError(
            f"the list {reading.listing.name} holds no address",
            "give a list of addresses and networks: lines, CSV, JSON, ipset or nftables",
        )
    if reading.bad > reading.good:
        places = ", ".join(map(str, reading.bad_places))
        raise InputError(
            f"the list {reading.listing.name} is mostly no list: {reading.bad} lines or elements "
            f"are no address, the first at {places}",
            "look at it; lines that are to be passed over begin with #",
        )
    return reading


def _nft_elements(text: str) -> Iterator[str]:
    """The elements of all sets; of a concatenation, or one with a timeout, the first word."""
    for block in _NFT.finditer(text):
        for element in _NFT_COMMENT.sub("", block[1]).split(","):
            if words := element.split(None, 1):
                yield words[0]


def _read_lines(reading: Reading, lines: Iterable[str]) -> None:
    column: int | None = None
    for number, raw in enumerate(lines, 1):
        if entries := parse_entry(raw.strip()):  # most lines of most lists
            reading.take_parsed(entries, number)
            continue
        if len(raw) > MAX_LINE:
            reading.take(None, number)
            continue
        comment = _COMMENT.search(raw)
        line = (raw[: comment.start()] if comment else raw).strip()
        if not line or _says_nothing(line):
            continue
        if entries := parse_entry(line):
            reading.take_parsed(entries, number)
        elif line.startswith(_IPSET_ADD):
            reading.take(_ipset_element(line.split()), number)
        else:
            cells = _cells(line)
            if column is None and not reading.good:
                column = next((n for n, cell in enumerate(cells) if cell.lower() in COLUMNS), None)
                if column is not None:
                    continue  # the head of a table
            if column is None:
                reading.take(next(filter(parse_entry, cells), None), number)
            else:
                reading.take(cells[column] if column < len(cells) else None, number)


def _says_nothing(line: str) -> bool:
    """Whether a line belongs to what ipset prints, and holds no element."""
    if line[0].isdigit():
        return False
    return line.split(None, 1)[0] in _IPSET_OTHER or _HEADING.match(line) is not None


def _ipset_element(words: list[str]) -> str | None:
    """The address of `add SET ADDRESS[,...] [nomatch]`.

    None for an exception from a network of the set, which no list here can express.
    """
    if len(words) < 3 or "nomatch" in words[3:]:
        return None
    return words[2].split(",", 1)[0]


def _cells(line: str) -> list[str]:
    """The cells of a line of CSV, by the first delimiter of those that it has."""
    delimiter = next((each for each in _DELIMITERS if each in line), ",")
    try:
        row = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []
    return [cell.strip().strip("'\"") for cell in row]
