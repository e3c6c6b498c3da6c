"""How text is folded before it is compared part by part: NFKC(casefold(NFKC(x))).

Folding follows Unicode 14 whatever the interpreter knows, since a token made by one release
must be found by the next: code points that Unicode 14 did not assign stay as they are.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files

FOLD_VERSION = 1
_TABLE_VERSION = "14.0.0"


def fold(text: str) -> str:
    """The text without differences of case, width and compatibility spelling."""
    if text.isascii():
        return text.lower()
    if unicodedata.unidata_version == _TABLE_VERSION:
        return _fold(text)
    # Newer characters are cut out, so that no newer rule joins them to their neighbours.
    pieces = _unassigned().split(text)
    return "".join(piece if i % 2 else _fold(piece) for i, piece in enumerate(pieces))


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", folded)


@cache
def _unassigned() -> re.Pattern[str]:
    """Matches runs of code points that Unicode 14 did not assign, as one group."""
    table = files("zt.crypto").joinpath("unicode14_unassigned.txt").read_text("ascii")
    ranges = (line.split("-") for line in table.split() if line)
    return re.compile("([" + "".join(f"\\U{a:0>8}-\\U{b:0>8}" for a, b in ranges) + "]+)")
