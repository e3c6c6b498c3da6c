"""Sections 3, 4 and 7 of docs/formats.md: rings, derived keys, event ids."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from .conventions import b64, hkdf, lp, mac, read_json, uint32

_RING = ["zt-ring", "tenant", "generation", "provider", "id_key", "epochs", "mac"]
_EPOCH = ["kid", "kcv", "state", "created", "activates", "root"]
_READER = ["zt-reader", "tenant", "generation", "provider", "names", "epochs", "mac"]
_READER_EPOCH = [*_EPOCH[:-1], "keys"]

# The parameters in the labels of keys.
GRAM = lp(uint32(1), uint32(3), uint32(32))
PREFIX = lp(uint32(1), uint32(14), uint32(32))
WHOLE = lp(uint32(1), uint32(32))
NET = lp(lp(uint32(8), uint32(16), uint32(24)), lp(uint32(32), uint32(48), uint32(64)), uint32(32))


def label(purpose: bytes, length: int, params: bytes = b"") -> bytes:
    return lp(purpose, params, uint32(length))


class Epoch:
    """The keys of a root."""

    def __init__(self, root: bytes) -> None:
        self.root = root
        self.kid = hkdf(root, lp(b"kid"), 32)[:4]
        self.kcv = hkdf(root, lp(b"kcv"), 32)
        self.header = b"\x01\x01" + self.kid
        self.mark = b64(self.header)[:8]
        self.subkey = cache(self._subkey)

    def keyspace(self, name: str) -> bytes:
        return hkdf(self.root, lp(b"keyspace", name.encode()), 32)

    def _subkey(self, name: str, purpose: bytes, length: int, params: bytes = b"") -> bytes:
        return hkdf(self.keyspace(name), label(purpose, length, params), length)


class Keys:
    """An unwrapped ring."""

    def __init__(self, ring_file: bytes, key_file: bytes) -> None:
        ring, self._siv = _authentic(ring_file, key_file, _RING, _EPOCH)
        self.tenant: str = ring["tenant"]
        self.generation: int = ring["generation"]
        self.id_key = self._unwrap(ring["id_key"], b"id")
        self.epochs: dict[str, Epoch] = {}
        for epoch in ring["epochs"]:
            if epoch["root"] is not None:
                keys = Epoch(self._unwrap(epoch["root"], b"root"))
                if (keys.kid.hex(), keys.kcv.hex()) != (epoch["kid"], epoch["kcv"]):
                    raise ValueError("a root is not the one it should be")
                self.epochs[epoch["kid"]] = keys

    def _unwrap(self, wrapped: str, role: bytes) -> bytes:
        return self._siv.decrypt(bytes.fromhex(wrapped), [self.tenant.encode(), role])

    def tenant_subkey(self, purpose: bytes) -> bytes:
        return hkdf(self.id_key, lp(purpose), 32)


def _authentic(
    ring_file: bytes, key_file: bytes, keys: list[str], epoch_keys: list[str]
) -> tuple[dict[str, Any], AESSIV]:
    """The content of a ring file, and what unwraps its keys."""
    if not (match := re.fullmatch(rb"([0-9a-f]{64})\n?", key_file)):
        raise ValueError("no key file")
    wrapping_key = bytes.fromhex(match[1].decode())
    ring = read_json(ring_file)
    if type(ring[keys[0]]) is not int or ring[keys[0]] != 1:
        raise ValueError("another version")
    if list(ring) != keys or any(list(epoch) != epoch_keys for epoch in ring["epochs"]):
        raise ValueError("other keys, or another order")
    if json.dumps(ring, indent=2).encode() + b"\n" != ring_file:
        raise ValueError("another spelling")
    unsealed = json.dumps({**ring, "mac": ""}, indent=2).encode() + b"\n"
    right = hmac.digest(hkdf(wrapping_key, lp(b"ring-mac"), 32), unsealed, "sha256").hex()
    if right != ring["mac"]:
        raise ValueError("altered")
    return ring, AESSIV(hkdf(wrapping_key, lp(b"ring-wrap"), 64))


class ReaderKeys:
    """An unwrapped reader ring: keyspace keys by kid and keyspace, and subkeys that name things."""

    def __init__(self, reader_file: bytes, key_file: bytes) -> None:
        ring, siv = _authentic(reader_file, key_file, _READER, _READER_EPOCH)
        tenant = ring["tenant"].encode()
        self.names = {
            purpose: siv.decrypt(bytes.fromhex(held), [tenant, b"name", purpose.encode()])
            for purpose, held in ring["names"].items()
        }
        self.keyspaces: dict[str, dict[str, bytes]] = {}
        for epoch in ring["epochs"]:
            kid, keys = bytes.fromhex(epoch["kid"]), epoch["keys"]
            if list(keys) != sorted(keys):
                raise ValueError("keyspaces in another order")
            opened = self.keyspaces[epoch["kid"]] = {}
            for name, held in keys.items():
                role = [tenant, b"keyspace", kid, name.encode()]
                opened[name] = siv.decrypt(bytes.fromhex(held["key"]), role)
                if hkdf(opened[name], label(b"check", 32), 32).hex() != held["check"]:
                    raise ValueError("a key is not the one it should be")


# --- section 7: event ids --------------------------------------------------------------------


def event_id(keys: Keys, stream: bytes, position: int, event: bytes) -> str:
    message = lp(stream, position.to_bytes(8, "big"), event)
    return b64(hmac.digest(keys.tenant_subkey(b"event-id"), message, "sha256")[:16])


def stream_name(first_line: bytes) -> bytes:
    return hashlib.blake2b(first_line, digest_size=32).digest()


# --- sections 11 and 14: names ---------------------------------------------------------------


def profile_id(keys: Keys, text: str) -> str:
    return mac(keys.tenant_subkey(b"profile-id"), text.encode())


def job_version(keys: Keys, text: str) -> str:
    return mac(keys.tenant_subkey(b"job-version"), text.encode())
