"""Making reader rings: rings that open some keyspaces of a tenant and no others.

Security: a reader ring holds keyspace keys instead of roots, so nothing else can be derived from
it, and no id key, so it can't name events. `zt:profile` is always in it. `zt:seal` verifies events
but can forge them too, and `zt:event` opens what every event hides; both are in it only if they
were granted by name.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from keys import labels
from keys.content import (
    READER_VERSION,
    GrantedKey,
    ReaderEpoch,
    ReaderFile,
    keyspace_role,
    name_role,
)
from keys.errors import GrantError, ProviderError, RingError
from keys.files import exclusive
from keys.material import Secret
from keys.providers import open_provider
from keys.ring import Ring, wrap, write_ring

_NAMES = (labels.PROFILE_ID, labels.JOB_VERSION)


def make_reader_ring(
    ring: Ring,
    path: Path,
    provider: str,
    keyspaces: Collection[str],
    *,
    seal: bool = False,
    event: bool = False,
) -> Ring:
    """Write a reader ring for all epochs that the ring holds keys of, and open it.

    Args:
        ring: a full ring.
        path: of the new file.
        provider: of the reader ring, see `keys.providers`. It must give another wrapping key than
            the ring's own, which would open the ring too; of passphrases that can't be seen here.
        keyspaces: that it opens, none of them reserved.
        seal: whether it verifies events; it can then make events that verify, too.
        event: whether it opens hidden fields.

    Raises:
        GrantError: the ring is a reader ring itself.
        RingError: a keyspace is reserved, there is a file already, or it can't be written.
        ProviderError: the provider gives no wrapping key, or the ring's own.
    """
    if ring.is_reader:
        raise GrantError(
            f"{ring.path} is a reader ring itself", "make reader rings from the full ring"
        )
    for keyspace in keyspaces:
        if keyspace.startswith(labels.RESERVED_PREFIX):
            raise RingError(
                f"the keyspace {keyspace} is reserved", "see --grant-seal and --grant-event"
            )
    if path.exists():
        raise RingError(f"{path} is there already", "choose another path, or move it away")
    granted = {labels.PROFILE_KEYSPACE, *keyspaces}
    granted |= {labels.SEAL_KEYSPACE} if seal else set()
    granted |= {labels.EVENT_KEYSPACE} if event else set()
    with exclusive(path):
        source = open_provider(provider, path.parent)
        wrapping_key = source.create()
        if ring.is_wrapped_by(wrapping_key):
            raise ProviderError(
                "the provider of the reader ring gives the key that opens the full ring",
                "give it one of its own: who holds a reader ring must not open the full one",
            )
        content = _content(ring, source.uri, wrapping_key, sorted(granted))
        write_ring(path, content, wrapping_key, replace=False)
    return Ring(path, content, wrapping_key)


def _content(ring: Ring, provider: str, wrapping_key: Secret, keyspaces: list[str]) -> ReaderFile:
    epochs = []
    for epoch in ring.epochs:
        held: dict[str, GrantedKey] = {}
        for name in keyspaces if epoch.kid in ring else ():
            key = ring.epoch(epoch.kid).keyspace(name)
            wrapped = wrap(wrapping_key, ring.tenant, key.secret, *keyspace_role(epoch.kid, name))
            held[name] = GrantedKey(wrapped, key.check.hex())
        epochs.append(
            ReaderEpoch(
                kid=epoch.kid,
                kcv=epoch.kcv,
                state=epoch.state,
                created=epoch.created,
                activates=epoch.activates,
                keys=held,
            )
        )
    names = {
        name.decode(): wrap(
            wrapping_key, ring.tenant, ring.tenant_key.subkey(name), *name_role(name.decode())
        )
        for name in _NAMES
    }
    return ReaderFile(
        reader=READER_VERSION,
        tenant=ring.tenant,
        generation=ring.generation,
        provider=provider,
        names=names,
        epochs=epochs,
    )
