"""Gram tokens against a slow reference, and that a needle never misses what it should find."""

from __future__ import annotations

import unicodedata

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keys import EpochKeys, Secret
from zt.crypto.fold import fold
from zt.crypto.gram import GramTokens

KEYS = EpochKeys(Secret(bytes(range(32))))


class Folding:
    """Gram tokens of texts that are not folded yet."""

    def __init__(self, grams: GramTokens) -> None:
        self._grams = grams

    def tokens(self, texts: list[str]) -> list[tuple[int, ...]]:
        return self._grams.tokens([fold(text) for text in texts])

    def needle(self, text: str, *, first: bool = False, last: bool = False) -> tuple[int, ...]:
        return self._grams.needle(fold(text), first=first, last=last)


GRAMS = Folding(GramTokens(KEYS.keyspace("sip.identity")))

texts = st.text(max_size=12) | st.text(alphabet="aAbßİéΣﬁ\u0301 .", max_size=12)


def folded(text: str) -> str:
    nfkc = unicodedata.normalize("NFKC", text)
    return unicodedata.normalize("NFKC", nfkc.casefold())


def mac(flags: int, gram: str) -> int:
    params = b"".join(b"\0\0\0\4" + n.to_bytes(4, "big") for n in (1, 3, 32))
    key = KEYS.keyspace("sip.identity").subkey(b"gram", 32, params)
    cmac = CMAC(algorithms.AES(key.secret_key_access()))
    cmac.update(bytes([flags]) + gram.encode("utf-32-be"))
    return int.from_bytes(cmac.finalize()[:4], "big")


def reference(text: str) -> tuple[int, ...]:
    text = folded(text)
    grams = [text[i : i + 3] for i in range(len(text) - 2)]
    tokens = {mac(0, gram) for gram in grams}
    if grams:
        tokens |= {mac(1, grams[0]), mac(2, grams[-1])}
    return tuple(sorted(tokens))


def reference_needle(text: str, first: bool, last: bool) -> tuple[int, ...]:
    text = folded(text)
    tokens = {mac(0, text[i : i + 3]) for i in range(len(text) - 2)}
    tokens |= {mac(1, text[:3])} if first else set()
    tokens |= {mac(2, text[-3:])} if last else set()
    return tuple(sorted(tokens))


@given(st.lists(texts, max_size=8))
@example([])
@example(["", "ab", ""])
@example(["abc", "", "abc", "abcd"])
@example(["ﬁa", "ß1", "\U0001f600\U0001f600\U0001f600"])
def test_columns_agree_with_the_reference(column: list[str]) -> None:
    assert GRAMS.tokens(column) == [reference(text) for text in column]


@given(texts, st.booleans(), st.booleans())
def test_needles_agree_with_the_reference(text: str, first: bool, last: bool) -> None:
    if len(folded(text)) < 3:
        with pytest.raises(ValueError, match="at least 3 characters"):
            GRAMS.needle(text, first=first, last=last)
    else:
        assert GRAMS.needle(text, first=first, last=last) == reference_needle(text, first, last)


@pytest.mark.parametrize("text", ["", "a", "ab", "\U0001f600\U0001f600", "e\u0301a", "  "])
def test_short_needles_are_refused(text: str) -> None:
    for first, last in ((False, False), (True, False), (False, True), (True, True)):
        with pytest.raises(ValueError, match="at least 3 characters"):
            GRAMS.needle(text, first=first, last=last)


@pytest.mark.parametrize("text", ["ßa", "ﬃ", "½"])
def test_a_needle_is_as_long_as_it_folds(text: str) -> None:
    assert len(text) < 3
    assert GRAMS.needle(text) == reference_needle(text, False, False)


@settings(max_examples=300)
@given(texts, texts, texts)
def test_no_needle_misses_its_text(before: str, needle: str, after: str) -> None:
    """Wherever folded text has the needle's folded text, its tokens have the needle's."""
    value = before + needle + after
    part, whole = folded(needle), folded(value)
    if len(part) < 3:
        return
    (tokens,) = GRAMS.tokens([value])
    if part in whole:
        assert set(GRAMS.needle(needle)) <= set(tokens)
    if whole.startswith(part):
        assert set(GRAMS.needle(needle, first=True)) <= set(tokens)
    if whole.endswith(part):
        assert set(GRAMS.needle(needle, last=True)) <= set(tokens)
    if whole == part:
        assert set(GRAMS.needle(needle, first=True, last=True)) <= set(tokens)


def test_tokens_tell_most_texts_apart() -> None:
    (tokens,) = GRAMS.tokens(["sip:alice@example.org"])
    assert not set(GRAMS.needle("bob")) <= set(tokens)
    assert not set(GRAMS.needle("alice", first=True)) <= set(tokens)
    assert not set(GRAMS.needle("alice", last=True)) <= set(tokens)
    assert set(GRAMS.needle("SIP:", first=True)) <= set(tokens)
    assert set(GRAMS.needle(".org", last=True)) <= set(tokens)
    assert tokens == tuple(sorted(set(tokens)))
    assert len(tokens) == len("sip:alice@example.org") - 2 + 2


def test_keyspaces_and_epochs_share_no_tokens() -> None:
    text = "sip:alice@example.org"
    other_epoch = EpochKeys(Secret(bytes(32))).keyspace("sip.identity")
    columns = [GRAMS.tokens([text]), GramTokens(KEYS.keyspace("user-agent")).tokens([text])]
    columns.append(GramTokens(other_epoch).tokens([text]))
    sets = [set(column[0]) for column in columns]
    assert not sets[0] & sets[1]
    assert not sets[0] & sets[2]
