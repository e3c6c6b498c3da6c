"""What ring files hold, and their one spelling.

A ring holds the roots of a tenant's epochs, a reader ring some keyspace keys of each instead.
Byte strings are in hexadecimal; keys are wrapped, see `keys.ring.wrap`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from keys.errors import RingError

RING_VERSION = 1
READER_VERSION = 1

MAX_GENERATION = 2**53
"""No generation gets there: batch headers carry it as a number that every JSON reader keeps."""

State = Literal["pre-active", "active", "retired", "destroyed"]

Rewrap = Callable[..., str]
"""`rewrap(wrapped, *role)`: a wrapped key of that role under another wrapping key."""


class EpochState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every ring says of an epoch.

    `activates` is when a pre-active epoch becomes the active one, None for the others.
    """

    kid: str
    kcv: str
    state: State
    created: datetime
    activates: datetime | None


class Epoch(EpochState, frozen=True, forbid_unknown_fields=True):
    """One epoch of a ring; without root once it is destroyed."""

    root: str | None

    @property
    def has_keys(self) -> bool:
        """Whether anything of the epoch can be opened."""
        return self.root is not None


class GrantedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A keyspace key, wrapped, and its check value."""

    key: str
    check: str


class ReaderEpoch(EpochState, frozen=True, forbid_unknown_fields=True):
    """One epoch of a reader ring; without keys once it is destroyed."""

    keys: dict[str, GrantedKey]

    @property
    def has_keys(self) -> bool:
        """Whether anything of the epoch can be opened."""
        return bool(self.keys)


class RingFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"ring": "zt-ring"}):
    """The content of a ring file; `mac` covers all the rest."""

    ring: int
    tenant: str
    generation: int
    provider: str
    id_key: str
    epochs: list[Epoch]
    mac: str = ""

    def rewrapped(self, rewrap: Rewrap) -> RingFile:
        """The same keys under another wrapping key."""
        epochs = [
            epoch
            if epoch.root is None
            else msgspec.structs.replace(epoch, root=rewrap(epoch.root, b"root"))
            for epoch in self.epochs
        ]
        id_key = rewrap(self.id_key, b"id")
        return msgspec.structs.replace(self, id_key=id_key, epochs=epochs)


class ReaderFile(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"reader": "zt-reader"}
):
    """The content of a reader ring's file; `mac` covers all the rest.

    `names` holds the tenant's subkeys that name profiles and jobs, by purpose.
    """

    reader: int
    tenant: str
    generation: int
    provider: str
    names: dict[str, str]
    epochs: list[ReaderEpoch]
    mac: str = ""

    def rewrapped(self, rewrap: Rewrap) -> ReaderFile:
        """The same keys under another wrapping key."""
        epochs = [
            msgspec.structs.replace(
                epoch,
                keys={
                    name: GrantedKey(rewrap(held.key, *keyspace_role(epoch.kid, name)), held.check)
                    for name, held in epoch.keys.items()
                },
            )
            for epoch in self.epochs
        ]
        names = {name: rewrap(held, *name_role(name)) for name, held in self.names.items()}
        return msgspec.structs.replace(self, names=names, epochs=epochs)


AnyRingFile = RingFile | ReaderFile


def keyspace_role(kid: str, keyspace: str) -> tuple[bytes, bytes, bytes]:
    """What a wrapped keyspace key is bound to."""
    return b"keyspace", bytes.fromhex(kid), keyspace.encode()


def name_role(purpose: str) -> tuple[bytes, bytes]:
    """What a wrapped subkey that names things is bound to."""
    return b"name", purpose.encode()


def spell(content: AnyRingFile) -> bytes:
    """The one spelling of a ring file."""
    return json.dumps(msgspec.to_builtins(content), indent=2).encode() + b"\n"


def parse_ring(path: Path, raw: bytes) -> AnyRingFile:
    """The content of a ring file, not yet authenticated.

    Raises:
        RingError: torn, spelled in another way, or of another version.
    """
    content: AnyRingFile
    try:
        shape = msgspec.json.decode(raw)
        if isinstance(shape, dict) and "zt-reader" in shape:
            content = msgspec.json.decode(raw, type=ReaderFile)
            version, known = content.reader, READER_VERSION
        else:
            content = msgspec.json.decode(raw, type=RingFile)
            version, known = content.ring, RING_VERSION
        right = spell(content)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise damaged(path) from None
    if version != known:
        raise RingError(
            f"the key ring {path} has version {version}, this program reads {known}",
            "use the release of zt-analytics that wrote it, or a newer one",
        )
    if right != raw:
        raise damaged(path)
    return content


def is_sound(content: AnyRingFile) -> bool:
    """Whether the epochs are such as a release may have written."""
    epochs: Sequence[Epoch | ReaderEpoch] = content.epochs
    return (
        0 < content.generation < MAX_GENERATION
        and len({epoch.kid for epoch in epochs}) == len(epochs)
        and sum(epoch.state == "active" for epoch in epochs) <= 1
        and all(
            epoch.has_keys == (epoch.state != "destroyed")
            and (epoch.activates is not None) == (epoch.state == "pre-active")
            # one without a zone could not be compared with the time that it is
            and (epoch.activates is None or epoch.activates.tzinfo is not None)
            for epoch in epochs
        )
    )


def damaged(path: Path) -> RingError:
    """A ring file that is not as this product writes them."""
    return RingError(f"the key ring {path} is damaged", "restore it from its backup")
