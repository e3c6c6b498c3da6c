"""Judging fields: a scheme for each, by its name and its values; opaque for what is not plain.

Clear is only what its name says to be harmless and what looks so in every value of the sample:
words that repeat, small numbers, the event's time. One value that may name somebody is enough to
hide the field, and so is a word that stands in a field of identities too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from analytics.wire import MAX_COLUMNS
from keys import labels
from zt.profile.load import load_preset, preset_names, protecting_preset
from zt.profile.model import FieldRule
from zt.profile.patterns import is_pattern
from zt.survey.figures import Figures
from zt.survey.harmless import EVENT_TIME, MIN_WORDS, event_time, harmless
from zt.survey.identities import known_identities
from zt.survey.kinds import Kind
from zt.survey.names import HARMLESS, Role, role_of
from zt.survey.sample import Sample
from zt.survey.yaml_text import MAX_KEY, quoted

MAX_PATH = 256  # characters, as many as a profile takes

MIN_ALIKE = 5
"""Fields that a preset must name to be worth a comparison."""


class Suggestion(NamedTuple):
    """What is suggested for a field, and why in a few words."""

    figures: Figures
    rule: FieldRule
    why: str


class Likeness(NamedTuple):
    """How many of a sample's fields a preset has rules for."""

    preset: str
    fields: int


@dataclass(frozen=True)
class Suggested:
    """A whole suggestion: the event's time, every field of the sample, a preset to compare with."""

    time: str | None
    fields: tuple[Suggestion, ...]
    preset: Likeness | None


_MARKS: Final = {"honeynet": "observer.name"}
"""Presets that are only for events with this field: a probe's own are none of a honeypot's."""

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
    "party": ("user", "who talks to whom"),
    "mail": ("email", "e-mail addresses"),
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
    """A suggestion for every field of a sample: the time, then those that most events have."""
    time = event_time(sample.fields, sample.events)
    ordered = sorted(sample.fields, key=lambda f: (f.path != time, -f.events, f.path))
    found: list[Suggestion] = []
    for figures in ordered:
        rule, why = EVENT_TIME if figures.path == time else _judged(figures)
        found.append(Suggestion(figures, rule, why))
    paths = [figures.path for figures in ordered]
    identities = known_identities(sample.fields)
    checked = [_checked(suggestion, identities, paths) for suggestion in found]
    if time is not None and not any(s.figures.path == time and s.rule.is_visible for s in checked):
        time = None
    return Suggested(time, tuple(_bounded(checked)), _closest_preset(ordered))


def _closest_preset(fields: Sequence[Figures]) -> Likeness | None:
    """The preset that knows the most of what stands in events, if it knows half of it.

    None that shows what another one protects: who wants that one knows so.
    """
    best, most = None, sum(figures.events for figures in fields) / 2
    for name in preset_names():
        preset = load_preset(name)
        if any(rule.scheme == "unsafe-clear" for rule in preset.fields.values()):
            continue
        if (mark := _MARKS.get(name)) is not None and all(f.path != mark for f in fields):
            continue
        known = [f.events for f in fields if preset.rule_for(f.path) is not None]
        if sum(known) > most and len(known) >= MIN_ALIKE:
            best, most = Likeness(name, len(known)), sum(known)
    return best


def _judged(figures: Figures) -> tuple[FieldRule, str]:
    """What a field's name and values say by themselves."""
    role = role_of(figures.path)
    if figures.path.endswith("*"):
        return _OPAQUE, "names of keys are values here: hidden as a whole"
    if figures.containers and not figures.values:
        return _OPAQUE, "arrays of objects: always hidden"
    if role in ("secret", "session", "place", "person"):
        is_text = figures.told and not figures.told - figures.counted(*_TEXTS)
        preset = protecting_preset(figures.path)
        drops = role == "secret" and is_text and (preset is None or preset[1] == "drop")
        return (_DROP if drops else _OPAQUE), _HIDDEN[role]
    if role in _MORE_THAN_KINDS:
        return _by_role(figures, role)
    if (by_kind := _by_kind(figures, role)) is not None:
        return by_kind
    if role in _HIDDEN:
        return _OPAQUE, _HIDDEN[role]
    if role in _BY_ROLE:
        return _by_role(figures, role)
    return harmless(figures, role) or (_OPAQUE, _not_understood(figures, role))


_MORE_THAN_KINDS: tuple[Role, ...] = ("id", "hash", "agent", "command")
"""Roles that say more than kinds: a Call-ID looks like an e-mail address."""


def _by_role(figures: Figures, role: Role) -> tuple[FieldRule, str]:
    """A scheme for identities by name, which have no common look."""
    if figures.values and figures.counted("boolean", "float") == figures.values:
        return _OPAQUE, "no name of anything, whatever it is called"
    if role == "id":
        return _DET, "an identifier: its events join"
    return _shared(*_BY_ROLE[role])


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
    is_number = kind == "digits" or (kind == "integer" and figures.big > 0)
    if is_number and role in ("phone", "party"):
        return _shared(*_BY_KIND["phone"])
    if kind == "uuid":
        return _DET, "an identifier: its events join"
    if role == "query" and kind not in ("address", "host"):
        return None
    return _shared(*_BY_KIND[kind]) if kind in _BY_KIND else None


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


def _shared(keyspace: str, why: str) -> tuple[FieldRule, str]:
    return _SHARED[keyspace], why


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
