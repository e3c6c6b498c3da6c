"""Sections 5, 6 and 13 of docs/formats.md: envelopes, det, opaque blobs, rejects."""

from __future__ import annotations

import struct
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from .conventions import MAX_LEVELS, Json, b64, compact, lp, read_json, uint32, unb64
from .keys import Epoch

Entry = tuple[list[str], Any]
Original = tuple[list[str], int | None, Any]

MAX_DET = 8192


def siv_seal(key: bytes, context: list[bytes], plaintext: bytes) -> bytes:
    return AESSIV(key).encrypt(plaintext, context)


def siv_open(key: bytes, context: list[bytes], sealed: bytes) -> bytes:
    try:
        return AESSIV(key).decrypt(sealed, context)
    except InvalidTag:
        raise ValueError("a ciphertext does not open") from None


def seal_envelope(epoch: Epoch, key: bytes, context: list[bytes], plaintext: bytes) -> str:
    return b64(epoch.header + siv_seal(key, [epoch.header, *context], plaintext))


def open_envelope(epoch: Epoch, key: bytes, context: list[bytes], envelope: str) -> bytes:
    data = unb64(envelope)
    if data[:6] != epoch.header:
        raise ValueError("another version, suite or epoch")
    return siv_open(key, [epoch.header, *context], data[6:])


# --- scalars and det -------------------------------------------------------------------------


def type_and_bytes(value: Any) -> tuple[bytes, bytes]:
    match value:
        case str():
            return b"s", value.encode()
        case bool():
            return b"b", b"\x01" if value else b"\x00"
        case int():
            return b"i", str(value).encode()
        case float():
            return b"f", struct.pack(">d", value)
        case None:
            return b"n", b""
    assert value in ({}, [])
    return (b"o", b"") if isinstance(value, dict) else (b"a", b"")


def is_scalar(value: Any) -> bool:
    return not isinstance(value, dict | list)


def scalar_text(value: Any) -> str:
    return value if isinstance(value, str) else compact(value)


def seal_det(epoch: Epoch, keyspace: str, value: Any) -> str:
    kind, data = type_and_bytes(value)
    if kind not in b"sifb" or len(data) > MAX_DET:
        raise ValueError("no det value")
    key = epoch.subkey(keyspace, b"det", 64)
    return seal_envelope(epoch, key, [keyspace.encode()], kind + data)


def open_det(epoch: Epoch, keyspace: str, ciphertext: Any) -> Any:
    if not isinstance(ciphertext, str):
        raise ValueError("no ciphertext")
    key = epoch.subkey(keyspace, b"det", 64)
    plaintext = open_envelope(epoch, key, [keyspace.encode()], ciphertext)
    data = plaintext[1:]
    if len(data) > MAX_DET:
        raise ValueError("too long for det")
    match plaintext[:1]:
        case b"s":
            value: Any = data.decode()
        case b"i":
            value = int(data)
        case b"f":
            (value,) = struct.unpack(">d", data)
        case b"b":
            value = data == b"\x01"
        case _:
            raise ValueError("no type of a det value")
    if b"".join(type_and_bytes(value)) != plaintext:
        raise ValueError("another spelling of a value")
    return value


# --- section 6: the blob ---------------------------------------------------------------------


def pad(plaintext: bytes) -> bytes:
    return plaintext + b" " * (-len(plaintext) % 32)


def seal_blob(epoch: Epoch, event_id: str, entries: list[Any], originals: list[Any]) -> str:
    return seal_blob_text(epoch, event_id, pad(compact({"o": entries, "r": originals}).encode()))


def seal_blob_text(epoch: Epoch, event_id: str, plaintext: bytes) -> str:
    key = epoch.subkey("zt:event", b"opaque", 64)
    return seal_envelope(epoch, key, [b"event", unb64(event_id)], plaintext)


def open_blob(epoch: Epoch, event_id: str, blob: str) -> tuple[list[Entry], list[Original]]:
    key = epoch.subkey("zt:event", b"opaque", 64)
    plaintext = open_envelope(epoch, key, [b"event", unb64(event_id)], blob)
    content = read_json(plaintext, MAX_LEVELS + 3)
    if plaintext != pad(compact(content).encode()):
        raise ValueError("a blob is not spelled or padded as it should be")
    if not isinstance(content, dict) or content.keys() != {"o", "r"}:
        raise ValueError("a blob of another release")
    if not all(_is_list(content[key]) for key in "or"):
        raise ValueError("a blob without lists")
    for entry in content["o"]:
        if not _is_list(entry, 2) or not _is_way(entry[0]):
            raise ValueError("no hidden field")
    for original in content["r"]:
        if not _is_list(original, 3) or not _is_way(original[0]) or not is_scalar(original[2]):
            raise ValueError("no original")
        if original[1] is not None and (type(original[1]) is not int or original[1] < 0):
            raise ValueError("no place in an array")
    return [(k, v) for k, v in content["o"]], [(k, i, v) for k, i, v in content["r"]]


def _is_list(value: Any, length: int | None = None) -> bool:
    return isinstance(value, list) and length in (None, len(value))


def _is_way(keys: Any) -> bool:
    return isinstance(keys, list) and keys != [] and all(isinstance(key, str) for key in keys)


def apply_original(event: Json, original: Original) -> None:
    """Replace what stands at the keys, at the index if there is one."""
    keys, index, value = original
    branch: Any = event
    way: list[Any] = [*keys] if index is None else [*keys, index]
    for key in way[:-1]:
        branch = _below(branch, key)
    _below(branch, way[-1])
    branch[way[-1]] = value


def _below(branch: Any, key: str | int) -> Any:
    is_there = (
        isinstance(branch, dict) and key in branch
        if isinstance(key, str)
        else isinstance(branch, list) and key < len(branch)
    )
    if not is_there:
        raise ValueError("an original of nothing")
    return branch[key]


def put_back(event: Json, entry: Entry) -> None:
    keys, value = entry
    branch = event
    for key in keys[:-1]:
        branch = branch.setdefault(key, {})
        if not isinstance(branch, dict):
            raise ValueError("a hidden field lies below a value")
    if keys[-1] in branch:
        raise ValueError("the place of a hidden field is taken")
    branch[keys[-1]] = value


# --- section 13: rejects ---------------------------------------------------------------------


def open_reject(epoch: Epoch, record: Json) -> bytes:
    key = epoch.subkey("zt:event", b"opaque", 64)
    plaintext = open_envelope(epoch, key, [b"reject", uint32(record["line"])], record["opaque"])
    if lp(plaintext[4:]) != plaintext:
        raise ValueError("a rejected line has another length")
    return plaintext[4:]
