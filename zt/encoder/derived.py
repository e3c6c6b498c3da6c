"""Derived fields by column: each distinct value is taken apart once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from zt.encoder.made import keys_of
from zt.encoder.shapes import Values
from zt.profile import Derivation
from zt.values.derive import derive

REMEMBERED = 20_000
"""Values of each derivation whose parts are kept."""

LONGEST = 1024
"""Characters of such a value."""


class Derived:
    """Derives the fields of a profile, by path."""

    def __init__(self, rules: dict[str, Derivation]) -> None:
        self._parts = {path: _Parts(rule) for path, rule in rules.items()}

    def values(self, path: str, sources: Values) -> list[Any]:
        """The value that a field has for each value of its source; None: it has none.

        Of an array the parts of its elements, those that have one.
        """
        parts = self._parts[path]
        if list not in set(map(type, sources)):
            return parts.of(sources)
        return [
            ([part for part in parts.of(source) if part is not None] or None)
            if isinstance(source, list)
            else parts.of([source])[0]
            for source in sources
        ]


class _Parts:
    """One derivation, and what it gave so far."""

    def __init__(self, rule: Derivation) -> None:
        self._rule = rule
        self._known: dict[Hashable, str | None] = {}

    def of(self, values: Values) -> list[str | None]:
        """What the values give, one by one."""
        keys = keys_of(values)
        known = self._known
        if len(known) > REMEMBERED:
            known.clear()
        found: list[str | None] = []
        for key, value in zip(keys, values, strict=True):
            if key in known:
                found.append(known[key])
                continue
            part = self._derive(value)
            if isinstance(value, str) and len(value) <= LONGEST:
                known[key] = part
            found.append(part)
        return found

    def _derive(self, value: Any) -> str | None:
        rule = self._rule
        return derive(rule.part, value, region=rule.region, v4=rule.v4, v6=rule.v6)
