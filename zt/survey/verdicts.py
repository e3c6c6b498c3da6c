"""Explaining a profile on a sample: what the cloud learns of each field, and whether that is well.

A verdict looks at a scheme and at what it is used for. Equality of few values, or of one that
stands nearly everywhere, tells which is which: such encryption hides nothing. Clear fields are
looked at value by value, and one that may name somebody is reason for an alarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from zt.profile import FieldRule, Profile
from zt.survey.figures import Figures
from zt.survey.harmless import is_epoch
from zt.survey.identities import known_identities
from zt.survey.kinds import IDENTITIES, Kind
from zt.survey.names import Role, role_of
from zt.survey.sample import DEFAULT_SAMPLE, STAR, Sample, read_sample
from zt.survey.view import ProfileView

FEW = 16
"""Distinct values, up to which equality tells which is which, if they repeat."""

DOMINANT = 0.5
"""The share of one value, from which on it is known by its frequency."""

MANY = 64
"""Distinct texts, up to which they may be the fixed ones of a program."""

ENOUGH = 20
"""Values, below which frequencies say nothing."""

Level = Literal["ok", "note", "warning", "alarm"]

_NAMED: frozenset[Role] = frozenset(
    ("secret", "session", "person", "user", "party", "mail", "phone", "query", "command")
)
_DOUBTFUL: tuple[Kind, ...] = ("text", "path", "dotted")
_WORDS_OF: dict[Kind, str] = {
    "address": "addresses", "network": "networks", "uri": "URIs", "email": "e-mail addresses",
    "phone": "phone numbers", "digits": "long numbers", "mac": "hardware addresses",
    "url": "URLs", "host": "names of hosts", "uuid": "identifiers", "hash": "hashes",
    "token": "tokens", "mention": "texts that name somebody", "text": "free texts",
    "path": "paths", "dotted": "dotted names",
}  # fmt: skip


@dataclass(frozen=True)
class FieldVerdict:
    """What becomes of a field. `learns` and `verdict` are for people; nothing quotes a value."""

    path: str
    rule: FieldRule
    derived_from: str | None
    figures: Figures
    learns: str
    level: Level
    verdict: str


@dataclass(frozen=True)
class Explanation:
    """The sample, and the verdicts on its fields, alarms first."""

    sample: Sample
    fields: tuple[FieldVerdict, ...]

    @property
    def alarms(self) -> int:
        """Fields that show the cloud what may name somebody."""
        return sum(field.level == "alarm" for field in self.fields)


def explain(lines: Iterable[bytes], profile: Profile, limit: int = DEFAULT_SAMPLE) -> Explanation:
    """What a profile would do with the first events of a stream of lines.

    Raises:
        InputError: there is no event among them.
    """
    view = ProfileView(profile)
    sample = read_sample(lines, limit, view)
    known = known_identities(sample.fields)
    found = [_judged(figures, view, profile, known) for figures in sample.fields]
    order: dict[Level, int] = {"alarm": 0, "warning": 1, "note": 2, "ok": 3}
    found.sort(key=lambda v: (order[v.level], not v.rule.is_visible, v.path))
    return Explanation(sample, tuple(found))


def _judged(figures: Figures, view: ProfileView, profile: Profile, known: set[int]) -> FieldVerdict:
    rule = view.rule(figures.first_path)
    origin = profile.derive.get(figures.path)
    level, verdict = _verdict(figures, rule, known)
    return FieldVerdict(
        figures.path,
        rule,
        f"{origin.part} of {origin.source}" if origin else None,
        figures,
        learns(rule),
        level,
        verdict,
    )


def learns(rule: FieldRule) -> str:
    """What the cloud learns of a field's values, in few words."""
    match rule.scheme:
        case "drop" | "opaque":
            return "nothing"
        case "clear" | "unsafe-clear":
            return "everything"
        case "coarsen":
            return "the value up to its step"
    known = ["equality"]
    if rule.scheme == "det":
        known.append("length")
    if rule.scheme == "fpe":
        known.append("length, kept digits" if rule.keep else "length")
    if rule.scheme == "ip":
        known.append("family, common prefixes" if rule.mode == "pfx" else "family")
    words = {
        "gram": "parts in common", "prefix": "common prefixes", "net": "subnets",
        "whole": "equality but for case",
    }  # fmt: skip
    return ", ".join([*known, *(words[kind] for kind in rule.search)])


def _verdict(figures: Figures, rule: FieldRule, known: set[int]) -> tuple[Level, str]:
    if not rule.is_visible:
        if rule.scheme == "drop":
            return "ok", "removed for good"
        return "ok", "hidden"
    if figures.path.endswith(STAR):
        return "alarm", "names of keys are values, and the cloud sees them: hide it as a whole"
    if rule.scheme in ("clear", "unsafe-clear"):
        return _clear(figures, known, is_meant=rule.scheme == "unsafe-clear")
    if rule.scheme == "coarsen" and rule.kind == "number" and 2 * figures.big > figures.values:
        return "warning", "long numbers, of which rounding hides little: opaque, fpe"
    return _keyed(figures, rule)


def _clear(figures: Figures, known: set[int], *, is_meant: bool) -> tuple[Level, str]:
    shown = {kind: count for kind, count in figures.kinds.items() if kind in IDENTITIES}
    role = role_of(figures.path)
    numbers = _long_numbers(figures)
    if numbers and (figures.distinct > MANY or figures.is_full):
        shown["digits"] = numbers
    else:
        shown.pop("digits", None)  # an id of a rule, or the like
    shared = sum(key in known for key in figures.counts)
    if shown or shared or (role in _NAMED and figures.told):
        words = ", ".join(f"{count} {_WORDS_OF[kind]}" for kind, count in sorted(shown.items()))
        what = words or "values of a field that names somebody"
        if shared and not words and role not in _NAMED:
            what = f"{shared} distinct values that name somebody in another field"
        if is_meant:
            return "warning", f"in clear, as unsafe-clear says: {what}"
        return "alarm", f"IN CLEAR: {what}; use det, uri, fpe, ip, or opaque"
    if role == "place" and figures.told:
        return "warning", "in clear: where somebody is; opaque, unless it is nobody's place"
    if numbers:
        return "warning", f"in clear: {numbers} long numbers; fpe or det, unless they are nobody's"
    doubtful = [kind for kind in _DOUBTFUL if figures.kinds[kind]]
    if doubtful:
        words = ", ".join(f"{figures.kinds[kind]} {_WORDS_OF[kind]}" for kind in doubtful)
        if not is_meant and (figures.distinct > MANY or figures.is_full):
            return "alarm", f"IN CLEAR: {words}; use opaque, or det with gram to search them"
        return "warning", f"in clear: {words}; opaque, unless they are nobody's"
    return "ok", "clear, and names nobody by its looks"


def _long_numbers(figures: Figures) -> int:
    """Numbers of seven digits or more that are no times: of people, perhaps."""
    if is_epoch(figures, figures.values):
        return 0
    return figures.big + figures.kinds["digits"]


def _keyed(figures: Figures, rule: FieldRule) -> tuple[Level, str]:
    if figures.values >= ENOUGH and 2 * figures.unfit > figures.values:
        unfit = f"{figures.unfit} of {figures.values} values don't fit {rule.scheme}"
        return "warning", f"{unfit} and fall back to det: use det, or opaque"
    unfit = ""
    if figures.unfit:
        unfit = f"; {figures.unfit} values don't fit and fall back to det"
    if figures.values < ENOUGH:
        return "note", f"too few values to judge{unfit}"
    if not rule.is_keyed:
        instead = "opaque, or a wider step"
    elif 2 * figures.counted("integer", "float", "time") > figures.values:
        instead = "opaque, coarsen, or clear if it's no secret"
    else:
        instead = "opaque, or clear if it's no secret"
    if figures.distinct <= min(FEW, figures.values // 2) and not figures.is_full:
        few = "one value" if figures.distinct == 1 else f"{figures.distinct} values"
        return "warning", f"{few} only, so this hides nothing: {instead}{unfit}"
    if figures.share >= DOMINANT:
        return "warning", f"one value stands out, which is not hidden: {instead}{unfit}"
    return ("note" if unfit else "ok"), f"fine{unfit}"
