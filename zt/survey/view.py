"""A profile's view of plaintext events: which rule meets which field, and what it can't take."""

from __future__ import annotations

import secrets
from functools import lru_cache
from typing import Any

from keys import EpochKeys, Secret, labels
from keys.derive import ROOT_SIZE
from zt.encoder.encrypt import MAX_PATTERN_FIELDS
from zt.encoder.fields import FieldMaker
from zt.encoder.plan import MAX_FIELD_PATH
from zt.errors import EventError
from zt.profile import Derivation, FieldRule, Profile
from zt.schemes.base import UnfitError
from zt.schemes.drop import prefixes
from zt.survey.figures import Fits
from zt.values.derive import derive
from zt.values.paths import occupies, values_at

HIDDEN = FieldRule(scheme="opaque")


class ProfileView:
    """What the encoder would do under a profile, asked field by field.

    Whether a value fits is asked of the schemes themselves, under keys that are drawn for this
    and thrown away.
    """

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._patterns = profile.patterns()
        self._maker = FieldMaker(EpochKeys(Secret(secrets.token_bytes(ROOT_SIZE))))
        self._by_pattern: set[str] = set()
        self.rule = lru_cache(maxsize=8192)(self._rule_of)

    def mark(self, path: str) -> str:
        """The path or pattern of the rule that shows a field; empty where none does."""
        if not self.rule(path).is_visible:
            return ""
        return path if path in self.profile.fields else self._patterns.match(path) or ""

    def fits(self, path: str) -> Fits | None:
        """Whether the field's scheme takes a value; None for what takes everything."""
        rule = self.rule(path)
        if rule.scheme not in ("uri", "fpe", "ip", "coarsen"):
            return None
        scheme = self._maker.make(path, rule).scheme

        def takes(value: Any) -> bool:
            try:
                scheme.canonical(value)
            except UnfitError:
                return False
            return True

        return takes

    def derived(self, event: dict[str, Any]) -> list[tuple[str, Any]]:
        """The derived fields of an event.

        Raises:
            EventError: it has one of them already.
        """
        rules = self.profile.derive
        if any(occupies(event, path) for path in rules):
            raise EventError(
                "it has a field already where the profile derives one", "derive to another path"
            )
        made = ((path, _derived(event, derivation)) for path, derivation in rules.items())
        return [(path, value) for path, value in made if value is not None]

    def _rule_of(self, path: str) -> FieldRule:
        for prefix in prefixes(path):
            above = self._listed(prefix)
            if above is not None and above.scheme == "drop":
                return above
        rule = self._listed(path)
        if rule is None or not rule.is_visible:
            return HIDDEN
        return rule if path in self.profile.fields or self._takes(path) else HIDDEN

    def _takes(self, path: str) -> bool:
        """Whether a pattern may show one more field, as the encoder's plan decides it."""
        if path not in self._by_pattern:
            if not 0 < len(path) <= MAX_FIELD_PATH or path.startswith(labels.RESERVED_PREFIX):
                return False
            if len(self._by_pattern) >= MAX_PATTERN_FIELDS:
                return False
            self._by_pattern.add(path)
        return True

    def _listed(self, path: str) -> FieldRule | None:
        if (rule := self.profile.fields.get(path)) is not None:
            return rule
        pattern = self._patterns.match(path)
        return None if pattern is None else self.profile.fields[pattern]


def _derived(event: dict[str, Any], derivation: Derivation) -> str | list[str] | None:
    found = (v for v in values_at(event, derivation.source) if not (isinstance(v, dict) and v))
    source = next(found, None)
    items = source if isinstance(source, list) else [source]
    part, region, v4, v6 = derivation.part, derivation.region, derivation.v4, derivation.v6
    made = (derive(part, item, region=region, v4=v4, v6=v6) for item in items)
    parts = [text for text in made if text is not None]
    if not parts:
        return None
    return parts if isinstance(source, list) else parts[0]
