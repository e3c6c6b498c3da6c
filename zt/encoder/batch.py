"""One batch on its way: each event's fields derived, protected, hidden or dropped."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from analytics.wire import MAX_DET_BYTES, MAX_LINE, Keys, is_scalar_array
from zt.encoder.fields import Dictionary, FieldPlan, Protected
from zt.encoder.plan import Plan
from zt.errors import EventError
from zt.profile import Derivation
from zt.schemes.base import UnfitError
from zt.schemes.opaque import Hidden, Original
from zt.values.derive import derive
from zt.values.paths import occupies, values_at


class Batch:
    """The events of one batch on their way, and what its header and records must say."""

    def __init__(self, plan: Plan, caches: dict[str, dict[Any, Protected]]) -> None:
        self._plan = plan
        self._caches = caches
        self.seen: dict[str, FieldPlan] = {}
        self.records: dict[tuple[str, str], dict[str, str]] = {}
        """Texts by ciphertext, of those that need a record, by keyspace and scheme."""
        self.dictionaries: dict[str, Dictionary] = {}
        self.fallbacks: Counter[str] = Counter()

    def event(
        self, event: dict[str, Any], event_id: str, derived: dict[str, Any] | None = None
    ) -> bytes:
        """One encrypted event as a wire line.

        Args:
            event: in plaintext.
            event_id: its id.
            derived: its derived fields by path, if it was encrypted before: what they came from
                may have been dropped then. None: they are derived now.

        Raises:
            EventError: it has a field already where one is to be derived, or outgrows a line.
        """
        plan = self._plan
        hidden = Hidden([], [])
        shown = self._derived(event, derived)
        body = self._visible(event, (), hidden)
        body.update(shown)
        opaque = plan.blob.seal(hidden, event_id)
        seal = plan.seal.compute_parts(body, event_id, plan.kid, plan.profile_id, opaque)
        body["zt"] = {
            "id": event_id,
            "kid": plan.kid,
            "profile": plan.profile_id,
            "opaque": opaque,
            "seal": seal,
        }
        line = msgspec.json.encode(body) + b"\n"
        if len(line) > MAX_LINE:  # long arrays of short values grow the most
            raise EventError(
                f"longer than {MAX_LINE} bytes once it is encrypted", "the line is not encrypted"
            )
        return line

    def scalar(self, field: FieldPlan, value: Any) -> Any:
        """The ciphertext of a value that stands in no event of the batch, as a finding's group.

        Raises:
            UnfitError: no scheme can take it.
        """
        made = self._noted(field, self._scalar(field, value), None, ((), None, value))
        self.seen[field.path] = field
        return made

    def _derived(self, event: dict[str, Any], known: dict[str, Any] | None) -> dict[str, Any]:
        """The derived fields of an event, protected, each under its dotted path."""
        rules = self._plan.profile.derive
        if any(occupies(event, path) for path in rules):  # before anything of it is noted
            raise EventError(
                "it has a field already where the profile derives one",
                "the line is not encrypted; derive to another path",
            )
        made: dict[str, Any] = {}
        for path, derivation in rules.items():
            value = _derive(event, derivation) if known is None else known.get(path)
            field = self._plan.field(path)
            if value is None or field is None:
                continue
            try:
                made[path] = self._protect(field, (path,), value, None)
            except UnfitError:  # too long for any scheme: the source itself is hidden as well
                continue
            self.seen[path] = field
        return made

    def _visible(self, branch: dict[str, Any], above: Keys, hidden: Hidden) -> dict[str, Any]:
        """What of a branch stays in the event; all else goes to `hidden` or is dropped."""
        plan = self._plan
        body: dict[str, Any] = {}
        for key, value in branch.items():
            keys = (*above, key)
            path = ".".join(keys)
            place = plan.at(path)
            if place.is_dropped:
                continue
            if isinstance(value, dict) and value:
                if not place.is_branch:
                    hidden.entries.append((keys, value))
                elif inner := self._visible(value, keys, hidden):
                    body[key] = inner
                continue
            field = plan.field(path)
            if field is None:
                hidden.entries.append((keys, value))
                continue
            try:
                body[key] = self._protect(field, keys, value, hidden.originals)
            except UnfitError:
                hidden.entries.append((keys, value))
            else:
                self.seen[path] = field
        return body

    def _protect(
        self, field: FieldPlan, keys: Keys, value: Any, originals: list[Original] | None
    ) -> Any:
        """A field's value as it leaves; what opening would not give back goes to `originals`.

        Raises:
            UnfitError: it has to go into the blob; nothing of it was noted.
        """
        is_array = isinstance(value, list) and bool(value)
        if is_array and not is_scalar_array(value):
            raise UnfitError("an array of containers")
        if field.fallback is None:
            return value
        if not is_array:
            return self._noted(field, self._scalar(field, value), originals, (keys, None, value))
        done = [None if item is None else self._scalar(field, item) for item in value]
        return [
            None if made is None else self._noted(field, made, originals, (keys, index, item))
            for index, (made, item) in enumerate(zip(done, value, strict=True))
        ]

    def _noted(
        self,
        field: FieldPlan,
        made: Protected,
        originals: list[Original] | None,
        original: Original,
    ) -> Any:
        """The ciphertext, after what has to be known of it besides was noted."""
        if made.scheme != field.scheme.name:
            self.fallbacks[field.path] += 1
        if originals is not None and not made.is_exact:
            originals.append(original)
        if field.dictionary is not None and field.has_record(made.scheme):
            keyspace = field.dictionary.keyspace
            self.dictionaries[keyspace] = field.dictionary
            self.records.setdefault((keyspace, made.scheme), {})[made.ciphertext] = made.text
        return made.ciphertext

    def _scalar(self, field: FieldPlan, value: Any) -> Protected:
        if value is None or isinstance(value, dict | list):
            raise UnfitError("null and empty containers are no values that could be grouped")
        if isinstance(value, str) and len(value) > MAX_DET_BYTES:
            raise UnfitError("longer than 8 KiB")
        if field.rule.scheme == "coarsen":  # cheaper to round than to remember
            return field.protect(value)
        cache = self._caches.setdefault(field.keyspace or "", {})
        # 1, 1.0 and True are equal to Python, but not to JSON; -0.0 and 0.0 too
        known = value if isinstance(value, str) else (type(value), repr(value))
        if (protected := cache.get(known)) is None:
            protected = cache[known] = field.protect(value)
        return protected


def _derive(event: dict[str, Any], derivation: Derivation) -> str | list[str] | None:
    """A derived field's value: of an array the parts of its elements; None if there are none."""
    found_at = values_at(event, derivation.source)
    source = next((v for v in found_at if not (isinstance(v, dict) and v)), None)
    items = source if isinstance(source, list) else [source]
    parts = [part for item in items if (part := _part(derivation, item)) is not None]
    if not parts:
        return None
    return parts if isinstance(source, list) else parts[0]


def _part(derivation: Derivation, value: Any) -> str | None:
    return derive(
        derivation.part, value, region=derivation.region, v4=derivation.v4, v6=derivation.v6
    )
