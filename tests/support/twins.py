"""Rings whose epochs coincide in their kid, which takes 2^32 tries or a hand in the program."""

from __future__ import annotations

from pathlib import Path

import msgspec

from keys import EpochKeys, Ring, Secret, init_ring


def twin_of(ring: Ring, path: Path) -> Ring:
    """A ring whose active epoch has the kid of another ring's, and another key."""
    twin = init_ring(path, ring.tenant, "file:twin.key")
    keys = EpochKeys(Secret(b"another root, of thirty-two byte"))
    keys.kid = ring.active.kid  # what 2^32 tries or an attacker would bring about
    kid = keys.kid.hex()
    twin.epochs = [msgspec.structs.replace(twin.epochs[0], kid=kid, kcv=keys.kcv.hex())]
    twin._keys = {kid: keys}
    assert twin.active.kid == ring.active.kid
    assert twin.active.kcv != ring.active.kcv
    return twin
