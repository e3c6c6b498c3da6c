"""Patterns: what they fit, and that no text makes them slow."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zt.crypto.fold import fold
from zt.query import Wildcard
from zt.query.patterns import Matcher

ANY, ONE = Wildcard.ANY, Wildcard.ONE
Pieces = tuple[str | Wildcard, ...]


def pieces_of(pattern: str) -> Pieces:
    return tuple({"*": ANY, "?": ONE}.get(character, character) for character in pattern)


def plainly(pieces: Pieces, text: str) -> bool:
    """By definition: the first piece takes so much, the others take the rest."""
    if not pieces:
        return not text
    first, rest = pieces[0], pieces[1:]
    if first is ANY:
        return any(plainly(rest, text[start:]) for start in range(len(text) + 1))
    if first is ONE:
        return bool(text) and plainly(rest, text[1:])
    needle = fold(str(first))
    return text.startswith(needle) and plainly(rest, text[len(needle) :])


@given(st.text("ab?*", max_size=8), st.text("ab", max_size=10))
@example("a*a", "a")
@example("*ab*b", "ab")
@example("a?*?b", "aab")
@example("", "")
def test_patterns_are_what_their_definition_says(pattern: str, text: str) -> None:
    pieces = pieces_of(pattern)
    assert Matcher(pieces).fits(text) is plainly(pieces, text)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a?c*d", "abcd", True),
        ("A?C*D", "aBc--d", True),
        ("a?c*d", "acd", False),
        ("*a*b", "xaxb", True),
        ("*a*b", "xbxa", False),
        ("a.c*[", "a.c[", True),  # nothing in a piece means more than itself
        ("a.c*[", "abc[", False),
        ("stra?e*", "Straße 5", False),  # folded, a sharp s is two characters
        ("stra??e*", "Straße 5", True),
        ("x?y", "x\ny", True),
        ("x*y", "x\n\ny", True),
        ("x?y", "x😀y", True),
    ],
)
def test_patterns_fit_folded_text(pattern: str, text: str, fits: bool) -> None:
    assert Matcher(pieces_of(pattern)).fits(fold(text)) is fits


@pytest.mark.parametrize("pattern", ["*a" * 500 + "b", "a?" * 250 + "b*c", "*?a" * 300 + "*b*"])
def test_hostile_patterns_come_to_an_end(pattern: str) -> None:
    """Tried again and again, as a regular expression does, this takes longer than there is time."""
    assert not Matcher(pieces_of(pattern)).fits("a" * 8192)
