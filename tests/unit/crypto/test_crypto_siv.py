"""Envelopes: their layout, and that nothing but the one right thing opens."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from keys import EpochKeys, Secret, labels
from zt.crypto.siv import HEADER_SIZE, KEY_SIZE, SUITE, VERSION, Sealer, envelope_header
from zt.errors import IntegrityError

KEYS = EpochKeys(Secret(bytes(range(32))))
KEY = KEYS.keyspace("sip.identity").subkey(labels.DET, KEY_SIZE)
SEALER = Sealer(KEY, KEYS.kid)
CONTEXT = b"sip.identity"
PLAINTEXT = b"salice@example.org"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def raw(envelope: str) -> bytes:
    return base64.urlsafe_b64decode(envelope + "=" * (-len(envelope) % 4))


def spell(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def refused(envelope: str, *context: bytes) -> None:
    with pytest.raises(IntegrityError, match="does not open") as caught:
        SEALER.open(envelope, *(context or (CONTEXT,)))
    assert caught.value.__suppress_context__
    assert "alice" not in caught.value.diagnostics()


def test_the_layout() -> None:
    envelope = SEALER.seal(PLAINTEXT, CONTEXT)
    data = raw(envelope)
    header = bytes([VERSION, SUITE]) + KEYS.kid
    assert (VERSION, SUITE, len(header), HEADER_SIZE, KEY_SIZE) == (1, 1, 6, 6, 64)
    assert data[:6] == header == envelope_header(KEYS.kid)
    library = AESSIV(KEY.secret_key_access())
    assert data[6:] == library.encrypt(PLAINTEXT, [header, CONTEXT])
    assert len(data) == 6 + 16 + len(PLAINTEXT)
    assert "=" not in envelope
    assert envelope == spell(data)


@given(st.binary(min_size=1, max_size=60), st.lists(st.binary(max_size=9), max_size=3))
def test_round_trip(plaintext: bytes, context: list[bytes]) -> None:
    envelope = SEALER.seal(plaintext, *context)
    assert SEALER.open(envelope, *context) == plaintext
    assert envelope == SEALER.seal(plaintext, *context)
    assert set(envelope) <= set(ALPHABET)


def test_eight_characters_show_the_epoch() -> None:
    prefixes = {SEALER.seal(bytes([n]) * (n + 1), CONTEXT)[:8] for n in range(50)}
    assert prefixes == {spell(envelope_header(KEYS.kid))}
    other = EpochKeys(Secret(bytes(32)))
    assert Sealer(KEY, other.kid).seal(PLAINTEXT, CONTEXT)[:8] not in prefixes


@pytest.mark.parametrize("mask", [0x01, 0x10, 0x80, 0xFF])
def test_every_flipped_byte_is_refused(mask: int) -> None:
    data = raw(SEALER.seal(PLAINTEXT, CONTEXT))
    for place in range(len(data)):
        refused(spell(data[:place] + bytes([data[place] ^ mask]) + data[place + 1 :]))


def test_every_other_character_is_refused() -> None:
    envelope = SEALER.seal(PLAINTEXT, CONTEXT)
    for place, right in enumerate(envelope):
        for wrong in (*ALPHABET[::7], "=", " ", "\n", "+", "Ａ", "\0", ""):
            if wrong != right:
                refused(envelope[:place] + wrong + envelope[place + 1 :])


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 6])
def test_only_the_canonical_spelling_opens(length: int) -> None:
    envelope = SEALER.seal(b"x" * length, CONTEXT)
    padding = "=" * (-len(envelope) % 4)
    for other in (envelope + "=", envelope + "==", " " + envelope, envelope + "\n"):
        refused(other)
    refused(base64.b64encode(raw(envelope)).decode() + "=")
    if padding:
        refused(envelope + padding)
        # the last character's unused bits
        last = ALPHABET.index(envelope[-1])
        twins = [char for char in ALPHABET if raw(envelope[:-1] + char) == raw(envelope)]
        assert len(twins) == 4 ** len(padding)
        for twin in twins:
            if ALPHABET.index(twin) != last:
                refused(envelope[:-1] + twin)


@pytest.mark.parametrize("length", range(24))
def test_what_is_too_short_is_refused(length: int) -> None:
    refused(SEALER.seal(PLAINTEXT, CONTEXT)[:length])
    refused(spell(envelope_header(KEYS.kid) + bytes(length)))


def test_other_versions_suites_and_epochs_are_refused() -> None:
    data = raw(SEALER.seal(PLAINTEXT, CONTEXT))
    for header in (b"\0\x01" + KEYS.kid, b"\x02\x01" + KEYS.kid, b"\x01\0" + KEYS.kid):
        refused(spell(header + data[6:]))
        # even if made with the right key for that very header
        sealed = AESSIV(KEY.secret_key_access()).encrypt(PLAINTEXT, [header, CONTEXT])
        refused(spell(header + sealed))
    kid = bytes(4)
    refused(Sealer(KEY, kid).seal(PLAINTEXT, CONTEXT))


def test_other_contexts_are_refused() -> None:
    envelope = SEALER.seal(PLAINTEXT, CONTEXT)
    for context in ((b"sip.identit",), (b"sip.identity2",), (b"",), (CONTEXT, b""), (b"", CONTEXT)):
        refused(envelope, *context)
    refused(SEALER.seal(PLAINTEXT))
    with pytest.raises(IntegrityError):
        SEALER.open(envelope)
    refused(SEALER.seal(PLAINTEXT, b"sip.", b"identity"))


def test_other_keys_are_refused() -> None:
    for keyspace, purpose in (("sip.identity2", labels.DET), ("sip.identity", labels.OPAQUE)):
        key = KEYS.keyspace(keyspace).subkey(purpose, KEY_SIZE)
        refused(Sealer(key, KEYS.kid).seal(PLAINTEXT, CONTEXT))
    refused(SEALER.seal(PLAINTEXT, CONTEXT) + SEALER.seal(PLAINTEXT, CONTEXT))
