"""All banned addresses of one family as a file: plain text, CSV, JSON, ipset, nftables.

    txt     one address a line
    csv     one address a line with what is known of it, after a line of names
    json    the same, in the members that Intuitive Labs' lists have
    ipset   for `ipset restore`: fills the set zt-honeynet-v4 or -v6 anew, in one step
    nft     for `nft -f`: fills the set v4 or v6 of the table inet zt_honeynet anew, in one step

Addresses come from the book and are nothing else than addresses. The name of a tool was chosen by
an attacker: it is quoted, stripped of what steers a terminal, and no formula to a spreadsheet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from analytics.wire import format_time
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import Ban, Family

NFT_TABLE: Final = "zt_honeynet"
_PAGE: Final = 5_000  # bans read at once
_SMALLEST_SET: Final = 65_536
_FORMULAS: Final = ("=", "+", "-", "@")


def render(name: str, family: Family, bans: Sequence[Ban]) -> bytes:
    """The file of this format.

    Args:
        name: one of `FORMATS`.
        family: 4 or 6.
        bans: of this family only.

    Raises:
        KeyError: there is no such format.
    """
    return FORMATS[name](family, bans).encode()


def all_bans(book: Book, family: Family) -> list[Ban]:
    """All bans of a family, the oldest ID first."""
    bans: list[Ban] = []
    while page := book.bans(family, 0, bans[-1].id if bans else 0, _PAGE):
        bans += page
    return bans


def _txt(family: Family, bans: Sequence[Ban]) -> str:
    return "".join(f"{ban.address}\n" for ban in bans)


def _csv(family: Family, bans: Sequence[Ban]) -> str:
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write(["address", "first", "last", "count", "kinds", "honeypots", "proven", "tool"])
    for ban in bans:
        write(
            [
                ban.address,
                format_time(ban.first),
                format_time(ban.last),
                ban.count,
                " ".join(ban.kinds),
                ban.honeypots,
                "yes" if ban.proven else "no",
                _cell(ban.tool),
            ]
        )
    return out.getvalue()


def _json(family: Family, bans: Sequence[Ban]) -> str:
    return msgspec.json.encode(
        {
            "metadata": {"family": family},
            "elements": [
                {
                    "ipaddr": ban.address,
                    "first": format_time(ban.first),
                    "last": format_time(ban.last),
                    "count": ban.count,
                    "kinds": list(ban.kinds),
                    "honeypots": ban.honeypots,
                    "proven": ban.proven,
                    "tool": ban.tool,
                }
                for ban in bans
            ],
        }
    ).decode()


def _ipset(family: Family, bans: Sequence[Ban]) -> str:
    name = f"zt-honeynet-v{family}"
    new = f"{name}-new"
    most = max(_SMALLEST_SET, 1 << len(bans).bit_length())  # a set knows its size when it is made
    kind = f"hash:ip family {'inet' if family == 4 else 'inet6'} maxelem {most}"
    return "".join(
        [
            f"create {name} {kind} -exist\n",
            f"create {new} {kind}\n",
            *(f"add {new} {ban.address}\n" for ban in bans),
            f"swap {new} {name}\n",
            f"destroy {new}\n",
        ]
    )


def _nft(family: Family, bans: Sequence[Ban]) -> str:
    head = (
        f"add table inet {NFT_TABLE}\n"
        f"add set inet {NFT_TABLE} v{family} {{ type ipv{family}_addr; }}\n"
        f"flush set inet {NFT_TABLE} v{family}\n"
    )
    if not bans:
        return head
    addresses = ",\n".join(ban.address for ban in bans)
    return f"{head}add element inet {NFT_TABLE} v{family} {{\n{addresses}\n}}\n"


def _cell(text: str) -> str:
    """Text that a spreadsheet takes as text."""
    text = "".join(c if c.isprintable() else " " for c in text)
    return f"'{text}" if text.lstrip().startswith(_FORMULAS) else text


FORMATS: Final[dict[str, Callable[[Family, Sequence[Ban]], str]]] = {
    "txt": _txt,
    "csv": _csv,
    "json": _json,
    "ipset": _ipset,
    "nft": _nft,
}
"""Each format by its name, which is also the file's suffix."""

MEDIA_TYPES: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
"""Of the formats that are more than plain text."""

DETAILED: Final = frozenset(MEDIA_TYPES)
"""Those that say more of an address than that it is there."""
