"""Derivation against HKDF-SHA-512 written here once more from RFC 5869, and its separation."""

from __future__ import annotations

import hashlib
import hmac
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keys import EpochKeys, Secret, TenantKey, labels
from keys.derive import hkdf, lp, uint32


def extract(salt: bytes, secret: bytes) -> bytes:
    return hmac.digest(salt, secret, hashlib.sha512)


def expand(key: bytes, info: bytes, length: int) -> bytes:
    block, output, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(key, block + info + bytes([counter]), hashlib.sha512)
        output += block
        counter += 1
    return output[:length]


def reference(secret: bytes, parts: list[bytes], length: int) -> bytes:
    info = b""
    for part in parts:
        info += len(part).to_bytes(4, "big") + part
    return expand(extract(b"zt/v1", secret), info, length)


names = st.text(max_size=40)
roots = st.binary(min_size=32, max_size=32)


@given(roots)
def test_kid_and_kcv_are_derived_as_designed(root: bytes) -> None:
    keys = EpochKeys(Secret(root))
    assert keys.kid == reference(root, [b"kid"], 32)[:4]
    assert keys.kcv == reference(root, [b"kcv"], 32)


@settings(max_examples=50)
@given(roots, names, st.binary(max_size=20), st.binary(max_size=20), st.integers(1, 200))
def test_subkeys_are_derived_as_designed(
    root: bytes, keyspace: str, purpose: bytes, params: bytes, length: int
) -> None:
    expected = reference(
        reference(root, [b"keyspace", keyspace.encode()], 32),
        [purpose, params, length.to_bytes(4, "big")],
        length,
    )
    subkey = EpochKeys(Secret(root)).keyspace(keyspace).subkey(purpose, length, params)
    assert subkey.secret_key_access() == expected


@given(roots, st.binary(max_size=20))
def test_tenant_subkeys_are_derived_as_designed(root: bytes, purpose: bytes) -> None:
    subkey = TenantKey(Secret(root)).subkey(purpose)
    assert subkey.secret_key_access() == reference(root, [purpose], 32)


def test_the_references_own_extract_and_expand_follow_rfc_5869() -> None:
    # RFC 5869 has no SHA-512 vectors; its structure is checked on test case 1 with SHA-256.
    secret, salt, info = b"\x0b" * 22, bytes(range(13)), bytes(range(0xF0, 0xFA))
    key = hmac.digest(salt, secret, hashlib.sha256)
    first = hmac.digest(key, info + b"\x01", hashlib.sha256)
    second = hmac.digest(key, first + info + b"\x02", hashlib.sha256)
    assert (first + second)[:42].hex() == (
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    )


def test_every_purpose_keyspace_params_and_length_has_a_key_of_its_own() -> None:
    keys = EpochKeys(Secret(bytes(range(32))))
    purposes = [labels.DET, labels.OPAQUE, labels.SEAL, labels.HEADER_TAG, labels.VALUE_TAG]
    purposes += [labels.GRAM, b"", b"de", b"det\0"]
    keyspaces = ["", "a", "ab", "sip.from", labels.EVENT_KEYSPACE, labels.SEAL_KEYSPACE]
    keyspaces += [labels.PROFILE_KEYSPACE, "keyspace", "kid"]
    params = [b"", b"\0", b"t", lp(uint32(1)), lp(uint32(1), uint32(3), uint32(32))]
    lengths = [16, 32, 64]
    seen = set()
    count = 0
    for keyspace, purpose, param, length in itertools.product(keyspaces, purposes, params, lengths):
        subkey = keys.keyspace(keyspace).subkey(purpose, length, param).secret_key_access()
        assert len(subkey) == length
        seen.add(subkey[:16])  # so that no key is a prefix of another either
        count += 1
    assert len(seen) == count == 9 * 9 * 5 * 3


def test_labels_are_distinct() -> None:
    below_root = [labels.KID, labels.KCV, labels.KEYSPACE]
    below_keyspace = [labels.DET, labels.OPAQUE, labels.SEAL, labels.HEADER_TAG]
    below_keyspace += [labels.VALUE_TAG, labels.GRAM]
    below_tenant = [labels.EVENT_ID, labels.PROFILE_ID, labels.JOB_VERSION]
    below_wrapping = [labels.RING_WRAP, labels.RING_MAC]
    everything = [*below_root, *below_keyspace, *below_tenant, *below_wrapping]
    assert len(set(everything)) == len(everything)
    stated = {value for name, value in vars(labels).items() if isinstance(value, bytes)}
    assert stated == {*everything, labels.SALT}, "a new label belongs into this test"


@given(st.lists(st.binary(max_size=6), max_size=5), st.lists(st.binary(max_size=6), max_size=5))
def test_lp_is_injective(one: list[bytes], two: list[bytes]) -> None:
    assert (lp(*one) == lp(*two)) == (one == two)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_root_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        EpochKeys(Secret(bytes(size)))


def test_other_roots_other_keys() -> None:
    one, two = EpochKeys(Secret(bytes(32))), EpochKeys(Secret(bytes(31) + b"\x01"))
    assert one.kid != two.kid
    assert one.kcv != two.kcv
    assert one.keyspace("a").subkey(b"det", 64) != two.keyspace("a").subkey(b"det", 64)
    assert one.keyspace("a") is one.keyspace("a")


def test_uint32_has_four_bytes() -> None:
    assert uint32(2**32 - 1) == b"\xff" * 4
    with pytest.raises(OverflowError):
        uint32(2**32)
    assert len(hkdf(Secret(b"x"), b"", 255)) == 255
