"""The model of a profile. What no rule names is opaque: fail closed.

A profile's id is a keyed hash of its normalised text, so events name the profile they were
encrypted with without telling the cloud what it says. Normalised text leaves defaults out: an
option that a later release adds doesn't rename the profiles that don't use it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from analytics.wire import Kind, encode_bytes
from keys import TenantKey, labels
from zt.schemes.search import SearchKind

SchemeName = Literal["clear", "det", "drop", "opaque"]
FieldPath = Annotated[str, StringConstraints(min_length=1, max_length=256)]


class FieldRule(BaseModel):
    """How one field is protected.

    `keyspace` defaults to the field's own path; fields that must join share one. `kind` tells
    the store how to compare a clear field; protected ones are always keywords.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: SchemeName
    keyspace: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    search: tuple[SearchKind, ...] = ()
    kind: Kind = "keyword"

    @model_validator(mode="after")
    def _options_fit_scheme(self) -> FieldRule:
        if self.scheme != "det" and (self.keyspace is not None or self.search):
            raise ValueError(f"scheme {self.scheme} takes neither keyspace nor search")
        if self.scheme != "clear" and self.kind != "keyword":
            raise ValueError(f"scheme {self.scheme} takes no kind")
        if self.keyspace is not None and self.keyspace.startswith(labels.RESERVED_PREFIX):
            raise ValueError(f"keyspaces starting with {labels.RESERVED_PREFIX} are reserved")
        if len(set(self.search)) != len(self.search):
            raise ValueError("a kind of search token stands twice")
        return self


class Profile(BaseModel):
    """A profile: its rules by dotted field path, and the path of the event's time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    description: str = ""
    time: FieldPath | None = None
    fields: Annotated[dict[FieldPath, FieldRule], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        searches: dict[str, tuple[SearchKind, ...]] = {}
        for path, rule in self.fields.items():
            if path == "zt" or path.startswith("zt."):
                raise _wrong("the key `zt` is reserved", "fields", path)
            if rule.scheme != "det":
                continue
            keyspace = rule.keyspace or path
            if searches.setdefault(keyspace, rule.search) != rule.search:
                reason = f"the fields of keyspace {keyspace} differ in their search"
                raise _wrong(reason, "fields", path)
        if self.time is not None:
            timed = self.fields.get(self.time)
            if timed is None or timed.scheme != "clear" or timed.kind != "time":
                raise _wrong(f"the field {self.time} must be clear and of kind time", "time")
        return self

    def normalised(self) -> bytes:
        """The one text of the profile: sorted compact JSON without defaults."""
        return msgspec.json.encode(self.model_dump(exclude_defaults=True), order="sorted")

    @classmethod
    def from_normalised(cls, text: bytes) -> Profile:
        """The profile that `normalised` wrote."""
        return cls.model_validate_json(text)

    def id(self, tenant_key: TenantKey) -> str:
        """BLAKE2b-128 of the normalised text, keyed for the tenant."""
        key = tenant_key.subkey(labels.PROFILE_ID).secret_key_access()
        digest = hashlib.blake2b(self.normalised(), digest_size=16, key=key)
        return encode_bytes(digest.digest())


def _wrong(reason: str, *place: str) -> ValidationError:
    """An error at a place in the profile, so that a reader of YAML can name the line."""
    kind = PydanticCustomError("profile", "{reason}", {"reason": reason})
    detail = InitErrorDetails(type=kind, loc=place, input=None)
    return ValidationError.from_exception_data("Profile", [detail])
