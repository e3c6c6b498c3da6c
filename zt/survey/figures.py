"""What is counted of one field, without keeping its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from zt.survey.kinds import IDENTITIES, SMALL, Kind, kind_of
from zt.values.uri import parse_uri

MAX_DISTINCT = 10_000
"""Distinct values told apart in one field."""

MAX_DISTINCT_IN_ALL = 400_000
"""The same in all fields; about 200 bytes each."""

Fits = Callable[[Any], bool]


class Budget:
    """How many more distinct values may be told apart in all fields."""

    def __init__(self, left: int = MAX_DISTINCT_IN_ALL) -> None:
        self.left = left

    def take(self) -> bool:
        """Whether there is room for one more; it is taken."""
        self.left -= 1
        return self.left >= 0


class Look(NamedTuple):
    """What a value looked like when it was first seen."""

    kind: Kind
    fits: bool


@dataclass(slots=True)
class Figures:
    """The figures of one field, or of all fields below a map.

    Attributes:
        path: dotted; its last segment is `*` below a map.
        first_path: the path of the first field that was counted here, by which its rule is found.
        fits: whether the field's scheme takes a value; None where that is no question.
        events: in which the field stands, arrays and nulls included.
        nulls: nulls and empty containers.
        containers: arrays that hold containers, which are always hidden as a whole.
        values: scalars, those in arrays included.
        kinds: of the values.
        counts: of each distinct value, by its hash; texts have one in all fields, so that fields
            can be compared, and numbers one of their own in each.
        is_full: whether there were more distinct values than could be told apart.
        unfit: values that the scheme could not take.
        low, high: of the numbers, and of texts that are small ones.
        big: integers of seven digits or more.
        rising: numbers that are no less than the one before.
        parts: hashes of the users and hosts in URIs and e-mail addresses.
    """

    path: str
    first_path: str
    budget: Budget
    fits: Fits | None = None
    events: int = 0
    nulls: int = 0
    containers: int = 0
    values: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)
    counts: dict[int, int] = field(default_factory=dict)
    is_full: bool = False
    unfit: int = 0
    low: float = 0
    high: float = 0
    big: int = 0
    rising: int = 0
    parts: set[int] = field(default_factory=set)
    _looks: dict[int, Look] = field(default_factory=dict)
    _last: float | None = None

    @property
    def distinct(self) -> int:
        """Distinct values; at least so many where `is_full`."""
        return len(self.counts)

    @property
    def top(self) -> int:
        """How often the most frequent value occurs; at least so often where `is_full`."""
        return max(self.counts.values(), default=0)

    @property
    def share(self) -> float:
        """The share of the most frequent value among the values, 0 to 1."""
        return self.top / self.values if self.values else 0.0

    @property
    def told(self) -> int:
        """Values that are no placeholders."""
        return self.values - self.kinds["placeholder"]

    @property
    def identities(self) -> int:
        """Values that look as if they named somebody."""
        return sum(count for kind, count in self.kinds.items() if kind in IDENTITIES)

    def counted(self, *kinds: Kind) -> int:
        """How many values are of one of these kinds."""
        return sum(self.kinds[kind] for kind in kinds)

    def add(self, value: Any) -> None:
        """Count the field's value in one event."""
        self.events += 1
        if not (isinstance(value, list) and value):
            self._scalar(value)
        elif any(isinstance(item, dict | list) for item in value):
            self.containers += 1
        else:
            for item in value:
                self._scalar(item)

    def merge(self, other: Figures) -> None:
        """Count what another field counted as this one's; what lies below a map is one field."""
        for name in ("events", "nulls", "containers", "values", "unfit", "big", "rising"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.kinds += other.kinds
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.is_full = self.is_full or other.is_full
        for key, count in other.counts.items():
            if key in self.counts or len(self.counts) < MAX_DISTINCT:
                self.counts[key] = self.counts.get(key, 0) + count
            else:
                self.is_full = True
        self.parts |= other.parts

    def _scalar(self, value: Any) -> None:
        if value is None or isinstance(value, dict | list):
            self.nulls += 1
            return
        self.values += 1
        is_text = isinstance(value, str)
        key = hash(value) if is_text else hash((self.first_path, type(value), value))
        if (look := self._looks.get(key)) is None:
            look = self._first(key, value)
        else:
            self.counts[key] += 1
        self.kinds[look.kind] += 1
        self.unfit += not look.fits
        if not is_text:
            self._number(value)
        elif look.kind == "number":
            self._number(float(value))

    def _first(self, key: int, value: Any) -> Look:
        """The look of a value that was not seen before, or could not be kept."""
        kind = kind_of(value)
        look = Look(kind, self.fits is None or self.fits(value))
        if len(self.counts) < MAX_DISTINCT and self.budget.take():
            self.counts[key] = 1
            self._looks[key] = look
            if kind in ("uri", "email"):
                self.parts.update(map(hash, _parts(kind, value)))
        else:
            self.is_full = True
        return look

    def _number(self, value: float) -> None:
        if self._last is None:
            self.low = self.high = value
        else:
            self.rising += value >= self._last
        self._last = value
        self.low, self.high = min(self.low, value), max(self.high, value)
        self.big += abs(value) >= SMALL


def _parts(kind: Kind, value: str) -> tuple[str, ...]:
    """User and host."""
    if kind == "uri":
        uri = parse_uri(value)
        return tuple(filter(None, (uri.user, uri.host))) if uri else ()
    user, _, host = value.strip("<> ").rpartition("@")
    return user, host
