"""The key custodian: key rings, epochs, key derivation and key checks, as a library.

A ring holds one tenant's epochs. Each epoch has an independent random root, from which every
key is derived (`keys.derive`); a provider (`keys.providers`) wraps the roots, so that the ring
file alone opens nothing. This package imports neither side of the trust boundary.
"""

from keys.content import EpochState
from keys.derive import EpochKeys, KeyspaceKey, TenantKey
from keys.errors import (
    GrantError,
    KeyCheckError,
    KeysError,
    ProviderError,
    RingError,
    UnknownEpochError,
    WrongKeyError,
)
from keys.grants import not_granted
from keys.lifecycle import (
    backup_of,
    change_provider,
    destroy_epoch,
    init_ring,
    recover_ring,
    rotate_ring,
)
from keys.material import Secret
from keys.reader import make_reader_ring
from keys.ring import Ring

__all__ = [
    "EpochKeys",
    "EpochState",
    "GrantError",
    "KeyCheckError",
    "KeysError",
    "KeyspaceKey",
    "ProviderError",
    "Ring",
    "RingError",
    "Secret",
    "TenantKey",
    "UnknownEpochError",
    "WrongKeyError",
    "backup_of",
    "change_provider",
    "destroy_epoch",
    "init_ring",
    "make_reader_ring",
    "not_granted",
    "recover_ring",
    "rotate_ring",
]
