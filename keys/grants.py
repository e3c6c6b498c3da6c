"""The keys of a reader ring: those that were granted, and a clear refusal for the others."""

from __future__ import annotations

from collections.abc import Mapping

from keys import labels
from keys.derive import EpochKeys, KeyspaceKey, TenantKey
from keys.errors import GrantError
from keys.material import Secret


class GrantedKeys(EpochKeys):
    """Some keyspace keys of one epoch. The others can't be had from them, nor can the root."""

    def __init__(self, kid: bytes, kcv: bytes, keyspaces: Mapping[str, Secret]) -> None:
        self.kid = kid
        self.kcv = kcv
        self._keyspaces = {name: KeyspaceKey(kid, name, key) for name, key in keyspaces.items()}

    def grants(self, keyspace: str) -> bool:
        """Whether the keys of a keyspace are among them."""
        return keyspace in self._keyspaces

    def keyspace(self, name: str) -> KeyspaceKey:
        """The key of a granted keyspace.

        Raises:
            GrantError: it was not granted.
        """
        if (key := self._keyspaces.get(name)) is None:
            raise not_granted(name)
        return key


class GrantedNames(TenantKey):
    """The tenant's subkeys that a reader needs: those that name profiles and jobs."""

    def __init__(self, subkeys: Mapping[bytes, Secret]) -> None:
        self._subkeys = dict(subkeys)

    def subkey(self, purpose: bytes) -> Secret:
        """The key for naming one kind of thing.

        Raises:
            GrantError: a reader names none of that kind.
        """
        if (key := self._subkeys.get(purpose)) is None:
            raise GrantError(
                "a reader ring makes no events", "use the full ring, where events are encrypted"
            )
        return key


def not_granted(keyspace: str) -> GrantError:
    """The refusal of a keyspace, in words that say what it is for."""
    match keyspace:
        case labels.SEAL_KEYSPACE:
            return GrantError(
                "the reader ring can't verify events: it was made without --grant-seal",
                "ask for counts instead, as zt top does, or for a ring with that grant",
            )
        case labels.EVENT_KEYSPACE:
            return GrantError(
                "the reader ring opens no hidden fields: it was made without --grant-event",
                "use the full ring, or ask for one with that grant",
            )
    return GrantError(
        f"the reader ring does not open the keyspace {keyspace}",
        "ask for fields of the keyspaces that zt-keys list names, or use the full ring",
    )
