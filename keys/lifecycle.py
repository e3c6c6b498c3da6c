"""What happens to a ring in its life: it is made, and its keys rotate."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from keys.derive import ROOT_SIZE, EpochKeys
from keys.errors import RingError
from keys.files import exclusive
from keys.material import Secret
from keys.providers import open_provider
from keys.ring import RING_VERSION, Epoch, Ring, RingFile, read_ring, wrap, write_ring

_TENANT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)


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
        wrapping_key = open_provider(provider, path.parent).create()
        content = RingFile(
            ring=RING_VERSION,
            tenant=tenant,
            generation=1,
            provider=provider,
            id_key=wrap(wrapping_key, tenant, b"id", Secret(secrets.token_bytes(ROOT_SIZE))),
            epochs=[_new_epoch(wrapping_key, tenant)],
        )
        write_ring(path, content, wrapping_key, replace=False)
    return Ring.open(path)


def rotate_ring(path: Path) -> Ring:
    """Add an epoch that encrypts from now on; the one before it decrypts and searches on.

    Raises:
        RingError: see `Ring.open`; or another process is changing the ring.
        ProviderError: the provider gives no wrapping key.
    """
    with exclusive(path):
        content, wrapping_key = read_ring(path)
        taken = {epoch.kid for epoch in content.epochs}
        new = _new_epoch(wrapping_key, content.tenant)
        while new.kid in taken:  # four bytes collide by chance once in a while
            new = _new_epoch(wrapping_key, content.tenant)
        retired = [
            msgspec.structs.replace(epoch, state="retired") if epoch.state == "active" else epoch
            for epoch in content.epochs
        ]
        changed = msgspec.structs.replace(
            content, generation=content.generation + 1, epochs=[*retired, new]
        )
        write_ring(path, changed, wrapping_key, replace=True)
    return Ring.open(path)


def _new_epoch(wrapping_key: Secret, tenant: str) -> Epoch:
    root = Secret(secrets.token_bytes(ROOT_SIZE))
    keys = EpochKeys(root)
    return Epoch(
        kid=keys.kid.hex(),
        kcv=keys.kcv.hex(),
        state="active",
        created=datetime.now(UTC).replace(microsecond=0),
        root=wrap(wrapping_key, tenant, b"root", root),
    )
