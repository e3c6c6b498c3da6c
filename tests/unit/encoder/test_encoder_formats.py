"""Ids, seals, tags and blobs against each construction written here once more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import struct
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from analytics.wire import EventLine, HeaderLine, ValueLine, parse_line
from keys import Ring
from zt.profile import Profile

EVENT: dict[str, Any] = {
    "@timestamp": "2026-11-24T00:13:14.793697Z",
    "type": ["a", "b", None],
    "sip": {"from": "sip:alice@example.org", "response.status": 200, "to": [1, 1.5, None, True]},
    "rate.ex_diff": 1e300,
    "sip.request": {"method": -0.0},
    "hidden": {"x": [{"y": 1}]},
    "a": "ü",
}


def lp(*parts: bytes) -> bytes:
    return b"".join(struct.pack(">I", len(part)) + part for part in parts)


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def spelled(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def mac(key: bytes, message: bytes) -> str:
    return spelled(hashlib.blake2b(message, digest_size=16, key=key).digest())


def subkey(ring: Ring, keyspace: str, purpose: bytes, size: int = 32) -> bytes:
    return ring.active.keyspace(keyspace).subkey(purpose, size).secret_key_access()


def event_line(wire: list[bytes], number: int = 0) -> EventLine:
    lines = [parse_line(line.rstrip(b"\n")) for line in wire]
    return [line for line in lines if isinstance(line, EventLine)][number]


def type_and_bytes(value: Any) -> tuple[bytes, bytes]:
    match value:
        case None:
            return b"n", b""
        case bool():
            return b"b", bytes([value])
        case int():
            return b"i", str(value).encode()
        case float():
            return b"f", struct.pack(">d", value)
        case str():
            return b"s", value.encode()
        case dict():
            return b"o", b""
    return b"a", b""


def flat(body: dict[str, Any], above: str = "") -> list[tuple[bytes, int | None, Any]]:
    found: list[tuple[bytes, int | None, Any]] = []
    for key, value in body.items():
        if isinstance(value, dict) and value:
            found += flat(value, f"{above}{key}.")
        elif isinstance(value, list) and value:
            found += [(f"{above}{key}".encode(), n, item) for n, item in enumerate(value)]
        else:
            found.append((f"{above}{key}".encode(), None, value))
    return sorted(found, key=lambda leaf: (leaf[0], -1 if leaf[1] is None else leaf[1]))


def test_the_seal(encrypt: Any, shared_ring: Ring) -> None:
    line = event_line(encrypt([EVENT]))
    found = flat(line.body)
    message = lp(b"\0\0\0\1", raw(line.meta.id), shared_ring.active.kid, raw(line.meta.profile))
    message += lp(struct.pack(">I", len(found)))
    for path, index, value in found:
        position = b"" if index is None else struct.pack(">I", index)
        message += lp(path, position, *type_and_bytes(value))
    message += lp(line.meta.opaque.encode())
    assert len(found) == 13
    assert line.meta.seal == mac(subkey(shared_ring, "zt:seal", b"seal"), message)


def test_the_seal_binds_every_field_of_the_body(encrypt: Any) -> None:
    paths = {path.decode() for path, _, _ in flat(event_line(encrypt([EVENT])).body)}
    assert paths == {
        "@timestamp",
        "type",
        "sip.from",
        "sip.from_host",
        "sip.to",
        "sip.response.status",
        "sip.request.method",
        "rate.ex_diff",
    }


def test_det_ciphertexts(encrypt: Any, shared_ring: Ring) -> None:
    body = event_line(encrypt([EVENT])).body
    siv = AESSIV(subkey(shared_ring, "sip.identity", b"det", 64))
    header = b"\x01\x01" + shared_ring.active.kid

    def det(plaintext: bytes) -> str:
        return spelled(header + siv.encrypt(plaintext, [header, b"sip.identity"]))

    assert body["sip"]["to"] == [
        det(b"i1"),
        det(b"f" + struct.pack(">d", 1.5)),
        None,
        det(b"b\x01"),
    ]


def base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def test_uris(encrypt: Any, shared_ring: Ring) -> None:
    """Host and user apart, each bound to the keyspace and the scheme, the user to the host."""
    body = event_line(encrypt([EVENT])).body
    siv = AESSIV(subkey(shared_ring, "sip.identity", b"uri", 64))
    header = b"\x01\x01" + shared_ring.active.kid
    context = [header, b"sip.identity", b"sip"]
    host = base32(header + siv.encrypt(b"example.org", context))
    user = base32(siv.encrypt(b"alice", [*context, b"example.org"]))
    assert body["sip"]["from"] == f"sip:{user}@{host}.zt.invalid"
    assert len(host) == 53  # one label
    host_alone = AESSIV(subkey(shared_ring, "sip.host", b"det", 64))
    derived = spelled(header + host_alone.encrypt(b"sexample.org", [header, b"sip.host"]))
    assert body["sip.from_host"] == derived


def blob(line: EventLine, ring: Ring) -> bytes:
    """The plaintext of an opaque blob."""
    data = raw(line.meta.opaque)
    header = b"\x01\x01" + ring.active.kid
    assert data[:6] == header
    siv = AESSIV(subkey(ring, "zt:event", b"opaque", 64))
    return siv.decrypt(data[6:], [header, b"event", raw(line.meta.id)])


def test_the_opaque_blob(encrypt: Any, shared_ring: Ring) -> None:
    plaintext = blob(event_line(encrypt([EVENT])), shared_ring)
    assert json.loads(plaintext) == {
        "o": [[["hidden"], {"x": [{"y": 1}]}], [["a"], "ü"]],
        "r": [],
    }
    assert len(plaintext) % 32 == 0


def test_blobs_grow_in_steps_of_32_bytes(encrypt: Any, shared_ring: Ring) -> None:
    wire = encrypt([{"secret": "x" * n} for n in range(100)])
    sizes = [len(raw(event_line(wire, n).meta.opaque)) - 22 for n in range(100)]
    assert {size % 32 for size in sizes} == {0}
    assert len(set(sizes)) <= 100 // 32 + 2
    assert sizes == sorted(sizes)
    nothing = event_line(encrypt([{"type": "x"}]))
    assert len(raw(nothing.meta.opaque)) - 22 == 32
    assert blob(nothing, shared_ring).rstrip() == b'{"o":[],"r":[]}'


def test_names_of_hidden_fields_do_not_show_in_the_length(encrypt: Any) -> None:
    wire = encrypt([{"a": 1}, {"abcdef": 1}, {"ab": "xy"}, {"type": 1}])
    assert len({len(event_line(wire, n).meta.opaque) for n in range(4)}) == 1


def reference_id(ring: Ring, stream: bytes, position: int, line: bytes) -> str:
    id_key = ring.tenant_key.subkey(b"event-id").secret_key_access()
    message = lp(stream, position.to_bytes(8, "big"), line)
    return spelled(hmac.digest(id_key, message, hashlib.sha256)[:16])


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
@pytest.mark.parametrize("stream", ["edge-1", None])
def test_ids(encrypt: Any, shared_ring: Ring, stream: str | None, end: bytes) -> None:
    bodies = [b'{"type":"a"}', b'{"type" : "a"}', b'{"type":"a"}', b'{"b":"\xc3\xbc"}']
    wire = encrypt([body + end for body in bodies], stream=stream)
    name = stream.encode() if stream else hashlib.blake2b(bodies[0], digest_size=32).digest()
    position = 0
    for number, body in enumerate(bodies):
        expected = reference_id(shared_ring, name, position, body)
        assert event_line(wire, number).meta.id == expected
        position += len(body + end)


def test_blank_lines_count_in_the_position(encrypt: Any, shared_ring: Ring) -> None:
    wire = encrypt([b"\n", b'{"type":"a"}\n', b"\r\n", b'{"type":"a"}\n'], stream="s")
    expected = [reference_id(shared_ring, b"s", n, b'{"type":"a"}') for n in (1, 16)]
    assert [event_line(wire, n).meta.id for n in range(2)] == expected


def test_the_tags(encrypt: Any, shared_ring: Ring, profile: Profile) -> None:
    lines = [parse_line(line.rstrip(b"\n")) for line in encrypt([EVENT])]
    header = lines[0]
    assert isinstance(header, HeaderLine)
    content = json.loads(header.raw)["zt"]
    tag = content.pop("tag")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert tag == mac(subkey(shared_ring, "zt:seal", b"header-tag"), text)
    assert content["kcv"] == spelled(shared_ring.active.kcv)
    records = [line.record for line in lines if isinstance(line, ValueLine)]
    assert len(records) == 4
    key = subkey(shared_ring, "sip.identity", b"value-tag")
    for record in records:
        assert record.search is not None
        message = lp(b"\0\0\0\1") + lp(shared_ring.active.kid, b"sip.identity")
        tokens = b"".join(struct.pack(">I", token) for token in record.tokens)
        scheme = b"uri" if record.ct.startswith("sip:") else b"det"
        message += lp(scheme, raw(record.search), record.ct.encode(), tokens)
        assert record.tag == mac(key, message)


def test_the_profile_travels_sealed(encrypt: Any, shared_ring: Ring, profile: Profile) -> None:
    header = json.loads(encrypt([EVENT])[0])["zt"]
    siv = AESSIV(subkey(shared_ring, "zt:profile", b"det", 64))
    data = raw(header["edge"])
    plaintext = siv.decrypt(data[6:], [data[:6], b"zt:profile"])
    assert plaintext == b"s" + profile.normalised()
    key = shared_ring.tenant_key.subkey(b"profile-id").secret_key_access()
    assert header["profile"] == mac(key, profile.normalised())
    assert header["profile"] == profile.id(shared_ring.tenant_key)
    search = msgspec.json.encode({"gram": {"bits": 32, "fold": 1, "size": 3}})
    column = {column["path"]: column for column in header["columns"]}["sip.from"]
    assert column["search"] == spelled(hashlib.blake2b(search, digest_size=16).digest())
