"""The three kinds of line on the wire: batch headers, value records and events.

A stream is NDJSON and may be cut and concatenated at any line: a header precedes in its batch
what uses it, and value records and events name the epoch (`kid`) and `profile` they belong to
instead of relying on their position. Nothing here is secret; what is keyed (tags, seals,
ciphertexts) the cloud can neither make nor check.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

WIRE_VERSION: Final = 1
"""The version of the format; a stream of another version is refused, never guessed at."""

MAX_COLUMNS = 256
"""Columns that a store keeps for each tenant; what is visible beyond them stays in the line."""

MAX_DET_BYTES = 8192
"""A longer value is opaque: its envelope would not fit the term limits of search engines."""

MAX_TOKENS = 65_536
"""Tokens in one value record; a value of 8 KiB has some 8,000 grams."""

Kid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}$")]
"""An epoch's key id: 4 bytes in hexadecimal."""

Bytes16 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{21}[AQgw]$")]
"""16 bytes in base64url without padding, in their one spelling."""

Bytes32 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$")]
"""32 bytes in base64url without padding, in their one spelling."""

Envelope = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", min_length=30)]
"""A det envelope or opaque blob: header and SIV are 22 bytes, so 30 characters at least."""

Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Path = Annotated[str, StringConstraints(max_length=1024)]
Keyspace = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Token = Annotated[int, Field(ge=0, lt=2**32)]

Kind = Literal["keyword", "ip", "number", "time", "text"]
"""How a store may index a column beside its text: addresses and numbers compare by value."""


class WireModel(BaseModel):
    """Base of every model on the wire: immutable, strict types, no unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    @classmethod
    def trusted(cls, values: dict[str, Any]) -> Self:
        """The model of values that were validated before, every field's, which it takes over.

        As `model_construct`, which spends ten times as long on names and defaults.
        """
        model = cls.__new__(cls)
        object.__setattr__(model, "__dict__", values)
        object.__setattr__(model, "__pydantic_fields_set__", set(values))
        object.__setattr__(model, "__pydantic_extra__", None)
        object.__setattr__(model, "__pydantic_private__", None)
        return model


class Column(WireModel):
    """One visible path of a batch.

    `keyspace` and `search` are absent for clear fields (coarsened ones have a keyspace, for what
    does not round), `search` also for fields without search
    tokens; together with a kid they name the value dictionary of the column.
    """

    path: Path
    kind: Kind
    keyspace: Keyspace | None = None
    search: Bytes16 | None = None


class BatchHeader(WireModel):
    """The first line of a batch: who encrypted it, with which keys and which profile.

    `kcv` is the key check value that decides whether a ring holds this epoch, `generation` that
    of the ring that wrote the batch, `profile` the keyed name of the profile whose whole text
    only the customer can open in `edge`, `time` the path of the event's time where the profile
    names one. `columns` is what the cloud needs to know; `tag` covers all of it.
    """

    kind: Literal["batch"] = "batch"
    version: Literal[1] = WIRE_VERSION
    tenant: Tenant
    kid: Kid
    kcv: Bytes32
    generation: Annotated[int, Field(ge=1, lt=2**53)]
    profile: Bytes16
    edge: Envelope
    time: Path | None = None
    columns: tuple[Column, ...]
    tag: Bytes16


class ValueRecord(WireModel):
    """One entry of the value dictionary: a distinct ciphertext with its blind tokens.

    All but `tokens` and `tag` is its key. Tokens are sorted and distinct.
    """

    kind: Literal["value"] = "value"
    keyspace: Keyspace
    kid: Kid
    scheme: str
    search: Bytes16 | None = None
    ct: str
    tokens: Annotated[tuple[Token, ...], Field(max_length=MAX_TOKENS)] = ()
    tag: Bytes16

    @field_validator("tokens")
    @classmethod
    def _sorted_and_distinct(cls, tokens: tuple[int, ...]) -> tuple[int, ...]:
        if list(tokens) != sorted(set(tokens)):
            raise ValueError("tokens must be sorted and distinct")
        return tokens


class EventMeta(WireModel):
    """The key `zt` of an encrypted event.

    `id` makes ingest idempotent, `opaque` is everything the cloud can't use, `seal` binds all
    leaves of the event to each other.
    """

    id: Bytes16
    kid: Kid
    profile: Bytes16
    opaque: Envelope
    seal: Bytes16
