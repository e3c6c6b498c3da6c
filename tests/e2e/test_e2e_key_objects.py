"""Key bytes show in no object of the product, no pickle or copy, and no traceback with locals."""

from __future__ import annotations

import copy
import hashlib
import hmac
import pickle
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from support.every_scheme import PROFILE, URIS
from support.key_bytes import Vault, found_in, reachable, shown, with_locals

import keys.derive
import keys.providers.command
import keys.providers.env
import keys.providers.file
import keys.providers.passphrase
import keys.ring
import zt.crypto.aes
import zt.crypto.siv
import zt.crypto.tokens
from analytics.store import open_store
from analytics.wire import BadLine, EventLine, HeaderLine, ValueLine, read_stream
from keys import EpochKeys, Ring, Secret, init_ring, rotate_ring
from keys.providers import open_provider
from zt.crypto.aes import BlockCipher, ShortMacs
from zt.crypto.ff1 import FF1Engine
from zt.crypto.ipcrypt_pfx import IpcryptPfx
from zt.crypto.siv import Sealer
from zt.encoder import Decoder, Encoder
from zt.encoder.writer import BatchWriter
from zt.query import Session, parse

EVENTS: list[dict[str, Any]] = [
    {
        "time": f"2026-11-24T00:00:{n:02}Z",
        "user": f"alice{n % 3}",
        "sip": {"from": uri, "to": "tel:+12015550123"},
        "phone": "+4930123456789",
        "account": f"12345678{n % 4}",
        "card": "4111111111111111",
        "client.ip": f"192.0.2.{n % 5}",
        "trunk": {"ip": "2001:db8::1"},
        "device": {"x1": 1, "y": True},
        "size": 1234,
    }
    for n, uri in enumerate(URIS[:12])
]
LINES = [msgspec.json.encode(event) + b"\n" for event in EVENTS]


class House(NamedTuple):
    """Everything that holds keys, after it was used."""

    ring: Ring
    encoder: Encoder
    decoder: Decoder
    session: Session
    writer: BatchWriter
    wire: list[bytes]
    keys: list[bytes]


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    vault = Vault(monkeypatch)
    init_ring(tmp_path / "ring.json", "acme", "file:ring.key")
    ring = rotate_ring(tmp_path / "ring.json")
    encoder = Encoder(ring, PROFILE, stream="test")
    wire = list(encoder.encrypt(LINES))
    decoder = Decoder(ring)
    assert len(list(decoder.decrypt(wire))) == len(EVENTS)
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as store:
        store.ingest(wire)
        session = use(Session(ring, store))
        writer = BatchWriter(ring, PROFILE, max_pattern_fields=10)
        yield House(ring, encoder, decoder, session, writer, wire, vault.keys())


def use(session: Session) -> Session:
    """Ask, so that whatever is remembered between questions is there."""
    assert len(list(session.search())) == len(EVENTS)
    assert list(session.search(parse("user:*lice*")))
    for path in ("user", "sip.from", "phone", "account", "client.ip", "trunk.ip"):
        assert session.top(path)
    return session


def test_there_are_keys_to_look_for(house: House) -> None:
    root = house.ring.active._root.secret_key_access()
    wrapping = house.ring._wrapping_key.secret_key_access()
    keyspace = house.ring.active.keyspace("identity")
    assert {root, wrapping, keyspace._key.secret_key_access()} <= set(house.keys)
    assert len(house.keys) > 50


def test_no_object_shows_a_key(house: House) -> None:
    """Of all that is reached, through attributes, closures and caches, only secrets hold keys."""
    roots = [house.ring, house.encoder, house.decoder, house.session, house.writer]
    roots += house.decoder.plans()
    things = list(reachable(*roots))
    kinds = {type(thing) for thing in things}
    assert {Secret, EpochKeys, Sealer, BlockCipher, ShortMacs, FF1Engine, IpcryptPfx} <= kinds
    assert found_in(house.keys, *shown(things)) == []


@pytest.mark.parametrize(
    "plant",
    [
        lambda key: key,
        lambda key: {"cached": [key]},
        lambda key: key.hex(),
        lambda key: lambda: key,
        lambda key: memoryview(key),
    ],
    ids=["bytes", "nested", "text", "closure", "view"],
)
def test_a_key_in_an_object_is_found(house: House, plant: Callable[[bytes], object]) -> None:
    root = house.ring.active._root.secret_key_access()
    house.writer.__dict__["planted"] = plant(root)
    assert found_in(house.keys, *shown(reachable(house.writer))) == [root]


def holders(house: House) -> list[Any]:
    """One of everything that holds a key, and what they are held by."""
    things = list(reachable(*house[:5]))
    one_of_each = {type(thing): thing for thing in things if type(thing).__module__[:3] in MODULES}
    provider = open_provider(house.ring.provider, house.ring.path.parent)
    return [*one_of_each.values(), provider, house.ring.tenant_key]


MODULES = ("zt.", "key")


def outcome(act: Callable[[], object]) -> tuple[object, str]:
    """What came of it, None if it failed, and the traceback then."""
    try:
        return act(), ""
    except Exception as error:  # noqa: BLE001  # libraries refuse by many kinds of it
        return None, with_locals(error)


def test_pickles_and_copies_are_refused_or_hold_no_key(house: House) -> None:
    refused = set()
    for thing in holders(house):
        kind = type(thing)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            made, told = outcome(partial(pickle.dumps, thing, protocol))
            assert found_in(house.keys, told, made if isinstance(made, bytes) else b"") == [], kind
            if made is None:
                refused.add(kind)
        for copied in (copy.copy, copy.deepcopy):
            again, told = outcome(partial(copied, thing))
            assert found_in(house.keys, told, *shown(reachable(again))) == [], kind
    holding = {Ring, EpochKeys, Secret, Session, Encoder, Decoder, BatchWriter, Sealer, FF1Engine}
    assert holding <= refused, "of these each holds a key, and none may be pickled"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_what_holds_a_key_is_not_copied(house: House, copied: Callable[[Any], Any]) -> None:
    keyspace = house.ring.active.keyspace("identity")
    for thing in (house.ring, house.ring.active, keyspace, house.ring.tenant_key, keyspace._key):
        with pytest.raises(TypeError, match="refuses to be pickled or copied"):
            copied(thing)


# --- tracebacks with local variables, whatever fails ------------------------------------------


class Failing:
    """Does what the genuine function does, and fails once, when it is called the nth time."""

    def __init__(self, genuine: Any, nth: int) -> None:
        self._genuine = genuine
        self._left = nth
        self.has_failed = False

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self._left -= 1
        if self._left == -1:
            self.has_failed = True
            raise MemoryError("planted")
        return self._genuine(*arguments, **options)


PRIMITIVES: dict[str, tuple[object, str]] = {
    "HKDF": (keys.derive, "HKDF"),
    "AES-SIV of the ring": (keys.ring, "AESSIV"),
    "HMAC": (hmac, "digest"),
    "HMAC of ids": (hmac, "new"),
    "comparison": (hmac, "compare_digest"),
    "BLAKE2": (hashlib, "blake2b"),
    "AES-SIV": (zt.crypto.siv, "AESSIV"),
    "AES": (zt.crypto.aes, "Cipher"),
    "AES of a key": (algorithms, "AES"),
    "CMAC": (zt.crypto.tokens, "CMAC"),
    "Argon2id": (keys.providers.passphrase, "Argon2id"),
    "decoding a file's key": (keys.providers.file, "decode_key"),
    "decoding a variable's key": (keys.providers.env, "decode_key"),
    "decoding a command's key": (keys.providers.command, "decode_key"),
    "reading a passphrase": (keys.providers.passphrase, "read_private"),
}


def whole_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From four new rings to answers."""
    folder.mkdir()
    key = folder / "printed"
    key.write_text("ab" * 31 + "cd")
    monkeypatch.setenv("A_KEY", "ab" * 31 + "ce")
    (folder / "passphrase").touch(0o600)
    (folder / "passphrase").write_text("a passphrase of some length")
    monkeypatch.setenv("ZT_PASSPHRASE_FILE", str(folder / "passphrase"))
    monkeypatch.setattr(keys.providers.passphrase, "MEMORY", 64 * 1024)
    for number, uri in enumerate((f"command:cat {key}", "env:A_KEY", "passphrase:")):
        init_ring(folder / f"{number}.json", "acme", uri)
        Ring.open(folder / f"{number}.json")
    init_ring(folder / "ring.json", "acme", "file:ring.key")
    ring = rotate_ring(folder / "ring.json")
    wire = list(Encoder(ring, PROFILE, stream="test").encrypt(LINES))
    assert len(list(Decoder(ring).decrypt(wire))) == len(EVENTS)
    with open_store(f"duckdb:{folder / 'cloud.duckdb'}", create=True) as store:
        store.ingest(wire)
        use(Session(ring, store))


@pytest.mark.parametrize("nth", [0, 1, 5, 20])
@pytest.mark.parametrize("name", PRIMITIVES)
def test_tracebacks_show_no_key_wherever_a_primitive_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, nth: int
) -> None:
    vault = Vault(monkeypatch)
    place, attribute = PRIMITIVES[name]
    failing = Failing(getattr(place, attribute), nth)
    monkeypatch.setattr(place, attribute, failing)
    try:
        whole_way(tmp_path / "desk", monkeypatch)
    except MemoryError as error:
        told = with_locals(error)
    else:
        assert nth, "it is called at least once"
        return
    assert failing.has_failed
    assert "self = <" in told or "wrapping_key = <" in told or " = <Secret" in told
    assert found_in(vault.keys(), told) == []


def damaged(wire: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """The wire with something altered in it."""
    header, *rest = wire
    values = [line for line in rest if b'"seal"' not in line]
    events = [line for line in rest if b'"seal"' in line]
    yield "header", [header.replace(b'"generation":2', b'"generation":9'), *rest]
    yield "profile", [header.replace(b'"edge":"', b'"edge":"AAAA'), *rest]
    yield "values", [header, *(line.replace(b'"tokens":[', b'"tokens":[0,') for line in values)]
    yield "events", [header, *(line.replace(b"2026", b"2027") for line in events)]
    yield "blobs", [header, *(line.replace(b'"opaque":"', b'"opaque":"A') for line in events)]
    yield "fields", [header, *(line.replace(b'"user":"', b'"user":"A') for line in events)]


def test_tracebacks_of_refused_lines_show_no_key(house: House) -> None:
    for name, wire in damaged(house.wire):
        told: list[str] = []
        for raw in wire:
            _, traceback = outcome(partial(open_line, Decoder(house.ring), house.wire[0], raw))
            told.append(traceback)
        assert any("Error" in text for text in told), f"nothing of {name} was refused"
        assert found_in(house.keys, *told) == [], name


def open_line(decoder: Decoder, header: bytes, raw: bytes) -> None:
    """Verify one line after a header."""
    for line in read_stream([header, raw]):
        match line:
            case HeaderLine():
                decoder.header(line.header)
            case ValueLine():
                decoder.value(line)
            case EventLine():
                decoder.event(line)
            case BadLine():
                raise ValueError(line.reason)


def test_a_key_in_a_local_variable_is_found(house: House) -> None:
    """Of a function that is not a test's: those are left out, they handle keys on purpose."""
    scope: dict[str, Any] = {}
    source = "def careless(secret):\n    key = secret.secret_key_access()\n    return key / 2\n"
    exec(compile(source, "careless.py", "exec"), scope)
    with pytest.raises(TypeError) as caught:
        scope["careless"](house.ring.active._root)
    root = house.ring.active._root.secret_key_access()
    assert found_in(house.keys, with_locals(caught.value)) == [root]
