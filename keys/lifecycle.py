"""What happens to a ring in its life: made, rotated, epochs destroyed, its provider changed.

Every change holds the ring's lock, raises the generation, keeps the ring as it was in `RING.bak`,
and writes the new one in one step. Where keys must not survive in a backup (a destroyed epoch, a
provider that was given up), the backup is overwritten with the new ring too.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from keys.content import RING_VERSION, AnyRingFile, Epoch, ReaderFile, RingFile
from keys.derive import ROOT_SIZE, EpochKeys
from keys.errors import GrantError, RingError, UnknownEpochError
from keys.files import exclusive, read_private, write_private
from keys.material import Secret
from keys.providers import open_provider
from keys.ring import Ring, read_ring, states_at, unwrap, wrap, write_ring

_TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


def backup_of(path: Path) -> Path:
    """Where the ring before the last change is kept."""
    return path.with_name(path.name + ".bak")


def init_ring(path: Path, tenant: str, provider: str) -> Ring:
    """Make a ring with one active epoch, and open it.

    Raises:
        RingError: there is a file already, the tenant's name is none, or it can't be written.
        ProviderError: the provider gives no wrapping key.
    """
    if not _TENANT.fullmatch(tenant):
        raise RingError(
            f"{tenant!r} is no name for a tenant",
            "use up to 63 lower-case letters, digits, dots, hyphens and underscores",
        )
    if path.exists():
        raise RingError(f"{path} is there already", "choose another path, or move it away")
    with exclusive(path):
        source = open_provider(provider, path.parent)
        wrapping_key = source.create()
        content = RingFile(
            ring=RING_VERSION,
            tenant=tenant,
            generation=1,
            provider=source.uri,
            id_key=wrap(wrapping_key, tenant, Secret(secrets.token_bytes(ROOT_SIZE)), b"id"),
            epochs=[_new_epoch(wrapping_key, tenant, (), None)],
        )
        write_ring(path, content, wrapping_key, replace=False)
    return Ring(path, content, wrapping_key)  # a passphrase is not asked for again


def rotate_ring(path: Path, at: datetime | None = None) -> Ring:
    """Add an epoch that encrypts from now on, or from a time on; older ones decrypt and search.

    With a time the new epoch is pre-active until then: a ring that is handed out before switches
    everywhere at once.

    Raises:
        RingError: see `Ring.open`; another process is changing the ring; the time has passed, or
            another epoch waits for its own already.
        ProviderError: the provider gives no wrapping key.
    """
    if at is not None:
        at = at.astimezone(UTC).replace(microsecond=0)
        if at <= datetime.now(UTC):
            raise RingError("the time of the rotation has passed", "give a later one, or none")
    with exclusive(path):
        content, wrapping_key = _read(path)
        if any(epoch.state == "pre-active" for epoch in content.epochs):
            raise RingError(
                "an epoch of the ring waits for its activation already",
                "look at it with: zt-keys list",
            )
        taken = [epoch.kid for epoch in content.epochs]
        new = _new_epoch(wrapping_key, content.tenant, taken, at)
        epochs = content.epochs
        if at is None:
            epochs = [
                msgspec.structs.replace(epoch, state="retired")
                if epoch.state == "active"
                else epoch
                for epoch in epochs
            ]
        changed = msgspec.structs.replace(content, epochs=[*epochs, new])
        return _write(path, changed, wrapping_key)


def destroy_epoch(path: Path, kid: str, opened: Callable[[Ring], None] = lambda ring: None) -> Ring:
    """Shred an epoch: its root leaves the ring and the ring's backup; nothing opens its data.

    Copies of the ring elsewhere hold it still. Whether data would be lost the caller finds out,
    at the latest in `opened`: it is called with the ring as it is before, and what it raises
    leaves everything as it was.

    Raises:
        UnknownEpochError: the ring has no such epoch.
        RingError: it is the active one, or see `rotate_ring`.
    """
    with exclusive(path):
        content, wrapping_key = _read(path)
        found = next((epoch for epoch in content.epochs if epoch.kid == kid), None)
        if found is None:
            raise UnknownEpochError(
                f"the key ring {path} has no epoch {kid}", "list them with: zt-keys list"
            )
        if found.state == "active":
            raise RingError(
                f"epoch {kid} is the active one, which encrypts", "rotate first: zt-keys rotate"
            )
        opened(Ring(path, content, wrapping_key))
        epochs = [
            msgspec.structs.replace(epoch, state="destroyed", activates=None, root=None)
            if epoch.kid == kid
            else epoch
            for epoch in content.epochs
        ]
        changed = msgspec.structs.replace(content, epochs=epochs)
        return _write(path, changed, wrapping_key, forget=True)


def change_provider(path: Path, provider: str, opened: Callable[[], None] = lambda: None) -> Ring:
    """Wrap the ring's keys under another provider's key, or a new passphrase.

    `opened` is called when the old provider has done its work, before the new one is asked.

    Raises:
        RingError, ProviderError: see `init_ring` and `Ring.open`.
    """
    with exclusive(path):
        content, old_key = read_ring(path)
        opened()
        source = open_provider(provider, path.parent)
        new_key = source.create()

        def rewrap(wrapped: str, *role: bytes) -> str:
            secret = unwrap(old_key, content.tenant, wrapped, *role)
            return wrap(new_key, content.tenant, secret, *role)

        changed = msgspec.structs.replace(content.rewrapped(rewrap), provider=source.uri)
        return _write(path, changed, new_key, forget=True)


def recover_ring(path: Path) -> Ring:
    """Put the backup in the place of a ring that is missing, torn or altered.

    Raises:
        RingError: the ring is whole, or the backup is not.
        ProviderError: the provider gives no wrapping key.
    """
    with exclusive(path):
        try:
            read_ring(path)
        except RingError:
            pass
        else:
            raise RingError(f"the key ring {path} is whole", "there is nothing to recover")
        content, wrapping_key = read_ring(backup_of(path))
        write_private(path, read_private(backup_of(path), "key ring"), replace=True)
        return Ring(path, content, wrapping_key)


def _read(path: Path) -> tuple[RingFile, Secret]:
    """A full ring's content with the states of now."""
    content, wrapping_key = read_ring(path)
    if isinstance(content, ReaderFile):
        raise GrantError(
            f"{path} is a reader ring: its epochs are those of the full ring",
            "change the full ring, and make the reader ring anew: zt-keys reader",
        )
    epochs = list(states_at(content.epochs, datetime.now(UTC)))
    return msgspec.structs.replace(content, epochs=epochs), wrapping_key


def _write(path: Path, content: AnyRingFile, wrapping_key: Secret, *, forget: bool = False) -> Ring:
    """The changed ring, one generation on; with `forget` no older one is left in the backup.

    A reader ring keeps the generation of the ring that it was made of, so that one which is made
    later is never taken for an older one.
    """
    generation = content.generation + isinstance(content, RingFile)
    changed = msgspec.structs.replace(content, generation=generation)
    write_private(backup_of(path), read_private(path, "key ring"), replace=True)
    write_ring(path, changed, wrapping_key, replace=True)
    if forget:
        write_ring(backup_of(path), changed, wrapping_key, replace=True)
    return Ring(path, changed, wrapping_key)


def _new_epoch(
    wrapping_key: Secret, tenant: str, taken: Iterable[str], activates: datetime | None
) -> Epoch:
    """A new epoch with a kid of its own: four bytes collide by chance once in a while."""
    while True:
        root = Secret(secrets.token_bytes(ROOT_SIZE))
        keys = EpochKeys(root)
        if keys.kid.hex() not in taken:
            break
    return Epoch(
        kid=keys.kid.hex(),
        kcv=keys.kcv.hex(),
        state="active" if activates is None else "pre-active",
        created=datetime.now(UTC).replace(microsecond=0),
        activates=activates,
        root=wrap(wrapping_key, tenant, root, b"root"),
    )
