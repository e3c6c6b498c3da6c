"""Judging fields: a scheme for each, by its name and its values; opaque for what is not plain.

Clear is only what its name says to be harmless and what looks so in every value of the sample:
words that repeat, small numbers, the event's time. One value that may name somebody is enough to
hide the field, and so is a word that stands in a field of identities too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from analytics.wire import MAX_COLUMNS
from keys import labels
from zt.profile.load import protecting_preset
from zt.profile.model import FieldRule
from zt.profile.patterns import is_pattern
from zt.survey.figures import Figures
from zt.survey.kinds import PLACEHOLDERS, Kind
from zt.survey.names import HARMLESS, Role, is_moment, names_time, role_of
from zt.survey.sample import Sample
from zt.survey.yaml_text import MAX_KEY, quoted

MAX_PATH = 256  # characters, as many as a profile takes
MAX_WORDS = 64
"""Distinct words of an enumeration."""

MIN_WORDS = 3
"""Values below which no enumeration can be told."""

_DAY = 86_400_000_000  # microseconds
_FIRST_EPOCH, _LAST_EPOCH = 946_684_800, 4_102_444_800  # seconds: the years 2000 and 2100


class Suggestion(NamedTuple):
    """What is suggested for a field, and why in a few words."""

    figures: Figures
    rule: FieldRule
    why: str


@dataclass(frozen=True)
class Suggested:
    """A whole suggestion: the event's time, and every field of the sample."""

    time: str | None
    fields: tuple[Suggestion, ...]


# A keyspace has one scheme and one list of searches; fields in it join.
_SHARED = {
    "address": FieldRule(scheme="ip", keyspace="address", search=("net",)),
    "sip.identity": FieldRule(scheme="uri", keyspace="sip.identity", search=("gram",)),
    "phone": FieldRule(scheme="fpe", keyspace="phone", search=("prefix",)),
    **{
        name: FieldRule(scheme="det", keyspace=name, search=("gram",))
        for name in ("email", "user", "host", "url", "user-agent", "file", "command-line")
    },
    "rule": FieldRule(scheme="det", keyspace="rule", search=("gram",)),
    **{name: FieldRule(scheme="det", keyspace=name) for name in ("mac", "hash")},
}
_OPAQUE = FieldRule(scheme="opaque")
_DROP = FieldRule(scheme="drop")
_DET = FieldRule(scheme="det")

_BY_KIND: dict[Kind, tuple[str, str]] = {
    "address": ("address", "addresses; net finds them by CIDR"),
    "uri": ("sip.identity", "URIs of people; join in one keyspace"),
    "email": ("email", "e-mail addresses"),
    "phone": ("phone", "phone numbers"),
    "mac": ("mac", "hardware addresses"),
    "url": ("url", "URLs"),
    "host": ("host", "names of hosts"),
    "hash": ("hash", "hashes: equality is what they are for"),
}
_BY_ROLE: dict[Role, tuple[str, str]] = {
    "agent": ("user-agent", "software: it tells people apart"),
    "user": ("user", "names of users"),
    "url": ("url", "URLs and paths"),
    "file": ("file", "files and programs"),
    "command": ("command-line", "command lines: they carry names and passwords"),
    "host": ("host", "names of hosts"),
    "rule": ("rule", "names of rules: own rules name own hosts"),
    "hash": ("hash", "hashes: equality is what they are for"),
    "phone": ("phone", "phone numbers"),
}
_HIDDEN: dict[Role, str] = {
    "secret": "a secret by its name",
    "session": "who has it is let in: a secret",
    "place": "where somebody is",
    "person": "a person",
    "query": "what people typed: tokens and passwords stand in it",
    "text": "free text",
}


def suggest(sample: Sample) -> Suggested:
    """A suggestion for every field of a sample, those that the most events have first."""
    ordered = sorted(sample.fields, key=lambda figures: (-figures.events, figures.path))
    time = _event_time(ordered, sample.events)
    found: list[Suggestion] = []
    for figures in ordered:
        rule, why = _EVENT_TIME if figures.path == time else _judged(figures)
        found.append(Suggestion(figures, rule, why))
    paths = [figures.path for figures in ordered]
    identities = _identities(found)
    checked = [_checked(suggestion, identities, paths) for suggestion in found]
    if time is not None and not any(s.figures.path == time and s.rule.is_visible for s in checked):
        time = None
    return Suggested(time, tuple(_bounded(checked)))


_EVENT_TIME = (FieldRule(scheme="clear", kind="time"), "the event's time")


def _event_time(ordered: Sequence[Figures], events: int) -> str | None:
    """The path of the events' own time: nothing but times, in half of the events or more."""
    ranks = {}
    for figures in ordered:
        rank = is_moment(figures.path)
        times = figures.kinds["time"]
        if rank is None or 2 * times < events or figures.values > figures.events:
            continue
        if times == figures.values or _is_epoch(figures, figures.values - times):
            ranks[figures.path] = (rank, -figures.events)
    return min(ranks, key=lambda path: ranks[path], default=None)


def _is_epoch(figures: Figures, numbers: int) -> bool:
    """Whether all those numbers can be times since 1970 that rise from event to event."""
    if figures.kinds["integer"] + figures.kinds["float"] != numbers:
        return False
    rises = figures.rising >= 0.9 * (numbers - 1)
    return rises and any(
        _FIRST_EPOCH * unit <= figures.low and figures.high <= _LAST_EPOCH * unit
        for unit in (1, 1e3, 1e6, 1e9)
    )


def _judged(figures: Figures) -> tuple[FieldRule, str]:
    """What a field's name and values say by themselves."""
    role = role_of(figures.path)
    if figures.path.endswith("*"):
        return _OPAQUE, "names of keys are values here: hidden as a whole"
    if figures.containers and not figures.values:
        return _OPAQUE, "arrays of objects: always hidden"
    if role in ("secret", "session", "place", "person"):
        is_text = figures.told and not figures.told - _count(figures, *_TEXTS)
        preset = protecting_preset(figures.path)
        drops = role == "secret" and is_text and (preset is None or preset[1] == "drop")
        return (_DROP if drops else _OPAQUE), _HIDDEN[role]
    if (by_kind := _by_kind(figures, role)) is not None:
        return by_kind
    if role in _HIDDEN:
        return _OPAQUE, _HIDDEN[role]
    if figures.values and _count(figures, "boolean", "float") == figures.values:
        pass  # nobody's name
    elif role == "id":
        return _DET, "an identifier: its events join"
    elif role in _BY_ROLE:
        return _shared(*_BY_ROLE[role])
    return _harmless(figures, role) or (_OPAQUE, _not_understood(figures, role))


_TEXTS: tuple[Kind, ...] = (
    "address", "network", "uri", "email", "phone", "digits", "mac", "url", "host", "dotted",
    "path", "uuid", "hash", "token", "mention", "time", "word", "number", "text",
)  # fmt: skip


def _by_kind(figures: Figures, role: Role | None) -> tuple[FieldRule, str] | None:
    """A scheme for values of which all, or nearly all, are of one kind that names somebody."""
    if not figures.told:
        return None
    kind, count = figures.kinds.most_common(1)[0]
    if kind == "placeholder":
        kind, count = figures.kinds.most_common(2)[-1]
    # a list of addresses, or a name among them, falls back to det in the same keyspace
    if count < (0.5 if kind == "address" else 0.8) * figures.told:
        return None
    if kind in ("digits", "integer") and role == "phone":
        return _shared(*_BY_KIND["phone"])
    if kind == "digits" and role == "user":
        return _shared(*_BY_KIND["phone"])
    if kind in ("uuid", "hash", "token") and role in ("id", "hash"):
        return None  # by its role
    if kind == "uuid":
        return _DET, "an identifier: its events join"
    if role == "query" and kind not in ("address", "host"):
        return None
    return _shared(*_BY_KIND[kind]) if kind in _BY_KIND else None


def _harmless(figures: Figures, role: Role | None) -> tuple[FieldRule, str] | None:
    """Clear or coarsened, if name and values agree that it is nobody's."""
    if figures.containers or not figures.told:
        return None
    numbers = _count(figures, "integer", "float")
    kind: str = "number" if numbers == figures.values else "keyword"
    if figures.kinds["time"] == figures.told and names_time(figures.path):
        rule = FieldRule(scheme="coarsen", kind="time", step=_DAY)
        return rule, "a time: its day"
    if numbers == figures.values and is_moment(figures.path) is not None:
        if _is_epoch(figures, numbers):
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
        return (_rounded(2**20), "a counter: rounded to 1 MiB") if coarse else None
    if role == "size":
        return _rounded(1024), "a size: exact ones tell which file or call it was"
    if role == "duration":
        return _rounded(10), "a duration: exact ones tell which call it was"
    return clear, "a counter" if role == "count" else "how fast it was served"


def _is_enumeration(figures: Figures) -> bool:
    """Whether all values are words or numbers of three digits, and repeat."""
    if _count(figures, "word", "number", "integer") != figures.told:
        return False
    if (
        figures.told < MIN_WORDS
        or figures.is_full
        or figures.distinct > MAX_WORDS
        or figures.low < 0
        or figures.high > 999
    ):
        return False
    return figures.distinct <= 12 or 2 * figures.distinct <= figures.values


def _not_understood(figures: Figures, role: Role | None) -> str:
    """Why a field is hidden, for who may know better."""
    if role in ("type", "status") and 0 < figures.told < MIN_WORDS:
        return "too few values to judge"
    if figures.identities:
        return "some values look as if they named somebody"
    if role in HARMLESS:
        return "named as harmless, but its values don't look so"
    if not figures.told:
        return "no values in the sample"
    return "not understood"


def _rounded(step: int) -> FieldRule:
    return FieldRule(scheme="coarsen", kind="number", step=step)


def _shared(keyspace: str, why: str) -> tuple[FieldRule, str]:
    return _SHARED[keyspace], why


def _count(figures: Figures, *kinds: Kind) -> int:
    return sum(figures.kinds[kind] for kind in kinds)


def _identities(found: Iterable[Suggestion]) -> set[int]:
    """Hashes of what fields of identities hold, and of users and hosts in URIs and addresses."""
    known: set[int] = set()
    for figures, rule, _ in found:
        if rule.keyspace in ("user", "host", "email", "phone", "sip.identity", "address"):
            known.update(figures.counts, figures.parts)
    return known - _PLACEHOLDERS


_PLACEHOLDERS = {hash(text) for p in PLACEHOLDERS for text in (p, p.upper(), p.title())}


def _checked(suggestion: Suggestion, identities: set[int], paths: Sequence[str]) -> Suggestion:
    """The suggestion, or a safer one where other fields or what a profile can hold are against."""
    figures, rule, _ = suggestion
    path = figures.path
    if rule.scheme == "opaque":
        return suggestion
    if not is_listable(path):
        return Suggestion(figures, _OPAQUE, "no name that a profile can hold")
    if rule.scheme == "drop" and any(other.startswith(f"{path}.") for other in paths):
        return Suggestion(figures, _OPAQUE, "a secret by its name, with fields below it")
    if rule.scheme in ("clear", "coarsen"):
        if (preset := protecting_preset(path)) is not None:
            why = f"the preset {preset[0]} protects it by {preset[1]}"
            return Suggestion(figures, _OPAQUE, why)
        if not identities.isdisjoint(figures.counts):
            return Suggestion(figures, _OPAQUE, "shares values with a field of identities")
    if rule == _DET and path in _SHARED:  # its own keyspace, by another name than a shared one
        return suggestion._replace(rule=rule.model_copy(update={"keyspace": f"{path} alone"}))
    return suggestion


def is_listable(path: str) -> bool:
    """Whether a profile can name a field, in a line that YAML takes for a key."""
    if not 0 < len(path) <= MAX_PATH or is_pattern(path):
        return False
    reserved = path == "zt" or path.startswith(("zt.", labels.RESERVED_PREFIX))
    return not reserved and len(quoted(path)) <= MAX_KEY


def _bounded(found: Iterable[Suggestion]) -> Iterable[Suggestion]:
    """As many visible fields as a store has columns for; the ones that most events have."""
    left = MAX_COLUMNS
    for suggestion in found:
        left -= suggestion.rule.is_visible
        if suggestion.rule.is_visible and left < 0:
            yield Suggestion(suggestion.figures, _OPAQUE, f"more than {MAX_COLUMNS} shown fields")
        else:
            yield suggestion
