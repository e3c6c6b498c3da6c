"""The key ring: a tenant's epochs in one private, authenticated file.

Invariants of an opened ring: the file has exactly one spelling and its MAC under the provider's
key is right, so no state, date or generation in it was altered; every root gives the kid and
the key check value that stand beside it; at most one epoch is active, no two have one kid, and
those that are not destroyed, and no others, have keys. A ring that breaks one of these is damaged
though its MAC is right: no release writes it. Of a reader ring, every key gives the check value
that stands beside it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from keys import labels
from keys.content import (
    AnyRingFile,
    EpochState,
    ReaderFile,
    RingFile,
    damaged,
    is_sound,
    keyspace_role,
    name_role,
    parse_ring,
    spell,
)
from keys.derive import EpochKeys, TenantKey, hkdf, lp
from keys.errors import GrantError, KeyCheckError, RingError, UnknownEpochError
from keys.files import MAX_SIZE, read_private, write_private
from keys.grants import GrantedKeys, GrantedNames, not_granted
from keys.material import KeyHolder, Secret
from keys.providers import open_provider

E = TypeVar("E", bound=EpochState)


class Ring(KeyHolder):
    """An opened ring, or reader ring.

    Attributes:
        epochs: in the order in which they were made, in the states that they had when the ring
            was opened or refreshed.
        granted: of a reader ring the keyspaces that it opens, sorted; else None.
    """

    def __init__(self, path: Path, content: AnyRingFile, wrapping_key: Secret) -> None:
        """Unwrap a verified ring; use `Ring.open`.

        Raises:
            RingError: a wrapped key does not open or is not the one it claims to be.
        """
        self.path = path
        self.tenant = content.tenant
        self.generation = content.generation
        self.provider = content.provider
        self._states = states_at(content.epochs, datetime.now(UTC))
        self.epochs: Sequence[EpochState] = self._states
        self._content = content
        self._wrapping_key = wrapping_key
        self._mark = _mark(path)
        self.granted: list[str] | None = None
        if isinstance(content, ReaderFile):
            self.granted = sorted({name for epoch in content.epochs for name in epoch.keys})
            self.tenant_key, self._keys = _unlock_reader(path, content, wrapping_key)
        else:
            self.tenant_key, self._keys = _unlock(path, content, wrapping_key)

    @classmethod
    def open(cls, path: Path) -> Ring:
        """Read, authenticate and unwrap a ring file.

        Raises:
            RingError: missing, open to other users, torn, altered, or of another version.
            ProviderError: the wrapping key can't be had.
        """
        content, wrapping_key = read_ring(path)
        return cls(path, content, wrapping_key)

    def refreshed(self) -> Ring:
        """The ring as it is now: this one, unless the file changed or an epoch's time has come.

        A look at the file's status when nothing changed. A passphrase is not asked for again.

        Raises:
            RingError: the file is now another tenant's or an older one, or does not open.
            ProviderError: the provider, if it is another one now, gives no wrapping key.
        """
        if _mark(self.path) == self._mark:
            if states_at(self._content.epochs, datetime.now(UTC)) == self._states:
                return self
            return Ring(self.path, self._content, self._wrapping_key)
        content, wrapping_key = read_ring(self.path, (self.provider, self._wrapping_key))
        if content.tenant != self.tenant or content.generation < self.generation:
            raise RingError(
                f"the key ring {self.path} was replaced by one of another tenant or an older one",
                "put the newest copy back: nothing more is encrypted until then",
            )
        return Ring(self.path, content, wrapping_key)

    @property
    def active(self) -> EpochKeys:
        """The keys of the epoch that encrypts.

        Raises:
            RingError: no epoch is active.
            GrantError: it is a reader ring.
        """
        if self.is_reader:
            raise GrantError(
                f"{self.path} is a reader ring, which can't encrypt anything", "use the full ring"
            )
        for epoch in self.epochs:
            if epoch.state == "active":
                return self._keys[epoch.kid]
        raise RingError(
            f"no epoch of the key ring {self.path} is active", "look at them with: zt-keys list"
        )

    def epoch(self, kid: str, kcv: bytes | None = None) -> EpochKeys:
        """The keys of an epoch, checked against the data's key check value if there is one.

        Raises:
            UnknownEpochError: no epoch of the ring has this kid.
            KeyCheckError: it has, but with another key.
        """
        known = next((epoch for epoch in self.epochs if epoch.kid == kid), None)
        if known is None:
            kids = ", ".join(epoch.kid for epoch in self.epochs) or "none"
            raise UnknownEpochError(
                f"the data needs epoch {kid}, which the key ring {self.path} does not hold "
                f"(it holds {kids})",
                "use the ring of the tenant that encrypted it, or a newer copy of this ring",
            )
        keys = self._keys.get(kid)
        own = bytes.fromhex(known.kcv) if keys is None else keys.kcv
        if kcv is not None and not hmac.compare_digest(own, kcv):
            raise KeyCheckError(
                f"the key ring {self.path} has an epoch {kid}, but it is another key than the "
                "one that the data was encrypted with",
                "use the ring of the tenant that encrypted it; nothing was read or written",
            )
        if keys is None:
            raise UnknownEpochError(
                f"epoch {kid} of the key ring {self.path} was destroyed: "
                "what was encrypted with it can't be opened any more",
                "nothing brings it back but a copy of the ring from before",
            )
        return keys

    @property
    def is_reader(self) -> bool:
        """Whether it opens only what it was granted, and encrypts nothing."""
        return self.granted is not None

    def grants(self, keyspace: str) -> bool:
        """Whether it opens a keyspace."""
        return self.granted is None or keyspace in self.granted

    def require(self, keyspace: str) -> None:
        """Stop here if a keyspace can't be opened.

        Raises:
            GrantError: it is a reader ring without it.
        """
        if not self.grants(keyspace):
            raise not_granted(keyspace)

    def is_wrapped_by(self, wrapping_key: Secret) -> bool:
        """Whether that key opens the ring."""
        return self._wrapping_key == wrapping_key

    def has_destroyed(self, kid: str, kcv: bytes) -> bool:
        """Whether that key was the ring's and is destroyed: what it encrypted, nobody opens."""
        return any(
            (epoch.kid, epoch.kcv, epoch.state) == (kid, kcv.hex(), "destroyed")
            for epoch in self.epochs
        )

    def __contains__(self, kid: str) -> bool:
        return kid in self._keys

    def __repr__(self) -> str:
        return f"<Ring of {self.tenant!r}, {len(self.epochs)} epochs>"


def read_ring(path: Path, known: tuple[str, Secret] | None = None) -> tuple[AnyRingFile, Secret]:
    """The authentic content of a ring file, its keys still wrapped, and the wrapping key.

    Args:
        path: of the file.
        known: a provider's URI and its wrapping key, which is taken if the ring has that provider.

    Raises:
        RingError, ProviderError: see `Ring.open`.
    """
    content = parse_ring(path, read_private(path, "key ring"))
    if known is not None and known[0] == content.provider:
        wrapping_key = known[1]
    else:
        wrapping_key = open_provider(content.provider, path.parent).wrapping_key()
    if not hmac.compare_digest(content.mac.encode(), ring_mac(content, wrapping_key).encode()):
        raise RingError(
            f"the key ring {path} was altered, or its provider gives another wrapping key",
            "check that the provider's key belongs to this ring, or restore both from backup",
        )
    if not is_sound(content):
        raise damaged(path)
    return content, wrapping_key


def write_ring(path: Path, content: AnyRingFile, wrapping_key: Secret, *, replace: bool) -> None:
    """Authenticate and write a ring file in one step.

    Raises:
        RingError: it would be too large to be read again, or see `keys.files.write_private`.
    """
    data = spell(msgspec.structs.replace(content, mac=ring_mac(content, wrapping_key)))
    if len(data) > MAX_SIZE:
        raise RingError(
            f"{path} would have {len(data)} bytes, and no ring of more than {MAX_SIZE} is read",
            "grant fewer keyspaces, or destroy epochs that no store needs",
        )
    write_private(path, data, replace=replace)


def states_at(epochs: Sequence[E], now: datetime) -> Sequence[E]:
    """The epochs as they are at a time: of those whose time has come the last one is active.

    A ring that was handed out beforehand so switches everywhere at once, without being written.
    """
    due = [e for e in epochs if e.state == "pre-active" and e.activates and e.activates <= now]
    if not due:
        return epochs
    active = max(due, key=lambda epoch: epoch.activates or now)
    passed = {epoch.kid for epoch in due}
    return [
        msgspec.structs.replace(epoch, state="active", activates=None)
        if epoch is active
        else msgspec.structs.replace(epoch, state="retired", activates=None)
        if epoch.kid in passed or epoch.state == "active"
        else epoch
        for epoch in epochs
    ]


def _mark(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is replaced; None if there is none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def ring_mac(content: AnyRingFile, wrapping_key: Secret) -> str:
    """HMAC-SHA-256 of everything in the ring but the MAC, in hexadecimal."""
    key = hkdf(wrapping_key, lp(labels.RING_MAC), 32)
    message = spell(msgspec.structs.replace(content, mac=""))
    return hmac.digest(key.secret_key_access(), message, hashlib.sha256).hex()


def wrap(wrapping_key: Secret, tenant: str, secret: Secret, *role: bytes) -> str:
    """A key under AES-SIV (RFC 5297), bound to the tenant and its role in the ring."""
    sealed = _wrapper(wrapping_key).encrypt(secret.secret_key_access(), [tenant.encode(), *role])
    return sealed.hex()


def unwrap(wrapping_key: Secret, tenant: str, wrapped: str, *role: bytes) -> Secret:
    """The key that `wrap` wrapped.

    Raises:
        RingError: it was altered or wrapped under another key.
    """
    try:
        wrapper = _wrapper(wrapping_key)
        return Secret(wrapper.decrypt(bytes.fromhex(wrapped), [tenant.encode(), *role]))
    except (InvalidTag, ValueError):
        raise RingError(
            "a key in the ring does not open under the provider's wrapping key",
            "restore the ring from its backup",
        ) from None


def _unlock(
    path: Path, content: RingFile, wrapping_key: Secret
) -> tuple[TenantKey, Mapping[str, EpochKeys]]:
    """The keys of a ring: the tenant's id key and everything of each epoch."""
    names = TenantKey(unwrap(wrapping_key, content.tenant, content.id_key, b"id"))
    unlocked: dict[str, EpochKeys] = {}
    for epoch in content.epochs:
        if epoch.root is None:
            continue
        keys = EpochKeys(unwrap(wrapping_key, content.tenant, epoch.root, b"root"))
        if keys.kid.hex() != epoch.kid or keys.kcv.hex() != epoch.kcv:
            raise damaged(path)
        unlocked[epoch.kid] = keys
    return names, unlocked


def _unlock_reader(
    path: Path, content: ReaderFile, wrapping_key: Secret
) -> tuple[TenantKey, Mapping[str, EpochKeys]]:
    """The keys of a reader ring: what it was granted."""

    def opened(wrapped: str, role: tuple[bytes, ...]) -> Secret:
        return unwrap(wrapping_key, content.tenant, wrapped, *role)

    names = {name.encode(): opened(held, name_role(name)) for name, held in content.names.items()}
    unlocked: dict[str, EpochKeys] = {}
    for epoch in content.epochs:
        if not epoch.keys:
            continue
        keys = GrantedKeys(
            bytes.fromhex(epoch.kid),
            bytes.fromhex(epoch.kcv),
            {n: opened(held.key, keyspace_role(epoch.kid, n)) for n, held in epoch.keys.items()},
        )
        if any(keys.keyspace(n).check.hex() != held.check for n, held in epoch.keys.items()):
            raise damaged(path)
        unlocked[epoch.kid] = keys
    return GrantedNames(names), unlocked


def _wrapper(wrapping_key: Secret) -> AESSIV:
    return AESSIV(hkdf(wrapping_key, lp(labels.RING_WRAP), 64).secret_key_access())
