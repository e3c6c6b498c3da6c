"""What may be clear or rounded, because name and values agree that it names nobody."""

from __future__ import annotations

from collections.abc import Iterable

from zt.profile.model import FieldRule
from zt.survey.figures import Figures
from zt.survey.names import HARMLESS, Role, is_moment, names_time

MAX_WORDS = 64
"""Distinct words of an enumeration."""

FEW_WORDS = 12
"""Distinct words that need not repeat in a small sample."""

MIN_WORDS = 3
"""Values below which no enumeration can be told."""

_DAY = 86_400_000_000  # microseconds
_FIRST_EPOCH, _LAST_EPOCH = 946_684_800, 4_102_444_800  # seconds: the years 2000 and 2100


EVENT_TIME = (FieldRule(scheme="clear", kind="time"), "the event's time")


def event_time(fields: Iterable[Figures], events: int) -> str | None:
    """The path of the events' own time: nothing but times, in half of the events or more."""
    ranks = {}
    for figures in fields:
        rank = is_moment(figures.path)
        times = figures.kinds["time"]
        if rank is None or 2 * times < events or figures.values > figures.events:
            continue
        if times == figures.values or is_epoch(figures, figures.values - times):
            ranks[figures.path] = (rank, -figures.events)
    return min(ranks, key=lambda path: ranks[path], default=None)


def is_epoch(figures: Figures, numbers: int) -> bool:
    """Whether all those numbers can be times since 1970 that rise from event to event."""
    if figures.counted("integer", "float") != numbers:
        return False
    rises = figures.rising >= 0.9 * (numbers - 1)
    return rises and any(
        _FIRST_EPOCH * unit <= figures.low and figures.high <= _LAST_EPOCH * unit
        for unit in (1, 1e3, 1e6, 1e9)
    )


def harmless(figures: Figures, role: Role | None) -> tuple[FieldRule, str] | None:
    """Clear or coarsened, if name and values agree that it is nobody's."""
    if figures.containers or not figures.told:
        return None
    numbers = figures.counted("integer", "float")
    kind: str = "number" if numbers == figures.values else "keyword"
    if figures.kinds["time"] == figures.told and names_time(figures.path):
        rule = FieldRule(scheme="coarsen", kind="time", step=_DAY)
        return rule, "a time: its day"
    if numbers == figures.values and is_moment(figures.path) is not None:
        if is_epoch(figures, numbers):
            return FieldRule(scheme="clear", kind="number"), "a time since 1970"
        return None
    if role not in HARMLESS:
        return None
    clear = FieldRule.model_validate({"scheme": "clear", "kind": kind})
    if role in ("type", "status"):
        return (clear, "few values: what happened") if _is_enumeration(figures) else None
    if role == "port":
        is_port = figures.kinds["integer"] == figures.values and figures.low >= 0
        return (clear, "a service's port") if is_port and figures.high < 2**16 else None
    if kind != "number" or figures.big == figures.values:
        return None
    if figures.big:
        coarse = role in ("size", "count")
        return (_rounded(2**20), "a counter: rounded to a million") if coarse else None
    if role == "size":
        return _rounded(1024), "a size: exact ones tell which file or call it was"
    if role == "duration":
        return _rounded(10), "a duration: exact ones tell which call it was"
    return clear, "a counter" if role == "count" else "how fast it was served"


def _is_enumeration(figures: Figures) -> bool:
    """Whether all values are words or numbers of three digits, and repeat."""
    if figures.counted("word", "number", "integer") != figures.told:
        return False
    if figures.told < MIN_WORDS or figures.low < 0 or figures.high > 999:
        return False
    repeats = figures.distinct <= FEW_WORDS or 2 * figures.distinct <= figures.values
    return repeats and figures.distinct <= MAX_WORDS and not figures.is_full


def _rounded(step: int) -> FieldRule:
    return FieldRule(scheme="coarsen", kind="number", step=step)
