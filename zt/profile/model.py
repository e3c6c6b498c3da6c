"""The model of a profile. What no rule names is opaque: fail closed.

A profile's id is a keyed hash of its normalised text, so events name the profile they were
encrypted with without telling the cloud what it says. Normalised text leaves defaults out: an
option that a later release adds doesn't rename the profiles that don't use it. It leaves the
description out too: rewording it must not part old events from new ones.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

import msgspec
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from analytics.wire import Kind, encode_bytes
from keys import TenantKey, labels
from zt.profile.aliases import Aliased, wrong_alias
from zt.profile.patterns import Patterns, ambiguous, is_pattern
from zt.schemes.base import SchemeName
from zt.schemes.drop import prefixes
from zt.schemes.ip import Mode
from zt.schemes.search import SearchKind
from zt.units import parse_span
from zt.values.derive import Part
from zt.values.number import Keep

FieldPath = Annotated[str, StringConstraints(min_length=1, max_length=256)]

CLEAR_SCHEMES = ("clear", "unsafe-clear")
UNPROTECTED = (*CLEAR_SCHEMES, "coarsen")
"""Schemes that leave the cloud something of the value itself."""

MAX_KEPT = 15  # digits: as many as a phone number has (ITU-T E.164)

_KEYED = ("det", "uri", "fpe", "ip")
_OPTIONS: dict[SchemeName, tuple[str, ...]] = {
    "clear": ("kind",),
    "unsafe-clear": ("kind",),
    "drop": (),
    "opaque": (),
    "det": ("keyspace", "search"),
    "uri": ("keyspace", "search"),
    "fpe": ("keyspace", "search", "keep"),
    "ip": ("keyspace", "search", "mode"),
    "coarsen": ("kind", "step"),
}
_SEARCHES: dict[SchemeName, tuple[SearchKind, ...]] = {
    "det": ("gram", "prefix", "whole", "net"),
    "uri": ("gram", "whole"),
    "fpe": ("gram", "prefix", "whole"),
    "ip": ("gram", "whole", "net"),
}


class FieldRule(BaseModel):
    """How a field is protected.

    Attributes:
        scheme: see `zt.schemes`.
        keyspace: which fields join: those that share one, by default the field alone.
        search: the kinds of blind tokens that its values get.
        kind: how stores compare a clear or coarsened field, beside its text.
        keep: of `fpe`: what stays clear in front, `country` or a number of digits.
        mode: of `ip`: `fpe`, or `pfx`, which shows common prefixes.
        step: of `coarsen`: a span of time (in microseconds), or a whole number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    scheme: SchemeName
    keyspace: Annotated[str, StringConstraints(min_length=1, max_length=256)] | None = None
    search: tuple[SearchKind, ...] = ()
    kind: Kind = "keyword"
    keep: Keep = 0
    mode: Mode = "fpe"
    step: Annotated[int, Field(gt=0, lt=2**63)] | None = None

    @field_validator("keep", mode="before")
    @classmethod
    def _country_or_digits(cls, keep: Any) -> Any:
        if keep != "country" and (type(keep) is not int or not 0 <= keep <= MAX_KEPT):
            raise ValueError(f"write country, or a number of digits from 0 to {MAX_KEPT}")
        return keep

    @field_validator("search")
    @classmethod
    def _in_one_order(cls, search: tuple[SearchKind, ...]) -> tuple[SearchKind, ...]:
        return tuple(sorted(search))

    @field_validator("step", mode="before")
    @classmethod
    def _span_of_time(cls, step: Any) -> Any:
        return parse_span(step) if isinstance(step, str) else step

    @model_validator(mode="after")
    def _options_fit_scheme(self) -> FieldRule:
        for option in self.model_fields_set - {"scheme", *_OPTIONS[self.scheme]}:
            if getattr(self, option) != type(self).model_fields[option].default:
                raise ValueError(f"scheme {self.scheme} takes no {option}")
        if self.keyspace is not None and self.keyspace.startswith(labels.RESERVED_PREFIX):
            raise ValueError(f"keyspaces starting with {labels.RESERVED_PREFIX} are reserved")
        if len(set(self.search)) != len(self.search):
            raise ValueError("a kind of search token stands twice")
        for kind in self.search:
            if kind not in _SEARCHES[self.scheme]:
                raise ValueError(f"scheme {self.scheme} has no search tokens of kind {kind}")
        if self.scheme == "coarsen" and (self.kind not in ("time", "number") or not self.step):
            raise ValueError("scheme coarsen needs a step, and kind time or number")
        if self.mode == "pfx" and "net" in self.search:
            raise ValueError("mode pfx answers for networks itself: leave net out")
        return self

    @property
    def is_visible(self) -> bool:
        """Whether the field stays in the encrypted event."""
        return self.scheme not in ("drop", "opaque")

    @property
    def is_keyed(self) -> bool:
        """Whether the field's values are encrypted under a keyspace's keys."""
        return self.scheme in _KEYED

    @property
    def has_keys(self) -> bool:
        """Whether some values may be encrypted under them: `det` takes what `coarsen` can't."""
        return self.is_keyed or self.scheme == "coarsen"

    @property
    def column_kind(self) -> Kind:
        """What stores compare the field by, beside its text."""
        return "ip" if self.scheme == "ip" else self.kind


class Derivation(BaseModel):
    """A new field made of a part of another one's plaintext; see `zt.values.derive`.

    Attributes:
        source: the path of the field that it comes from.
        part: which part.
        region: of `country` and `national`: where numbers without `+` are dialled, as `DE`.
        v4, v6: of `subnet`: prefix lengths.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    source: FieldPath = Field(alias="from")
    part: Part
    region: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] | None = None
    v4: Annotated[int, Field(ge=1, le=32)] = 24
    v6: Annotated[int, Field(ge=1, le=128)] = 48


class Profile(BaseModel):
    """A profile: its rules by field pattern, derived fields, and the path of the event's time.

    Attributes:
        aliases: names by which questions ask for one of several fields, with their paths.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    description: str = ""
    time: FieldPath | None = None
    derive: dict[FieldPath, Derivation] = {}
    aliases: dict[FieldPath, Aliased] = {}
    fields: Annotated[dict[FieldPath, FieldRule], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        self._check_fields()
        self._check_keyspaces()
        self._check_derived()
        for alias in self.aliases:
            if reason := wrong_alias(self, alias):
                raise _wrong(reason, "aliases", alias)
        if self.time is not None:
            timed = None if is_pattern(self.time) else self.fields.get(self.time)
            visible = timed is not None and timed.scheme in UNPROTECTED
            if timed is None or not visible or timed.kind != "time":
                reason = f"the field {self.time} must be clear or coarsen, and of kind time"
                raise _wrong(reason, "time")
        return self

    def _check_fields(self) -> None:
        for path, rule in self.fields.items():
            if path.startswith(("zt.", labels.RESERVED_PREFIX)) or path == "zt":
                raise _wrong("names that start with zt are reserved", "fields", path)
            if "**" in path:
                raise _wrong("write one * for any run of characters", "fields", path)
            above = list(prefixes(path))[:-1]
            if rule.scheme != "drop" and any(map(self._drops, above)):
                raise _wrong("the field lies below one that is dropped", "fields", path)
        if pair := ambiguous(filter(is_pattern, self.fields)):
            reason = f"it and {pair[0]} fit the same fields, and neither is more specific"
            raise _wrong(reason, "fields", pair[1])

    def _drops(self, path: str) -> bool:
        rule = self.rule_for(path)
        return rule is not None and rule.scheme == "drop"

    def _check_keyspaces(self) -> None:
        first: dict[str, FieldRule] = {}
        for path, rule in self.fields.items():
            if not rule.is_keyed:
                continue
            keyspace = rule.keyspace or path
            known = first.setdefault(keyspace, rule)
            for option in ("scheme", "search", "keep", "mode"):
                if getattr(known, option) != getattr(rule, option):
                    reason = f"the fields of keyspace {keyspace} differ in their {option}"
                    raise _wrong(reason, "fields", path)
        for path, rule in self.fields.items():
            if rule.is_keyed and is_pattern(path) and rule.keyspace is None:
                own = Patterns([path])
                if shared := next((k for k in first if k not in self.fields and own.match(k)), ""):
                    reason = f"its fields have their paths for keyspaces, and {shared} is one too"
                    raise _wrong(reason, "fields", path)

    def _check_derived(self) -> None:
        for path, derivation in self.derive.items():
            rule = self.fields.get(path)
            if is_pattern(path) or is_pattern(derivation.source):
                raise _wrong("derived fields have no *", "derive", path)
            if rule is None or not rule.is_visible:
                raise _wrong("a derived field needs a rule that shows it", "derive", path)
            if derivation.source in self.derive:
                raise _wrong("it is derived from a derived field", "derive", path)

    def rule_for(self, path: str) -> FieldRule | None:
        """The most specific rule for a field, None where the profile names it nowhere."""
        if (rule := self.fields.get(path)) is not None:
            return rule
        pattern = self.patterns().match(path)
        return None if pattern is None else self.fields[pattern]

    def patterns(self) -> Patterns:
        """The profile's patterns."""
        return Patterns(filter(is_pattern, self.fields))

    def keyspaces(self) -> dict[str, list[str]]:
        """The fields of every keyspace, sorted.

        A pattern without a keyspace is left out: each of its fields has one of its own path.
        """
        found: dict[str, list[str]] = {}
        for path, rule in sorted(self.fields.items()):
            if rule.has_keys and (rule.keyspace or not is_pattern(path)):
                found.setdefault(rule.keyspace or path, []).append(path)
        return found

    def sharing(self, keyspace: str) -> list[str]:
        """The fields and patterns whose values are encrypted in a keyspace, sorted."""
        sharing = self.keyspaces().get(keyspace, [])
        pattern = None if keyspace in self.fields else self.patterns().match(keyspace)
        if pattern is not None:
            rule = self.fields[pattern]
            if rule.has_keys and rule.keyspace is None:
                sharing = sorted([*sharing, keyspace])
        return sharing

    def normalised(self) -> bytes:
        """The one text of the profile: sorted compact JSON without defaults and description."""
        content = self.model_dump(exclude_defaults=True, exclude={"description"}, by_alias=True)
        return msgspec.json.encode(content, order="sorted")

    @classmethod
    def from_normalised(cls, text: bytes) -> Profile:
        """The profile that `normalised` wrote."""
        return cls.model_validate_json(text)

    def id(self, tenant_key: TenantKey) -> str:
        """BLAKE2b-128 of the normalised text, keyed for the tenant."""
        key = tenant_key.subkey(labels.PROFILE_ID)
        text = self.normalised()
        digest = hashlib.blake2b(text, digest_size=16, key=key.secret_key_access())
        return encode_bytes(digest.digest())


def wrong_field(reason: str, path: str) -> ValidationError:
    """An error at a field of a profile, so that a reader of YAML can name the line."""
    return _wrong(reason, "fields", path)


def _wrong(reason: str, *place: str) -> ValidationError:
    kind = PydanticCustomError("profile", "{reason}", {"reason": reason})
    detail = InitErrorDetails(type=kind, loc=place, input=None)
    return ValidationError.from_exception_data("Profile", [detail])
