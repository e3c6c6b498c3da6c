"""FF1 value by value: NIST's samples, an independent library, the domain's limits, pyffx."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from random import Random
from typing import Any

import pyffx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.vectors import load

from keys import Secret
from zt.crypto.ff1 import MIN_DOMAIN, FF1Engine, domain

ALPHABET = string.digits + string.ascii_lowercase
CONTENT = load("ff1_nist.json")
VECTORS = {vector["name"]: vector for vector in CONTENT["vectors"]}

KEYS = st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n))
TWEAKS = st.binary(max_size=50)


@pytest.fixture(scope="session")
def ffx(require: Callable[[object, str], None]) -> Any:
    """The independent library."""
    require(find_spec("ffx"), "libffx is not installed")
    return import_module("ffx")


def shortest(radix: int) -> int:
    """The numerals that the smallest domain of a radix takes."""
    return next(n for n in range(1, 21) if radix**n >= MIN_DOMAIN)


@st.composite
def strings(draw: st.DrawFn) -> tuple[int, list[int]]:
    """A radix and a string of its numerals."""
    radix = draw(st.integers(2, 2**16) | st.sampled_from([2, 3, 10, 36, 255, 256, 2**16]))
    low = shortest(radix)
    digits = st.integers(0, radix - 1)
    return radix, draw(st.lists(digits, min_size=low, max_size=low + 60))


def test_the_nist_samples_are_complete() -> None:
    """Nine samples: three keys, under each no tweak, one in radix 10, and one in radix 36."""
    assert CONTENT["alphabet"] == ALPHABET
    samples = list(VECTORS.values())
    assert len(samples) == len(CONTENT["vectors"]) == 9
    assert [sample["name"].split(",")[0] for sample in samples] == [
        f"Sample {number}" for number in range(1, 10)
    ]
    assert [len(sample["key"]) * 4 for sample in samples] == [128] * 3 + [192] * 3 + [256] * 3
    assert [sample["radix"] for sample in samples] == [10, 10, 36] * 3
    assert [len(sample["tweak"]) // 2 for sample in samples] == [0, 10, 11] * 3
    assert len({sample["ciphertext"] for sample in samples}) == 9


@pytest.mark.parametrize("name", VECTORS)
def test_nist_samples(name: str) -> None:
    vector = VECTORS[name]
    engine = FF1Engine(Secret(bytes.fromhex(vector["key"])), bytes.fromhex(vector["tweak"]))
    plaintext = [ALPHABET.index(char) for char in vector["plaintext"]]
    ciphertext = [ALPHABET.index(char) for char in vector["ciphertext"]]
    assert engine.encrypt(vector["radix"], plaintext) == ciphertext
    assert engine.decrypt(vector["radix"], ciphertext) == plaintext


@pytest.mark.parametrize("name", VECTORS)
def test_the_independent_library_agrees_with_the_samples(name: str, ffx: Any) -> None:
    vector = VECTORS[name]
    library = ffx.FF1(bytes.fromhex(vector["key"]), radix=vector["radix"])
    tweak = bytes.fromhex(vector["tweak"])
    assert library.encrypt(vector["plaintext"], tweak=tweak) == vector["ciphertext"]


def agree(library: Any, radix: int, alphabet: str, key: bytes, random: Random) -> None:
    """One random string under one random tweak, both ways."""
    tweak = random.randbytes(random.choice([0, 1, 15, 16, 17, random.randrange(101)]))
    length = shortest(radix) + random.choice([0, 1, 2, random.randrange(61)])
    digits = [random.randrange(radix) for _ in range(length)]
    engine = FF1Engine(Secret(key), tweak)
    encrypted = engine.encrypt(radix, digits)
    text = "".join(alphabet[digit] for digit in digits)
    assert library.encrypt(text, tweak=tweak) == "".join(alphabet[digit] for digit in encrypted)
    assert engine.decrypt(radix, encrypted) == digits
    # as a ciphertext, too, for what no plaintext of ours would reach
    opened = "".join(alphabet[digit] for digit in engine.decrypt(radix, digits))
    assert library.decrypt(text, tweak=tweak) == opened


def test_agrees_with_the_independent_library(ffx: Any) -> None:
    """10,000 random cases: every radix from 2 to 36 under every size of key."""
    random, cases = Random(1), Counter[tuple[int, int]]()
    while cases.total() < 10_000:
        radix, size = 2 + cases.total() % 35, random.choice([16, 24, 32])
        key = random.randbytes(size)
        agree(ffx.FF1(key, radix=radix), radix, ALPHABET, key, random)
        cases[radix, size] += 1
    assert set(cases) == set(product(range(2, 37), (16, 24, 32)))
    assert min(cases.values()) > 50


@pytest.mark.parametrize("radix", [37, 100, 255, 256, 257, 1_000, 65_535, 65_536])
def test_agrees_for_wide_radices(radix: int, ffx: Any) -> None:
    random = Random(radix)
    alphabet = "".join(map(chr, range(radix)))
    key = random.randbytes(32)
    library = ffx.FF1(key, alphabet=alphabet)
    for _ in range(20):
        agree(library, radix, alphabet, key, random)


@pytest.mark.parametrize("length", [71, 72, 73, 74, 300, 301, 1_025, 10_000])
def test_agrees_for_halves_of_many_blocks(length: int, ffx: Any) -> None:
    random = Random(length)
    key, tweak = random.randbytes(32), random.randbytes(7)
    text = "".join(random.choices(string.digits, k=length))
    encrypted = FF1Engine(Secret(key), tweak).encrypt(10, [int(char) for char in text])
    expected = ffx.FF1(key, radix=10).encrypt(text, tweak=tweak)
    assert "".join(map(str, encrypted)) == expected


@given(KEYS, TWEAKS, strings())
def test_round_trip(key: bytes, tweak: bytes, case: tuple[int, list[int]]) -> None:
    radix, digits = case
    engine = FF1Engine(Secret(key), tweak)
    encrypted = engine.encrypt(radix, digits)
    assert len(encrypted) == len(digits)
    assert all(0 <= digit < radix for digit in encrypted)
    assert engine.decrypt(radix, encrypted) == digits
    assert engine.encrypt(radix, engine.decrypt(radix, digits)) == digits
    assert engine.encrypt(radix, digits) == encrypted


@given(KEYS, TWEAKS, TWEAKS)
def test_tweaks_separate(key: bytes, one: bytes, other: bytes) -> None:
    digits = [7] * 40  # equal by chance once in 10**40
    encrypted = FF1Engine(Secret(key), one).encrypt(10, digits)
    assert (encrypted == FF1Engine(Secret(key), other).encrypt(10, digits)) == (one == other)


def test_tweaks_separate_whatever_the_padding() -> None:
    """The tweak's length is authenticated: zeros at its end are no padding."""
    tweaks = [b"x" + bytes(n) for n in range(40)]
    results = {tuple(FF1Engine(Secret(bytes(32)), t).encrypt(10, [1] * 40)) for t in tweaks}
    assert len(results) == len(tweaks)


@pytest.mark.parametrize(
    ("radix", "length"), [(2, 20), (3, 13), (10, 6), (36, 4), (999, 3), (1_000, 2), (2**16, 2)]
)
def test_the_smallest_domain(radix: int, length: int) -> None:
    assert domain(radix, length).length == length
    engine = FF1Engine(Secret(bytes(32)))
    assert engine.decrypt(radix, engine.encrypt(radix, [1] * length)) == [1] * length
    for crypt in (engine.encrypt, engine.decrypt):
        with pytest.raises(ValueError, match="fewer than 1,000,000"):
            crypt(radix, [1] * (length - 1))


def test_nothing_to_encrypt_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer than 1,000,000"):
        FF1Engine(Secret(bytes(32))).encrypt(10, [])


@pytest.mark.parametrize("radix", [-10, 0, 1, 2**16 + 1])
def test_other_radices_are_refused(radix: int) -> None:
    with pytest.raises(ValueError, match="radix from 2 to 65,536"):
        FF1Engine(Secret(bytes(32))).encrypt(radix, [0] * 40)


@pytest.mark.parametrize("digit", [-1, 10, 255])
def test_numerals_outside_the_radix_are_refused(digit: int) -> None:
    engine = FF1Engine(Secret(bytes(32)))
    for place in (0, 5, 9):
        digits = [1] * 10
        digits[place] = digit
        for crypt in (engine.encrypt, engine.decrypt):
            with pytest.raises(ValueError, match="not below the radix"):
                crypt(10, digits)


@pytest.mark.parametrize("size", [0, 8, 31, 33, 64])
def test_other_keys_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="key"):
        FF1Engine(Secret(bytes(size)))


def test_nothing_of_the_key_shows() -> None:
    assert repr(FF1Engine(Secret(bytes(32)), b"tweak")) == "<FF1Engine>"


@given(KEYS, TWEAKS, st.data())
def test_pyffx_strings_keep_alphabet_and_length(
    key: bytes, tweak: bytes, data: st.DataObject
) -> None:
    alphabet = data.draw(st.sampled_from([string.digits, ALPHABET, "01", "αβγδεζηθ"]))
    low = shortest(len(alphabet))
    text = data.draw(st.text(alphabet, min_size=low, max_size=low + 30))
    codec = pyffx.String(FF1Engine(Secret(key), tweak), alphabet, len(text))
    encrypted = codec.encrypt(text)
    assert len(encrypted) == len(text)
    assert set(encrypted) <= set(alphabet)
    assert codec.decrypt(encrypted) == text


@pytest.mark.parametrize("name", VECTORS)
def test_pyffx_with_this_engine_is_nist_ff1(name: str) -> None:
    vector = VECTORS[name]
    key, tweak = bytes.fromhex(vector["key"]), bytes.fromhex(vector["tweak"])
    alphabet, plaintext = ALPHABET[: vector["radix"]], vector["plaintext"]
    codec = pyffx.String(FF1Engine(Secret(key), tweak), alphabet, len(plaintext))
    assert codec.encrypt(plaintext) == vector["ciphertext"]
    # and pyffx's own engine is not
    assert pyffx.String(key, alphabet, len(plaintext)).encrypt(plaintext) != vector["ciphertext"]
