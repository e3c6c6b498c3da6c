"""What a ciphertext is bound to by itself, even where keys were equal; and its one spelling.

Keyspaces have keys of their own, so what else separates them is a second line that no round trip
shows. Here two keyspaces share one key, and the second line must hold alone.
"""

from __future__ import annotations

from base64 import b32decode
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest

from keys import EpochKeys, KeyspaceKey, Secret
from zt.crypto.ff1 import FF1Engine
from zt.errors import IntegrityError
from zt.schemes.base import Scheme
from zt.schemes.det import Det
from zt.schemes.fpe import Fpe
from zt.schemes.ip import IpFpe
from zt.schemes.opaque import Hidden, OpaqueBlob
from zt.schemes.uri import LABEL, SUFFIX, Uri

KEYS = EpochKeys(Secret(bytes(range(32))))
ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


def key(keyspace: str) -> KeyspaceKey:
    """The key of a keyspace that shares it with all others."""
    return KeyspaceKey(KEYS.kid, keyspace, Secret(bytes(32)))


@pytest.mark.parametrize(
    ("make", "value"),
    [
        (Det, "x"),
        (Uri, "sip:alice@example.org"),
        (Uri, "sips:example.org"),
        (Uri, "tel:+4930123456"),
        (Fpe, "+4930123456"),
        (IpFpe, "192.0.2.1"),
        (IpFpe, "2001:db8::1"),
    ],
)
def test_keyspaces_are_apart_under_one_key_too(make: Any, value: str) -> None:
    one, other = make(key("one")), make(key("other"))
    made: str = one.protect(value)
    assert made != other.protect(value)
    assert one.reveal(made) == value
    scheme: Scheme = other
    if scheme.proves_itself:
        with pytest.raises(IntegrityError):
            scheme.reveal(made)
    else:
        assert scheme.reveal(made) != value


@pytest.mark.parametrize(
    ("address", "width", "family"),
    [(IPv4Address("192.0.2.1"), 32, b"\x04"), (IPv6Address("2001:db8::1"), 128, b"\x06")],
)
def test_keyspace_and_family_are_in_the_tweak_of_addresses(
    address: IPv4Address | IPv6Address, width: int, family: bytes
) -> None:
    """Against FF1 bit by bit, whose tweak is written here once more."""
    keyspace = KEYS.keyspace("address")
    engine = FF1Engine(keyspace.subkey(b"ip", 32), b"\0\0\0\7address\0\0\0\1" + family)
    bits = engine.encrypt(2, [int(bit) for bit in f"{int(address):0{width}b}"])
    expected = type(address)(int("".join(map(str, bits)), 2))
    assert IpFpe(keyspace).protect(str(address)) == str(expected)


@pytest.mark.parametrize(
    "address",
    ["2001:DB8::1", "2001:db8:0::1", "2001:0db8::1", "::FFFF:192.0.2.1", "::ffff:192.0.2.01"],
)
def test_an_encrypted_address_has_one_spelling(address: str) -> None:
    scheme = IpFpe(KEYS.keyspace("address"))
    assert scheme.reveal(scheme.protect("2001:db8::1")) == "2001:db8::1"
    with pytest.raises(IntegrityError):
        scheme.reveal(address)


def twins(text: str) -> list[str]:
    """Other texts of the same bytes: the last character's unused bits set otherwise."""

    def raw(text: str) -> bytes:
        return b32decode(text.upper() + "=" * (-len(text) % 8))

    others = [text[:-1] + char for char in ALPHABET if char != text[-1]]
    return [other for other in others if raw(other) == raw(text)]


def test_an_encrypted_uri_has_one_spelling() -> None:
    scheme = Uri(KEYS.keyspace("identity"))
    right = scheme.protect("sip:alice@example.org")
    user, host = right.removeprefix("sip:").removesuffix(SUFFIX).split("@")
    number = scheme.protect("tel:+4930123456").removeprefix("tel:")
    respelled = [f"sip:{twin}@{host}{SUFFIX}" for twin in twins(user)]
    respelled += [f"sip:{user}@{twin}{SUFFIX}" for twin in twins(host)]
    respelled += [f"tel:{twin}" for twin in twins(number)]
    assert len(respelled) > 3
    for other in respelled:
        with pytest.raises(IntegrityError, match="spelled as no encoder spells it"):
            scheme.reveal(other)


@pytest.mark.parametrize("host", ["example.org", "h" * 40, "h" * 100])
def test_an_encrypted_host_is_cut_into_labels_in_one_way(host: str) -> None:
    scheme = Uri(KEYS.keyspace("identity"))
    right = scheme.protect(f"sip:{host}")
    joined = right.removeprefix("sip:").removesuffix(SUFFIX).replace(".", "")
    cuts = [joined[:size] + "." + joined[size:] for size in (1, 8, LABEL - 1, LABEL, LABEL + 1)]
    others = {joined, joined + ".", "." + joined, *cuts}
    respelled = {f"sip:{other}{SUFFIX}" for other in others} - {right}
    assert len(respelled) >= 4
    for other in respelled:
        with pytest.raises(IntegrityError):
            scheme.reveal(other)


def test_an_opaque_blob_opens_in_its_own_event_only() -> None:
    blobs = OpaqueBlob(KEYS.keyspace("zt:event"))
    hidden = Hidden([(("a", "b"), "secret")], [(("c",), None, "C")])
    one, other = "A" * 22, "B" * 21 + "A"
    assert blobs.open(blobs.seal(hidden, one), one) == hidden
    assert blobs.seal(hidden, one) != blobs.seal(hidden, other)
    with pytest.raises(IntegrityError):
        blobs.open(blobs.seal(hidden, one), other)
