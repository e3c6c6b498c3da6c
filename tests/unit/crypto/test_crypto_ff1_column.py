"""FF1 by column gives the ciphertexts of FF1 value by value."""

from __future__ import annotations

import string
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import vectors

from keys import Secret
from zt.crypto.ff1 import FF1Engine
from zt.crypto.ff1_column import CHUNK, SMALLEST_COLUMN, FF1Column

KEY = Secret(bytes(range(32)))
KEYS = st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n))
TWEAKS = st.binary(max_size=50)
DIGITS = st.text(string.digits, min_size=6, max_size=60)
WIDEST = 36  # digits that still go by column


def one_by_one(key: Secret, value: str, tweak: bytes) -> str:
    return "".join(map(str, FF1Engine(key, tweak).encrypt(10, [int(char) for char in value])))


def random_strings(random: Random, length: int, count: int) -> list[str]:
    return ["".join(random.choices(string.digits, k=length)) for _ in range(count)]


def test_nist_samples() -> None:
    samples = [vector for vector in vectors("ff1_nist.json") if vector["radix"] == 10]
    assert len(samples) == 6
    for sample in samples:
        column = FF1Column(Secret(bytes.fromhex(sample["key"])))
        tweak = bytes.fromhex(sample["tweak"])
        for count in (1, SMALLEST_COLUMN, 100):
            plain, encrypted = [sample["plaintext"]] * count, [sample["ciphertext"]] * count
            assert column.strings(plain, tweak) == encrypted
            assert column.strings(encrypted, tweak, decrypt=True) == plain


@given(KEYS, TWEAKS, st.lists(DIGITS, max_size=30))
def test_mixed_lengths(key: bytes, tweak: bytes, values: list[str]) -> None:
    column = FF1Column(Secret(key))
    encrypted = column.strings(values, tweak)
    assert encrypted == [one_by_one(Secret(key), value, tweak) for value in values]
    assert column.strings(encrypted, tweak, decrypt=True) == values


@settings(max_examples=40)
@given(KEYS, TWEAKS, st.integers(6, WIDEST + 4), st.integers(0, 2**32))
def test_one_length(key: bytes, tweak: bytes, length: int, seed: int) -> None:
    values = [*random_strings(Random(seed), length, 30), "0" * length, "9" * length]
    column = FF1Column(Secret(key))
    encrypted = column.strings(values, tweak)
    assert encrypted == [one_by_one(Secret(key), value, tweak) for value in values]
    assert column.strings(encrypted, tweak, decrypt=True) == values


@pytest.mark.parametrize("length", range(6, WIDEST + 4))
def test_every_length(length: int) -> None:
    """Both ways around the sizes where another arithmetic begins."""
    values = [*random_strings(Random(length), length, 200), "0" * length, "9" * length]
    for tweak in (b"", bytes(range(length))):
        column = FF1Column(KEY)
        encrypted = column.strings(values, tweak)
        assert encrypted == [one_by_one(KEY, value, tweak) for value in values]
        assert column.strings(encrypted, tweak, decrypt=True) == values


@given(st.lists(st.tuples(DIGITS, st.sampled_from([b"", b"+49", b"+1", bytes(20), b"x" * 16]))))
def test_a_tweak_for_each_value(rows: list[tuple[str, bytes]]) -> None:
    values, tweaks = [value for value, _ in rows], [tweak for _, tweak in rows]
    column = FF1Column(KEY)
    encrypted = column.strings(values, tweaks)
    assert encrypted == [one_by_one(KEY, *row) for row in rows]
    assert column.strings(encrypted, tweaks, decrypt=True) == values


def test_more_rows_than_go_at_once() -> None:
    random = Random(7)
    values = random_strings(random, 11, 2 * CHUNK + 5)
    tweaks = [random.choice([b"one", b"the other"]) for _ in values]
    column = FF1Column(KEY)
    encrypted = column.strings(values, tweaks)
    for row in (0, 1, CHUNK - 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 4):
        assert encrypted[row] == one_by_one(KEY, values[row], tweaks[row])
    assert column.strings(encrypted, tweaks, decrypt=True) == values


def test_a_whole_domain_is_permuted() -> None:
    values = [f"{number:06}" for number in range(1_000_000)]
    column = FF1Column(KEY)
    encrypted = column.strings(values, b"")
    assert len(set(encrypted)) == 1_000_000
    assert set(map(len, encrypted)) == {6}
    assert column.strings(encrypted, b"", decrypt=True) == values


def test_no_values() -> None:
    column = FF1Column(KEY)
    assert column.strings([], b"") == []
    assert column.strings([], []) == []
    assert column.ipv4(np.empty(0, np.uint32), b"").shape == (0,)
    assert column.ipv6(np.empty((0, 2), np.uint64), b"").shape == (0, 2)


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(
    "value",
    ["+49301234", "12345 67", "1234567a", "１２３４５６７", "١٢٣٤٥٦٧", "1234567\0", "-1234567"],
)
def test_other_characters_are_refused(value: str, count: int) -> None:
    with pytest.raises(ValueError, match="ASCII digits") as caught:
        FF1Column(KEY).strings([value] * count, b"")
    assert value not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize("value", ["", "1", "12345"])
def test_small_domains_are_refused(value: str) -> None:
    for values in ([value], [value] * 20, ["1234567"] * 20 + [value]):
        with pytest.raises(ValueError, match="fewer than 1,000,000"):
            FF1Column(KEY).strings(values, b"")


def test_tweaks_must_be_as_many_as_values() -> None:
    with pytest.raises(ValueError, match="one tweak"):
        FF1Column(KEY).strings(["1234567"] * 3, [b""] * 2)


def bits(number: int, width: int) -> list[int]:
    return [int(bit) for bit in f"{number:0{width}b}"]


def number_of(digits: list[int]) -> int:
    return int("".join(map(str, digits)), 2)


EDGES_V4 = [0, 1, 0xFFFF, 0x10000, 0x7F000001, 2**32 - 1]
EDGES_V6 = [0, 1, 2**64 - 1, 2**64, 0xFFFF7F000001, 2**127, 2**128 - 1]


@given(KEYS, TWEAKS, st.lists(st.integers(0, 2**32 - 1), max_size=20))
def test_ipv4(key: bytes, tweak: bytes, numbers: list[int]) -> None:
    numbers += EDGES_V4
    column, engine = FF1Column(Secret(key)), FF1Engine(Secret(key), tweak)
    addresses = np.array(numbers, np.uint32)
    encrypted = column.ipv4(addresses, tweak)
    assert encrypted.dtype == np.uint32
    expected = [number_of(engine.encrypt(2, bits(number, 32))) for number in numbers]
    assert encrypted.tolist() == expected
    assert column.ipv4(encrypted, tweak, decrypt=True).tolist() == numbers
    assert addresses.tolist() == numbers


@given(KEYS, TWEAKS, st.lists(st.integers(0, 2**128 - 1), max_size=20))
def test_ipv6(key: bytes, tweak: bytes, numbers: list[int]) -> None:
    numbers += EDGES_V6
    column, engine = FF1Column(Secret(key)), FF1Engine(Secret(key), tweak)
    addresses = np.array([divmod(number, 2**64) for number in numbers], np.uint64)
    encrypted = column.ipv6(addresses, tweak)
    assert encrypted.dtype == np.uint64
    expected = [number_of(engine.encrypt(2, bits(number, 128))) for number in numbers]
    assert [high << 64 | low for high, low in encrypted.tolist()] == expected
    assert (column.ipv6(encrypted, tweak, decrypt=True) == addresses).all()


def test_a_million_ipv4_addresses_stay_distinct() -> None:
    addresses = np.arange(1_000_000, dtype=np.uint32) * np.uint32(4_093)
    column = FF1Column(KEY)
    encrypted = column.ipv4(addresses, b"")
    assert len(np.unique(encrypted)) == len(addresses)
    assert (column.ipv4(encrypted, b"", decrypt=True) == addresses).all()


def test_other_arrays_are_refused() -> None:
    column = FF1Column(KEY)
    with pytest.raises(TypeError, match="uint32"):
        column.ipv4(np.zeros(3, np.int64), b"")
    with pytest.raises(TypeError, match="pairs of uint64"):
        column.ipv6(np.zeros((3, 2), np.int64), b"")
    with pytest.raises(TypeError, match="pairs of uint64"):
        column.ipv6(np.zeros(4, np.uint64), b"")


def test_nothing_of_the_key_shows() -> None:
    assert repr(FF1Column(KEY)) == "<FF1Column>"
