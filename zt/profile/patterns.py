"""Field patterns: dotted paths in whose segments `*` stands for any run of characters but a dot.

`*.ip` is every field named `ip` one level down. A path without `*` wins over patterns; of two
patterns that fit a field, the one wins whose fields are all fields of the other. Two that share
fields without one containing the other are ambiguous, and a profile with such a pair is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import combinations

STAR = "*"


def is_pattern(path: str) -> bool:
    """Whether a field path of a profile has a `*`."""
    return STAR in path


class Patterns:
    """The patterns of a profile, the most specific first."""

    def __init__(self, patterns: Iterable[str]) -> None:
        # what lies within another pattern has more literal characters, or as many and fewer stars
        ordered = sorted(patterns, key=lambda p: (p.count(STAR) - len(p), p.count(STAR), p))
        self._patterns = [(pattern, _compiled(pattern)) for pattern in ordered]
        self._inner = [
            _compiled(".".join(segments[:n]))
            for pattern in ordered
            for segments in [pattern.split(".")]
            for n in range(1, len(segments))
        ]

    def match(self, path: str) -> str | None:
        """The most specific pattern that fits a path."""
        return next((p for p, compiled in self._patterns if compiled.fullmatch(path)), None)

    def leads_to(self, path: str) -> bool:
        """Whether a field that some pattern fits may lie below a path."""
        return any(compiled.fullmatch(path) for compiled in self._inner)


def overlap(one: str, two: str) -> bool:
    """Whether some path fits both patterns."""
    a, b = one.split("."), two.split(".")
    return len(a) == len(b) and all(map(_meet, a, b))


def ambiguous(patterns: Iterable[str]) -> tuple[str, str] | None:
    """The first two patterns that share fields without one containing the other."""
    for one, two in combinations(patterns, 2):
        if overlap(one, two):
            a, b = one.split("."), two.split(".")
            if not all(map(_within, a, b)) and not all(map(_within, b, a)):
                return one, two
    return None


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile("[^.]*".join(map(re.escape, pattern.split(STAR))), re.DOTALL)


def _within(inner: str, outer: str) -> bool:
    """Whether every text that fits one segment fits the other: its `*` must meet a `*`."""
    return re.fullmatch(".*".join(map(re.escape, outer.split(STAR))), inner, re.DOTALL) is not None


@lru_cache(maxsize=4096)
def _meet(one: str, two: str) -> bool:
    """Whether some text fits both segments."""
    if not one or not two:
        return not (one + two).strip(STAR)
    if one[0] == STAR:
        return _meet(one[1:], two) or _meet(one, two[1:])
    if two[0] == STAR:
        return _meet(one, two[1:]) or _meet(one[1:], two)
    return one[0] == two[0] and _meet(one[1:], two[1:])
