"""Key derivation: from a root to keyspace keys to subkeys, all by HKDF-SHA-512 (RFC 5869).

    keyspace key = HKDF(root, LP("keyspace") LP(keyspace))              32 bytes
    subkey       = HKDF(keyspace key, LP(purpose) LP(params) LP(length))

The salt is always `zt/v1`. LP(x) is the 4-byte big-endian length of x, then x, so no two lists
of parts have one encoding. The length is part of the info because HKDF's outputs of different
lengths are prefixes of each other.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys import labels
from keys.material import KeyHolder, Secret

ROOT_SIZE = 32  # bytes
KID_SIZE = 4  # bytes
KCV_SIZE = 32  # bytes
KEYSPACE_KEY_SIZE = 32  # bytes


def lp(*parts: bytes) -> bytes:
    """Each part behind its length as 4 big-endian bytes, joined: an injective encoding."""
    return b"".join([len(part).to_bytes(4, "big") + part for part in parts])


def uint32(number: int) -> bytes:
    """An integer as labels and seals hold it: 4 bytes, big-endian."""
    return number.to_bytes(4, "big")


def hkdf(secret: Secret, info: bytes, length: int) -> Secret:
    """HKDF-SHA-512 with this product's salt; `length` in bytes."""
    kdf = HKDF(algorithm=SHA512(), length=length, salt=labels.SALT, info=info)
    return Secret(kdf.derive(secret.secret_key_access()))


class KeyspaceKey(KeyHolder):
    """The key of one keyspace in one epoch, from which the subkeys for each purpose come."""

    def __init__(self, kid: bytes, keyspace: str, key: Secret) -> None:
        self.kid = kid
        self.keyspace = keyspace
        self._key = key

    def subkey(self, purpose: bytes, length: int, params: bytes = b"") -> Secret:
        """The key for one purpose; `params` holds what changes the meaning of its outputs."""
        return hkdf(self._key, lp(purpose, params, uint32(length)), length)

    @property
    def check(self) -> bytes:
        """The 32-byte check value: public, and different for every other key."""
        return self.subkey(labels.CHECK, KCV_SIZE).secret_key_access()

    @property
    def secret(self) -> Secret:
        """The key itself, to be wrapped into a reader ring."""
        return self._key

    def __repr__(self) -> str:
        return f"<KeyspaceKey {self.keyspace!r} of epoch {self.kid.hex()}>"


class EpochKeys(KeyHolder):
    """All keys of one epoch, derived from its root when they are first needed.

    Attributes:
        kid: the 4-byte name of the epoch. It routes; it proves nothing.
        kcv: the 32-byte key check value: public, and different for every other root.
    """

    def __init__(self, root: Secret) -> None:
        if len(root) != ROOT_SIZE:
            raise ValueError(f"a root has {ROOT_SIZE} bytes")
        self._root = root
        self._keyspaces: dict[str, KeyspaceKey] = {}
        self.kid = hkdf(root, lp(labels.KID), 32).secret_key_access()[:KID_SIZE]
        self.kcv = hkdf(root, lp(labels.KCV), KCV_SIZE).secret_key_access()

    def grants(self, keyspace: str) -> bool:
        """Whether these keys open a keyspace; those of a reader ring open some only."""
        del keyspace  # a root opens all
        return True

    def keyspace(self, name: str) -> KeyspaceKey:
        """The key of a keyspace; any string names one."""
        if (key := self._keyspaces.get(name)) is None:
            info = lp(labels.KEYSPACE, name.encode())
            key = KeyspaceKey(self.kid, name, hkdf(self._root, info, KEYSPACE_KEY_SIZE))
            self._keyspaces[name] = key
        return key

    def __repr__(self) -> str:
        return f"<EpochKeys {self.kid.hex()}>"


class TenantKey(KeyHolder):
    """The tenant's id key, which does not rotate: it names things, it encrypts nothing."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def subkey(self, purpose: bytes) -> Secret:
        """The 32-byte key for naming one kind of thing (events, profiles, job versions)."""
        return hkdf(self._key, lp(purpose), 32)

    def __repr__(self) -> str:
        return "<TenantKey>"
