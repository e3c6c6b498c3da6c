"""AES-SIV of the library against RFC 5297, edge cases, and a plain implementation of the RFC.

RFC 5297 has no example with a key of 64 bytes, which the product uses: there the plain
implementation, which gives the RFC's answers with 32 bytes, is the reference.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given, settings
from hypothesis import strategies as st
from support.vectors import vectors
from unit.crypto import plain_siv, siv_edges

from keys import Secret
from zt.crypto.siv import KEY_SIZE, Sealer, envelope_header

RFC = {vector["name"]: vector for vector in vectors("aes_siv_rfc5297.json")}
EDGES = vectors("aes_siv_edges.json")
VALID = [vector for vector in EDGES if vector["result"] == "valid"]
INVALID = [vector for vector in EDGES if vector["result"] == "invalid"]

KEYS = st.binary(min_size=KEY_SIZE, max_size=KEY_SIZE)
COMPONENTS = st.lists(st.just(b"") | st.binary(max_size=40), max_size=4)
PLAINTEXTS = st.integers(1, 80).flatmap(lambda size: st.binary(min_size=size, max_size=size))


def components(vector: dict[str, Any]) -> list[bytes]:
    return [bytes.fromhex(aad) for aad in vector["aads"]]


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["comment"])


def test_the_rfcs_examples_are_complete() -> None:
    assert list(RFC) == ["A.1, deterministic", "A.2, nonce-based"]
    assert [len(vector["aads"]) for vector in RFC.values()] == [1, 3]


@pytest.mark.parametrize("name", RFC)
def test_rfc_5297(name: str) -> None:
    vector = RFC[name]
    key, aads = bytes.fromhex(vector["key"]), components(vector)
    plaintext = bytes.fromhex(vector["plaintext"])
    ciphertext = bytes.fromhex(vector["siv"] + vector["ciphertext"])
    assert AESSIV(key).encrypt(plaintext, aads) == ciphertext
    assert AESSIV(key).decrypt(ciphertext, aads) == plaintext


@pytest.mark.parametrize("name", RFC)
def test_the_plain_implementation_follows_rfc_5297_step_by_step(name: str) -> None:
    vector = RFC[name]
    key, aads = bytes.fromhex(vector["key"]), components(vector)
    plaintext, siv = bytes.fromhex(vector["plaintext"]), bytes.fromhex(vector["siv"])
    assert plain_siv.chain(key[:16], aads).hex() == vector["d"]
    assert plain_siv.s2v(key[:16], aads, plaintext) == siv
    assert plain_siv.counter(siv).hex() == vector["counter"]
    assert plain_siv.ctr(key[16:], siv, plaintext).hex() == vector["ciphertext"]
    ciphertext = bytes.fromhex(vector["siv"] + vector["ciphertext"])
    assert plain_siv.encrypt(key, aads, plaintext) == ciphertext
    assert plain_siv.decrypt(key, aads, ciphertext) == plaintext


@settings(max_examples=300)
@given(KEYS, COMPONENTS, PLAINTEXTS)
def test_the_library_agrees_with_the_plain_implementation(
    key: bytes, aads: list[bytes], plaintext: bytes
) -> None:
    ciphertext = AESSIV(key).encrypt(plaintext, aads)
    assert ciphertext == plain_siv.encrypt(key, aads, plaintext)
    assert plain_siv.decrypt(key, aads, ciphertext) == plaintext
    assert AESSIV(key).decrypt(ciphertext, aads) == plaintext


@pytest.mark.parametrize("count", range(5))
def test_the_library_agrees_at_every_length(count: int) -> None:
    key = bytes(range(KEY_SIZE))
    aads = [bytes([count]) * size for size in (0, 16, 1, 0)[:count]]
    for size in range(1, 81):
        plaintext = bytes(range(size))
        assert AESSIV(key).encrypt(plaintext, aads) == plain_siv.encrypt(key, aads, plaintext)


@given(KEYS, st.binary(min_size=4, max_size=4), COMPONENTS, PLAINTEXTS)
def test_envelopes_agree_with_the_plain_implementation(
    key: bytes, kid: bytes, context: list[bytes], plaintext: bytes
) -> None:
    header = envelope_header(kid)
    sealed = header + plain_siv.encrypt(key, [header, *context], plaintext)
    envelope = base64.urlsafe_b64encode(sealed).decode().rstrip("=")
    assert Sealer(Secret(key), kid).seal(plaintext, *context) == envelope
    assert Sealer(Secret(key), kid).open(envelope, *context) == plaintext


def test_the_edge_cases_are_complete() -> None:
    assert len(VALID) + len(INVALID) == len(EDGES)
    assert len(VALID) >= 40
    assert len(INVALID) >= 100
    assert all(vector["comment"] for vector in EDGES)
    for group in (VALID, INVALID):
        assert len({vector["comment"] for vector in group}) == len(group)
    cases = {(vector["key"], tuple(vector["aads"]), vector["ct"]) for vector in EDGES}
    assert len(cases) == len(EDGES)
    with_product_keys = [vector for vector in VALID if len(vector["key"]) == 2 * KEY_SIZE]
    sizes = {len(vector["msg"]) // 2 for vector in with_product_keys}
    assert {1, 15, 16, 17, 31, 32, 33} <= sizes
    assert {0, 1, 2, 3, 20, 126} <= {len(vector["aads"]) for vector in with_product_keys}
    assert any("" in vector["aads"] for vector in with_product_keys)
    flipped = [vector for vector in INVALID if vector["comment"].startswith("flipped bit in byte")]
    assert len(flipped) >= 16 + len(siv_edges.MESSAGE)


def test_the_edge_cases_are_what_their_maker_makes() -> None:
    assert siv_edges.PATH.read_bytes() == siv_edges.spell(), f"run: {siv_edges.COMMAND}"


@pytest.mark.parametrize("vector", VALID, ids=name_of)
def test_valid_edge_cases(vector: dict[str, Any]) -> None:
    library, aads = AESSIV(bytes.fromhex(vector["key"])), components(vector)
    message, ciphertext = bytes.fromhex(vector["msg"]), bytes.fromhex(vector["ct"])
    assert library.encrypt(message, aads) == ciphertext
    assert library.decrypt(ciphertext, aads) == message


@pytest.mark.parametrize("vector", INVALID, ids=name_of)
def test_invalid_edge_cases(vector: dict[str, Any]) -> None:
    key, aads = bytes.fromhex(vector["key"]), components(vector)
    ciphertext = bytes.fromhex(vector["ct"])
    with pytest.raises(InvalidTag):
        AESSIV(key).decrypt(ciphertext, aads)
    assert plain_siv.decrypt(key, aads, ciphertext) is None
