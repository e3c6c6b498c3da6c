"""ipcrypt-pfx: the draft's vectors, prefixes preserved exactly, columns equal to the reference."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import vectors

from keys import Secret
from zt.crypto.ipcrypt_pfx import IpcryptPfx, Words

PFX = IpcryptPfx(Secret(bytes(range(32))))
VECTORS = vectors("ipcrypt_pfx.json")


def test_the_vectors_are_complete() -> None:
    assert len(VECTORS) == 16
    assert {ip_address(vector["ip"]).version for vector in VECTORS} == {4, 6}


def words(numbers: list[int]) -> Words:
    return np.array([divmod(number, 2**64) for number in numbers], np.uint64).reshape(-1, 2)


def numbers_of(addresses: Words) -> list[int]:
    return [high << 64 | low for high, low in addresses.tolist()]


def common_prefix(one: int, other: int, width: int) -> int:
    return width - (one ^ other).bit_length()


@st.composite
def neighbours(draw: st.DrawFn, width: int) -> list[int]:
    """Numbers that share prefixes of all lengths, some of them more than once."""
    numbers = [draw(st.integers(0, 2**width - 1))]
    for _ in range(draw(st.integers(0, 15))):
        base = draw(st.sampled_from(numbers))
        numbers.append(base ^ draw(st.integers(0, 2 ** draw(st.integers(0, width)) - 1)))
    return numbers


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["ip"])
def test_draft_vectors(vector: dict[str, str]) -> None:
    pfx = IpcryptPfx(Secret(bytes.fromhex(vector["key"])))
    plain, encrypted = ip_address(vector["ip"]), ip_address(vector["encrypted_ip"])
    assert pfx.encrypt(plain) == encrypted
    assert pfx.decrypt(encrypted) == plain
    if isinstance(plain, IPv4Address):
        column = np.array([int(plain)], np.uint32)
        assert pfx.ipv4(column).tolist() == [int(encrypted)]
        assert pfx.ipv4(pfx.ipv4(column), decrypt=True).tolist() == [int(plain)]
    else:
        assert numbers_of(pfx.ipv6(words([int(plain)]))) == [int(encrypted)]
        assert numbers_of(pfx.ipv6(words([int(encrypted)]), decrypt=True)) == [int(plain)]


def test_draft_vectors_as_columns() -> None:
    for key in {vector["key"] for vector in VECTORS}:
        pfx = IpcryptPfx(Secret(bytes.fromhex(key)))
        pairs = [
            (ip_address(vector["ip"]), ip_address(vector["encrypted_ip"]))
            for vector in VECTORS
            if vector["key"] == key
        ]
        v4 = [(int(a), int(b)) for a, b in pairs if a.version == 4]
        v6 = [(int(a), int(b)) for a, b in pairs if a.version == 6]
        assert v4
        assert v6
        assert pfx.ipv4(np.array([a for a, _ in v4], np.uint32)).tolist() == [b for _, b in v4]
        assert numbers_of(pfx.ipv6(words([a for a, _ in v6]))) == [b for _, b in v6]


@given(neighbours(32))
def test_ipv4_columns(numbers: list[int]) -> None:
    column = np.array(numbers, np.uint32)
    encrypted = PFX.ipv4(column)
    assert encrypted.dtype == np.uint32
    assert encrypted.tolist() == [int(PFX.encrypt(IPv4Address(number))) for number in numbers]
    assert PFX.ipv4(encrypted, decrypt=True).tolist() == numbers
    opened = PFX.ipv4(column, decrypt=True).tolist()
    assert opened == [int(PFX.decrypt(IPv4Address(number))) for number in numbers]
    assert column.tolist() == numbers


@settings(max_examples=50)
@given(neighbours(128))
def test_ipv6_columns(numbers: list[int]) -> None:
    encrypted = PFX.ipv6(words(numbers))
    assert encrypted.dtype == np.uint64
    expected = [int(PFX.encrypt(IPv6Address(number))) for number in numbers]
    assert numbers_of(encrypted) == expected
    assert numbers_of(PFX.ipv6(encrypted, decrypt=True)) == numbers
    opened = numbers_of(PFX.ipv6(words(numbers), decrypt=True))
    assert opened == [int(PFX.decrypt(IPv6Address(number))) for number in numbers]


@settings(max_examples=30)
@given(st.binary(min_size=32, max_size=32).filter(lambda key: key[:16] != key[16:]))
def test_columns_under_any_key(key: bytes) -> None:
    pfx, random = IpcryptPfx(Secret(key)), Random(key)
    v4 = [random.getrandbits(32) for _ in range(20)]
    v6 = [random.getrandbits(128) for _ in range(5)]
    encrypted = pfx.ipv4(np.array(v4, np.uint32))
    assert encrypted.tolist() == [int(pfx.encrypt(IPv4Address(number))) for number in v4]
    expected = [int(pfx.encrypt(IPv6Address(number))) for number in v6]
    assert numbers_of(pfx.ipv6(words(v6))) == expected


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_ipv4_prefixes_are_kept_exactly(one: int, shared: int, noise: int) -> None:
    other = one if shared == 32 else one ^ (1 << 31 - shared) ^ noise % (1 << 31 - shared)
    assert common_prefix(one, other, 32) == shared
    a, b = PFX.ipv4(np.array([one, other], np.uint32)).tolist()
    assert common_prefix(a, b, 32) == shared


@given(st.integers(0, 2**128 - 1), st.integers(0, 128), st.integers(0, 2**128 - 1))
def test_ipv6_prefixes_are_kept_exactly(one: int, shared: int, noise: int) -> None:
    other = one if shared == 128 else one ^ (1 << 127 - shared) ^ noise % (1 << 127 - shared)
    assert common_prefix(one, other, 128) == shared
    a, b = numbers_of(PFX.ipv6(words([one, other])))
    assert common_prefix(a, b, 128) == shared


def test_a_large_column() -> None:
    random = np.random.default_rng(5)
    addresses = np.concatenate(
        [
            random.integers(0, 2**32, 20_000, np.uint32),
            random.integers(0, 2**16, 20_000, np.uint32) + np.uint32(10 << 24),
        ]
    )
    encrypted = PFX.ipv4(addresses)
    assert len(np.unique(encrypted)) == len(np.unique(addresses))
    assert (PFX.ipv4(encrypted, decrypt=True) == addresses).all()
    for row in range(0, len(addresses), 4_000):
        expected = PFX.encrypt(IPv4Address(int(addresses[row])))
        assert encrypted[row] == int(expected)


MAPPED = 0xFFFF << 32


@given(st.integers(0, 2**32 - 1))
def test_mapped_addresses_are_ipv4_addresses(number: int) -> None:
    encrypted = PFX.encrypt(IPv4Address(number))
    assert isinstance(encrypted, IPv4Address)
    mapped = IPv6Address(MAPPED | number)
    assert PFX.encrypt(mapped) == encrypted
    assert PFX.decrypt(IPv6Address(MAPPED | int(encrypted))) == IPv4Address(number)
    # in a column they stay mapped, whatever stands beside them
    beside = 0x20010DB8 << 96 | number
    column = words([beside, int(mapped), number])
    expected = [int(PFX.encrypt(IPv6Address(beside))), MAPPED | int(encrypted)]
    assert numbers_of(PFX.ipv6(column))[:2] == expected
    assert (PFX.ipv6(PFX.ipv6(column), decrypt=True) == column).all()


def test_no_addresses() -> None:
    for decrypt in (False, True):
        assert PFX.ipv4(np.empty(0, np.uint32), decrypt=decrypt).shape == (0,)
        assert PFX.ipv6(np.empty((0, 2), np.uint64), decrypt=decrypt).shape == (0, 2)


def test_equal_halves_of_a_key_are_refused() -> None:
    with pytest.raises(ValueError, match="must differ"):
        IpcryptPfx(Secret(bytes(range(16)) * 2))


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_other_keys_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        IpcryptPfx(Secret(bytes(range(size))))


def test_other_arrays_are_refused() -> None:
    with pytest.raises(TypeError, match="uint32"):
        PFX.ipv4(np.zeros(3, np.int64))
    with pytest.raises(TypeError, match="pairs of uint64"):
        PFX.ipv6(np.zeros((3, 2), np.int64))
    with pytest.raises(TypeError, match="pairs of uint64"):
        PFX.ipv6(np.zeros(4, np.uint64))


def test_nothing_of_the_key_shows() -> None:
    assert repr(PFX) == "<IpcryptPfx>"
