"""What happens to one visible field: its scheme, `det` for what that can't take, its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from analytics.wire import MAX_DET_BYTES, Column, ValueRecord, encode_json_all, scalar_text
from keys import EpochKeys
from zt.encoder.seal import ValueTag
from zt.errors import IntegrityError
from zt.profile import FieldRule
from zt.schemes.base import Scheme, UnfitError
from zt.schemes.clear import CLEAR
from zt.schemes.coarsen import Coarsen
from zt.schemes.det import Det, Withheld, scalar_bytes, scalar_type
from zt.schemes.fpe import Fpe
from zt.schemes.ip import IpFpe, IpPfx
from zt.schemes.search import SearchTokens
from zt.schemes.uri import Uri

REMEMBERED = 20_000
"""Ciphertexts of a field whose canonical values are kept."""

LONGEST = 1024
"""Characters of such a ciphertext."""


class Protected(NamedTuple):
    """A value as it leaves.

    Attributes:
        ciphertext: what stands in the event in its place.
        scheme: the name of the scheme that made it.
        text: the text of the canonical value, by which it is grouped and searched once opened.
        is_exact: whether opening gives the very value back; else it travels in the opaque blob.
    """

    ciphertext: Any
    scheme: str
    text: str
    is_exact: bool


@dataclass(frozen=True)
class Dictionary:
    """Makes and checks the value records of one keyspace."""

    keyspace: str
    kid: str
    search: SearchTokens | None
    tag: ValueTag

    @property
    def search_id(self) -> str | None:
        """The name of the search list, None without one."""
        return self.search.id if self.search else None

    def record(self, scheme: str, ct: str, tokens: tuple[int, ...]) -> ValueRecord:
        """The tagged record of a ciphertext."""
        return ValueRecord.model_construct(
            kind="value",
            keyspace=self.keyspace,
            kid=self.kid,
            scheme=scheme,
            search=self.search_id,
            ct=ct,
            tokens=tokens,
            tag=self.tag.compute(scheme, self.search_id, ct, tokens),
        )

    def lines(self, scheme: str, cts: Sequence[str], texts: Sequence[str]) -> list[bytes]:
        """The lines of records, with their ends, of ciphertexts and the texts they open to."""
        found = self.search.tokens(texts) if self.search else [()] * len(texts)
        constant: dict[str, Any] = {
            "kind": "value",
            "keyspace": self.keyspace,
            "kid": self.kid,
            "scheme": scheme,
        }
        if self.search:
            constant["search"] = self.search.id
        head = msgspec.json.encode({"zt": constant})[:-2]
        tags = self.tag.compute_all(scheme, self.search_id, cts, found)
        return [
            # ciphertexts of schemes with records are ASCII without what JSON escapes
            b'%b,"ct":"%b","tokens":%b,"tag":"%b"}}\n' % (head, ct.encode(), json, tag)
            for ct, json, tag in zip(cts, encode_json_all(found), tags, strict=True)
        ]


@dataclass(frozen=True)
class FieldPlan:
    """What to do with a visible field.

    `fallback` is None for clear fields, which take everything; `dictionary` for fields whose
    values have no records; `keyspace` for fields without keys.
    """

    path: str
    rule: FieldRule
    scheme: Scheme
    fallback: Det | None
    keyspace: str | None
    dictionary: Dictionary | None
    _revealed: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """Canonical values by ciphertext: of most fields a few come again and again."""

    @property
    def column(self) -> Column:
        """What the batch header says of the field."""
        return Column(
            path=self.path,
            kind=self.rule.column_kind,
            keyspace=self.keyspace,
            search=self.dictionary.search_id if self.dictionary else None,
        )

    @property
    def is_whole(self) -> bool:
        """Whether all values open; a reader ring may lack what opens those that didn't fit."""
        return not isinstance(self.fallback, Withheld)

    def canonical(self, value: Any) -> Any:
        """The scalar that an opened ciphertext of this value gives."""
        return self._canonical(value)[1]

    def protect(self, value: Any) -> Protected:
        """A scalar, null excepted, as it leaves.

        Raises:
            UnfitError: no scheme can take it.
        """
        scheme, canonical = self._canonical(value)
        text = scalar_text(canonical) or ""
        return Protected(
            scheme.protect(canonical), scheme.name, text, same_scalar(canonical, value)
        )

    def canonical_all(self, values: Sequence[Any]) -> list[tuple[Scheme, list[int], list[Any]]]:
        """A column by the scheme that takes its values: whose, their numbers, canonical form."""
        if self.scheme is self.fallback:  # det takes everything as it is
            return [(self.scheme, list(range(len(values))), list(values))]
        taken: dict[Scheme, tuple[list[int], list[Any]]] = {}
        for number, (scheme, canonical) in enumerate(map(self._canonical, values)):
            numbers, canonicals = taken.setdefault(scheme, ([], []))
            numbers.append(number)
            canonicals.append(canonical)
        return [(scheme, *columns) for scheme, columns in taken.items()]

    def fits(self, value: Any) -> bool:
        """Whether some scheme can take a value of a field with keys."""
        if value is None or isinstance(value, dict | list):
            return False  # null and empty containers are no values that could be grouped
        if isinstance(value, str) and len(value) > MAX_DET_BYTES:
            return False
        scheme, canonical = self._canonical(value)
        return scheme is not self.fallback or len(scalar_bytes(canonical)) <= MAX_DET_BYTES

    def reveal(self, ciphertext: Any) -> Any:
        """The canonical value of a ciphertext; what does not prove itself must be proven already.

        Raises:
            IntegrityError: it is none of this field's keyspace and epoch.
        """
        if self.fallback is None or not isinstance(ciphertext, str):
            return self.scheme.reveal(ciphertext)
        if (canonical := self._revealed.get(ciphertext)) is None:
            scheme = self.fallback if self.fallback.made(ciphertext) else self.scheme
            canonical = scheme.reveal(ciphertext)
            if len(self._revealed) >= REMEMBERED:
                self._revealed.clear()
            if len(ciphertext) <= LONGEST:
                self._revealed[ciphertext] = canonical
        return canonical

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[Any]:
        """The same of a column, each distinct ciphertext once.

        Raises:
            IntegrityError: one of them is none; `reveal` tells which.
        """
        if self.fallback is None or set(map(type, ciphertexts)) != {str}:
            return list(map(self.reveal, ciphertexts))
        known, made = self._revealed, self.fallback.made
        if new := set(ciphertexts).difference(known):
            if len(known) >= REMEMBERED:
                known.clear()
                new = set(ciphertexts)
            by_det = set(filter(made, new))
            for scheme, own in ((self.fallback, list(by_det)), (self.scheme, list(new - by_det))):
                if own:
                    known.update(zip(own, scheme.reveal_all(own), strict=True))
        revealed = list(map(known.__getitem__, ciphertexts))
        for ciphertext in new:
            if len(ciphertext) > LONGEST:
                del known[ciphertext]
        return revealed

    def proves_itself(self, ciphertext: str) -> bool:
        """Whether this ciphertext opens only as it was made, without seal or tag.

        Clear and coarsened texts can't be proven at all, and count as if they were.
        """
        made_by_det = self.fallback is not None and self.fallback.made(ciphertext)
        return made_by_det or self.scheme.proves_itself or not self.has_record(self.scheme.name)

    def has_record(self, scheme: str) -> bool:
        """Whether ciphertexts of that scheme have value records in this field."""
        if self.dictionary is None:
            return False
        return self.dictionary.search is not None or scheme == self.scheme.name

    def reveal_text(self, ciphertext: str) -> str:
        """The text of the canonical value of a ciphertext that a store returned.

        Raises:
            IntegrityError: see `reveal`.
        """
        text = scalar_text(self.reveal(ciphertext))
        if text is None:
            raise IntegrityError("the store returned a value that has no text", "check the store")
        return text

    def _canonical(self, value: Any) -> tuple[Scheme, Any]:
        try:
            return self.scheme, self.scheme.canonical(value)
        except UnfitError:
            if self.fallback is None:
                raise
            return self.fallback, value


class FieldMaker:
    """Makes the plans of fields in one epoch; fields of a keyspace share scheme and dictionary."""

    def __init__(self, keys: EpochKeys) -> None:
        self._keys = keys
        self._schemes: dict[tuple[str, FieldRule], Scheme] = {}
        self._det: dict[str, Det] = {}
        self._dictionaries: dict[str, Dictionary] = {}

    def make(self, path: str, rule: FieldRule) -> FieldPlan:
        """The plan of a field under a rule that shows it.

        Raises:
            GrantError: the keys are those of a reader ring that does not open it.
        """
        if rule.scheme in ("clear", "unsafe-clear"):
            return FieldPlan(path, rule, CLEAR, None, None, None)
        keyspace = rule.keyspace or path
        fallback = self._det.get(keyspace)
        if fallback is None:
            fallback = self._det[keyspace] = self._fallback(keyspace, rule)
        known = (keyspace, rule)
        scheme = self._schemes.get(known)
        if scheme is None:
            scheme = self._schemes[known] = self._scheme(keyspace, rule, fallback)
        return FieldPlan(
            path, rule, scheme, fallback, keyspace, self._dictionary(keyspace, rule, scheme)
        )

    def _fallback(self, keyspace: str, rule: FieldRule) -> Det:
        if not rule.is_keyed and not self._keys.grants(keyspace):
            return Withheld(self._keys.kid, keyspace)
        return Det(self._keys.keyspace(keyspace))

    def _scheme(self, keyspace: str, rule: FieldRule, det: Det) -> Scheme:
        if rule.scheme == "coarsen":
            return Coarsen("time" if rule.kind == "time" else "number", rule.step or 1)
        key = self._keys.keyspace(keyspace)
        match rule.scheme:
            case "det":
                return det
            case "uri":
                return Uri(key)
            case "fpe":
                return Fpe(key, rule.keep)
            case "ip":
                return IpFpe(key) if rule.mode == "fpe" else IpPfx(key)
        raise AssertionError(f"no field with scheme {rule.scheme} is visible")

    def _dictionary(self, keyspace: str, rule: FieldRule, scheme: Scheme) -> Dictionary | None:
        if rule.scheme == "coarsen" or (not rule.search and scheme.proves_itself):
            return None
        if keyspace not in self._dictionaries:
            key = self._keys.keyspace(keyspace)
            search = SearchTokens(rule.search, key) if rule.search else None
            self._dictionaries[keyspace] = Dictionary(
                keyspace, self._keys.kid.hex(), search, ValueTag(key)
            )
        return self._dictionaries[keyspace]


def same_scalar(one: Any, two: Any) -> bool:
    """Whether two scalars are the same JSON value."""
    if one is two:
        return True
    return scalar_type(one) == scalar_type(two) and scalar_bytes(one) == scalar_bytes(two)
