"""Derivation against HKDF-SHA-512 written here once more from RFC 5869, and its separation."""

from __future__ import annotations

import hmac
import itertools
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, HashAlgorithm
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import vectors

from keys import EpochKeys, Secret, TenantKey, labels
from keys.derive import hkdf, lp, uint32

RFC = {vector["name"]: vector for vector in vectors("hkdf_rfc5869.json")}
HASHES: dict[str, type[HashAlgorithm]] = {"sha1": SHA1, "sha256": SHA256}
LONGEST = 255 * 64  # bytes of HKDF-SHA-512


def extract(salt: bytes, secret: bytes, digest: str = "sha512") -> bytes:
    return hmac.digest(salt, secret, digest)


def expand(key: bytes, info: bytes, length: int, digest: str = "sha512") -> bytes:
    block, output, counter = b"", b"", 1
    while len(output) < length:
        block = hmac.digest(key, block + info + bytes([counter]), digest)
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


def unhex(vector: dict[str, Any], *names: str) -> list[bytes]:
    """The parts of a vector; none given is an empty one."""
    return [bytes.fromhex(vector[name] or "") for name in names]


def test_the_rfcs_test_cases_are_complete() -> None:
    assert [name.split(",")[0] for name in RFC] == [f"test case {n}" for n in range(1, 8)]
    assert [vector["hash"] for vector in RFC.values()] == ["sha256"] * 3 + ["sha1"] * 4
    assert [name for name, vector in RFC.items() if vector["salt"] is None] == list(RFC)[-1:]


@pytest.mark.parametrize("name", RFC)
def test_the_library_follows_rfc_5869(name: str) -> None:
    vector = RFC[name]
    algorithm, length = HASHES[vector["hash"]](), vector["length"]
    secret, info, key, output = unhex(vector, "ikm", "info", "prk", "okm")
    salt = None if vector["salt"] is None else bytes.fromhex(vector["salt"])
    assert HKDF(algorithm, length=length, salt=salt, info=info).derive(secret) == output
    assert HKDFExpand(algorithm, length=length, info=info).derive(key) == output


@pytest.mark.parametrize("name", RFC)
def test_the_reference_follows_rfc_5869(name: str) -> None:
    """The RFC has no test case with SHA-512: there only the hash differs."""
    vector = RFC[name]
    secret, salt, info, key, output = unhex(vector, "ikm", "salt", "info", "prk", "okm")
    assert extract(salt, secret, vector["hash"]) == key
    assert expand(key, info, vector["length"], vector["hash"]) == output


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(1, 300))
def test_hkdf_is_hkdf_sha_512_with_the_products_salt(
    secret: bytes, info: bytes, length: int
) -> None:
    expected = expand(extract(b"zt/v1", secret), info, length)
    assert hkdf(Secret(secret), info, length).secret_key_access() == expected


@pytest.mark.parametrize("length", [1, 63, 64, 65, 127, 128, 129, LONGEST - 1, LONGEST])
def test_hkdf_at_the_ends_of_its_blocks(length: int) -> None:
    secret, info = bytes(range(32)), b"info"
    expected = expand(extract(b"zt/v1", secret), info, length)
    assert hkdf(Secret(secret), info, length).secret_key_access() == expected


def test_hkdf_gives_no_more_than_255_blocks() -> None:
    with pytest.raises(ValueError, match=str(LONGEST)):
        hkdf(Secret(bytes(32)), b"info", LONGEST + 1)


PURPOSES = [labels.DET, labels.OPAQUE, labels.SEAL, labels.HEADER_TAG, labels.VALUE_TAG]
PURPOSES += [labels.URI, labels.FPE, labels.IP, labels.PFX]
PURPOSES += [
    labels.GRAM,
    labels.PREFIX,
    labels.WHOLE,
    labels.NET,
    b"",
    b"de",
    b"det\0",
    lp(labels.DET),
]
PARAMS = [b"", b"\0", b"t", lp(uint32(1)), lp(uint32(1), uint32(3), uint32(32))]
LENGTHS = [16, 32, 64]
BLANK = ["", " ", "  ", "\t", "\n", "\0", "\0\0", "\0" * 4, "\0" * 8, "\u00a0", "\u200b", "\ufeff"]
PREFIXES = ["a", "aa", "ab", "abc", "a\0", "\0a", "a ", " a", "a.", "A", "sip", "sip.", "sip.from"]
PREFIXES += ["sip.from.", "sip.from.user", "sip.fro", "Sip.From", "sip_from", "sip.from\n"]
LABELS = ["keyspace", "kid", "kcv", "det", "opaque", "gram", "zt/v1", "zt:", labels.EVENT_KEYSPACE]
LABELS += [labels.SEAL_KEYSPACE, labels.PROFILE_KEYSPACE, "keyspacea", "akeyspace"]
LENGTH_PREFIXED = [
    lp(*parts).decode()
    for parts in (
        [b"a"],
        [b"a", b"a"],
        [b"aa"],
        [b"", b""],
        [labels.KEYSPACE],
        [labels.KEYSPACE, b"a"],
        [labels.DET, b"", uint32(64)],
        [labels.DET, b"t", uint32(16)],
    )
]
LENGTH_PREFIXED += ["\0\0\0\x01", "\0\0\0\x08keyspace", "a\0\0\0\x01a", "\0\0\0@", "\0\0\0\x10"]
ALIKE = ["\u00e9", "e\u0301", "e", "\u00df", "ss", "\u00c5", "\u212b", "\u0430", "\uff41", "%61"]
LONG = ["x" * n for n in (63, 64, 65, 127, 128, 129, 255, 256, 257, 10_000)]
KEYSPACES = sorted({*BLANK, *PREFIXES, *LABELS, *LENGTH_PREFIXED, *ALIKE, *LONG})


def test_every_purpose_keyspace_params_and_length_has_a_key_of_its_own() -> None:
    root = Secret(bytes(range(32)))
    keys = EpochKeys(root)
    assert len(KEYSPACES) >= 50
    assert len(PURPOSES) >= 4
    assert len(PARAMS) >= 5
    # what the root gives must be no start of a subkey either
    infos = [lp(labels.KID), lp(labels.KCV)]
    infos += [lp(labels.KEYSPACE, keyspace.encode()) for keyspace in KEYSPACES]
    derived = [hkdf(root, info, 32).secret_key_access() for info in infos]
    for keyspace, purpose, param, length in itertools.product(KEYSPACES, PURPOSES, PARAMS, LENGTHS):
        subkey = keys.keyspace(keyspace).subkey(purpose, length, param).secret_key_access()
        assert len(subkey) == length
        derived.append(subkey)
    assert len(derived) == len(infos) + len(KEYSPACES) * len(PURPOSES) * len(PARAMS) * 3
    # distinct in the bytes that the shortest have: no key is a prefix of another
    assert len({key[:16] for key in derived}) == len(derived)


@given(st.binary(max_size=12), st.lists(st.integers(0, 12), min_size=2, max_size=2, unique=True))
def test_where_purpose_ends_and_params_begin_matters(text: bytes, places: list[int]) -> None:
    space = EpochKeys(Secret(bytes(range(32)))).keyspace("sip.from")
    one, other = (space.subkey(text[:at], 32, text[at:]) for at in places)
    assert (one == other) == (text[: places[0]] == text[: places[1]])


def test_labels_are_distinct() -> None:
    below_root = [labels.KID, labels.KCV, labels.KEYSPACE]
    below_keyspace = [labels.DET, labels.OPAQUE, labels.SEAL, labels.HEADER_TAG]
    below_keyspace += [labels.URI, labels.FPE, labels.IP, labels.PFX]
    below_keyspace += [
        labels.VALUE_TAG,
        labels.GRAM,
        labels.PREFIX,
        labels.WHOLE,
        labels.NET,
        labels.CHECK,
    ]
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
