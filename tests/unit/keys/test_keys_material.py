"""Keys are treated as keys: redacted, not copied, and in no file, log or message."""

from __future__ import annotations

import base64
import copy
import hmac
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from keys import KeysError, Ring, Secret, init_ring

KEY = bytes(range(100, 132))


def spellings(key: bytes) -> list[bytes]:
    """The ways in which a key could turn up in a text."""
    return [
        key,
        key.hex().encode(),
        key.hex().upper().encode(),
        base64.b64encode(key).rstrip(b"="),
        base64.urlsafe_b64encode(key).rstrip(b"="),
        repr(key)[2:-1].encode(),
        str(int.from_bytes(key, "big")).encode(),
    ]


def assert_absent(key: bytes, text: bytes | str) -> None:
    data = text.encode() if isinstance(text, str) else text
    for spelling in spellings(key):
        assert spelling not in data


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, "%s".__mod__, ascii])
def test_a_secret_does_not_show_itself(show: Callable[[Any], str]) -> None:
    secret = Secret(KEY)
    assert_absent(KEY, show(secret))
    assert_absent(KEY, repr([secret, {"key": secret}]))
    assert repr(secret) == "<Secret of 32 bytes>"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_refuses_pickling(protocol: int) -> None:
    with pytest.raises(TypeError, match="refuses"):
        pickle.dumps(Secret(KEY), protocol)
    with pytest.raises(TypeError, match="refuses"):
        pickle.dumps({"nested": [Secret(KEY)]}, protocol)


def test_a_secret_refuses_copies(ring: Ring) -> None:
    for thing in (Secret(KEY), [Secret(KEY)], ring.active, ring.tenant_key):
        with pytest.raises(TypeError, match="refuses"):
            copy.deepcopy(thing)
    with pytest.raises(TypeError, match="refuses"):
        copy.copy(Secret(KEY))
    for holder in (ring, ring.active, ring.active.keyspace("a"), ring.tenant_key):
        with pytest.raises(TypeError):
            pickle.dumps(holder)


def test_a_secret_is_no_json_and_no_dictionary_key() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(KEY))
    with pytest.raises(TypeError):
        hash(Secret(KEY))
    with pytest.raises(TypeError):
        bytes(Secret(KEY))  # type: ignore[call-overload]
    assert not hasattr(Secret(KEY), "__dict__")


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    genuine = hmac.compare_digest

    def spy(one: bytes, two: bytes) -> bool:
        compared.append((one, two))
        return genuine(one, two)

    monkeypatch.setattr(hmac, "compare_digest", spy)
    assert Secret(KEY) == Secret(bytes(KEY))
    assert Secret(KEY) != Secret(KEY[:-1])
    assert len(compared) == 2
    assert Secret(KEY) != KEY
    assert Secret(KEY) != None  # noqa: E711
    assert len(Secret(KEY)) == 32


def secrets_of(ring: Ring) -> dict[str, bytes]:
    """Everything that must stay secret of a ring, in raw bytes."""
    keyspace = ring.active.keyspace("sip.identity")
    return {
        "root": ring.active._root.secret_key_access(),
        "id key": ring.tenant_key._key.secret_key_access(),
        "wrapping key": bytes.fromhex(ring.path.with_name("ring.key").read_text().strip()),
        "keyspace key": keyspace._key.secret_key_access(),
        "det key": keyspace.subkey(b"det", 64).secret_key_access(),
    }


def test_the_ring_file_holds_no_key(ring: Ring) -> None:
    content = ring.path.read_bytes()
    for key in secrets_of(ring).values():
        assert_absent(key, content)


def test_no_repr_shows_a_key(ring: Ring) -> None:
    keyspace = ring.active.keyspace("sip.identity")
    shown = repr([ring, ring.active, ring.tenant_key, keyspace, ring.epochs, vars(ring)])
    shown += repr([vars(ring.active), vars(keyspace), vars(ring.tenant_key)])
    for key in secrets_of(ring).values():
        assert_absent(key, shown)
    assert "sip.identity" in shown


def test_no_log_and_no_error_shows_a_key(
    ring: Ring, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.NOTSET)
    keys = secrets_of(ring)
    told = ""
    good = ring.path.read_bytes()
    for bad in (good[:-5], good.replace(b"acme", b"evil")):
        ring.path.write_bytes(bad)
        try:
            Ring.open(ring.path)
        except KeysError as error:
            told += error.diagnostics() + "".join(traceback.format_exception(error))
    ring.path.write_bytes(good)
    for name in ("../acme", "acme"):
        try:
            init_ring(ring.path, name, ring.provider)
        except KeysError as error:
            told += error.diagnostics() + "".join(traceback.format_exception(error))
    try:
        ring.epoch("00000000")
    except KeysError as error:
        told += error.diagnostics()
    assert told.count("\n") > 8
    out, err = capfd.readouterr()
    for key in keys.values():
        assert_absent(key, told + caplog.text + out + err)


def test_an_error_says_what_happened_and_what_to_do() -> None:
    assert KeysError("it broke", "mend it").diagnostics() == "it broke\n  mend it"
