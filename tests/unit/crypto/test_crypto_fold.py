"""Folding: which texts count as the same, and that it does not hang on the interpreter."""

from __future__ import annotations

import random
import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.crypto import fold as module
from zt.crypto.fold import fold

PAIRS = {
    "upper case": ("Alice@EXAMPLE.org", "alice@example.org"),
    "sharp s": ("Straße", "STRASSE"),
    "capital sharp s": ("STRAẞE", "strasse"),
    "dotted capital i": ("İstanbul", "i\u0307stanbul"),
    "ligatures": ("o\ufb03ce \ufb01le", "office file"),
    "full width": ("\uff21\uff4c\uff49\uff43\uff45\uff20\uff11\uff12", "alice@12"),
    "half-width katakana": ("\uff8e\uff9f", "\u30dd"),
    "composed and decomposed": ("caf\u00e9", "cafe\u0301"),
    "capital, decomposed": ("CAFE\u0301", "caf\u00e9"),
    "order of marks": ("a\u0323\u0307", "a\u0307\u0323"),
    "Greek final sigma": ("ΟΔΟΣ", "οδος"),
    "Ångström sign": ("\u212b", "\u00e5"),
    "Kelvin sign": ("\u212a", "k"),
    "Roman numerals": ("Ⅷ", "viii"),
    "superscripts": ("x²", "x2"),
    "fractions": ("½", "1\u20442"),
    "fullwidth colon": ("sip：a", "sip:a"),
    "no-break space": ("a\u00a0b", "a b"),
    "long s": ("ſ", "s"),
    "titlecase digraph": ("ǅ", "dž"),
    "Cherokee": ("\u13a0", "\uab70"),
    "Hangul jamo": ("\u1112\u1161\u11ab", "한"),
    "iota below": ("ᾳ", "αι"),
    "Deseret, beyond the BMP": ("\U00010400", "\U00010428"),
    "mathematical letters": ("\U0001d400", "a"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_texts_that_count_as_the_same(name: str) -> None:
    one, two = PAIRS[name]
    assert one != two
    assert fold(one) == fold(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a", "á"),
        ("i", "ı"),
        ("i", "İ"),
        ("ss", "s"),
        ("1", "l"),
        ("a", "а"),
        ("a b", "ab"),
        ("", " "),
    ],
)
def test_texts_that_differ(one: str, two: str) -> None:
    assert fold(one) != fold(two)


@given(st.text())
def test_folding_is_what_it_says(text: str) -> None:
    nfkc = unicodedata.normalize("NFKC", text)
    assert fold(text) == unicodedata.normalize("NFKC", nfkc.casefold())


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_short_way_for_ascii_is_the_same(text: str) -> None:
    assert fold(text) == unicodedata.normalize("NFKC", text).casefold()


def unassigned() -> list[str]:
    return [chr(n) for n in range(sys.maxunicode + 1) if module._unassigned().match(chr(n))]


def test_the_table_is_that_of_unicode_14() -> None:
    if unicodedata.unidata_version != "14.0.0":
        pytest.skip("this interpreter knows another Unicode")
    known = {chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) == "Cn"}
    assert set(unassigned()) == known


@pytest.fixture
def another_unicode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the way of interpreters that know another Unicode than 14."""
    monkeypatch.setattr(module, "_TABLE_VERSION", "another")


@pytest.mark.usefixtures("another_unicode")
def test_the_way_of_other_interpreters_gives_the_same() -> None:
    newer = unassigned()
    assert len(newer) > 700_000
    choice = random.Random(14)
    every = [chr(n) for n in range(sys.maxunicode + 1) if not 0xD800 <= n < 0xE000]
    assigned = sorted(set(every) - set(newer))
    for char in assigned:
        assert fold(char) == module._fold(char)
    for _ in range(3000):
        text = "".join(choice.choices(assigned, k=choice.randrange(1, 12)))
        assert fold(text) == module._fold(text)


@pytest.mark.usefixtures("another_unicode")
def test_newer_characters_stay_as_they_are_and_join_nothing() -> None:
    newer = ["\u0378", "\U0001fae9", "\U00011f00", "\U0010fffe"]  # not in Unicode 14
    for char in newer:
        assert fold(char) == char
        assert fold(f"STRASSE{char}CAFE\u0301") == f"strasse{char}caf\u00e9"
        assert fold(f"{char}{char}A{char}") == f"{char}{char}a{char}"
        # a mark behind a newer character joins neither it nor the letter before it
        assert fold(f"A{char}\u0301") == f"a{char}\u0301"


@pytest.mark.usefixtures("another_unicode")
def test_what_the_table_leaves_out_is_never_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this interpreter knew more than the table: here A-grave and the acute accent."""
    monkeypatch.setattr(module, "_unassigned", lambda: re.compile("([\u00c0\u0301]+)"))
    assert fold("\u00c0") == "\u00c0"
    assert fold("CAFE\u0301 \u00c0\u00c8") == "cafe\u0301 \u00c0\u00e8"
    assert fold("A\u0300\u0301\u00c0\u0301B") == "\u00e0\u0301\u00c0\u0301b"
