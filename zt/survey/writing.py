"""Writing a suggestion as a commented profile. Comments hold figures and names, no values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from zt.configuration import parse_yaml
from zt.errors import ProfileError
from zt.profile.load import check_clear_fields
from zt.profile.model import FieldRule, Profile
from zt.survey.figures import Figures
from zt.survey.judge import Likeness, Suggested, Suggestion, is_listable
from zt.survey.sample import Sample
from zt.survey.yaml_text import key, quoted
from zt.units import format_span

MAX_HIDDEN = 300
"""Hidden fields that are listed, so that a person can decide otherwise."""

MAX_UNLISTED = 50
"""Fields that no profile can name, of which a comment tells."""

_HEAD = """\
# Suggested by `zt profile suggest` from names and values of {events} events. Read it before use:
# - What is clear here stays clear whatever later events put there.
# - What no line names is hidden too.
# - What is hidden can't be grouped or searched: give it a scheme if that is needed.
# `zt profile explain` says what the cloud learns under this profile.
# Figures behind the lines: events with the field, distinct values, share of the most frequent.
"""
_GROUPS = (
    ("clear", "In clear, or rounded: what happened, when and how it ended."),
    ("keyed", "Encrypted so that the cloud can group, join and search them."),
    ("hidden", "Hidden, or dropped for good."),
)


def write_profile(sample: Sample, suggested: Suggested, name: str = "suggested") -> str:
    """The YAML text of a profile that `load_profile` takes.

    Raises:
        ProfileError: it would not load, for a name that is none.
    """
    text = "\n".join(_lines(sample, suggested, name)) + "\n"
    parse_yaml(text.encode(), "the suggested profile", Profile, ProfileError, check_clear_fields)
    return text


def _lines(sample: Sample, suggested: Suggested, name: str) -> Iterator[str]:
    yield _HEAD.format(events=sample.events).rstrip("\n")
    if (known := suggested.preset) is not None:
        yield f"# {compare(known, len(suggested.fields))}"
    yield f"name: {quoted(name)}"
    yield f"description: suggested from {sample.events} events"
    if suggested.time is not None:
        yield f"time: {key(suggested.time)}"
    yield "fields:"
    listed = [s for s in suggested.fields if is_listable(s.figures.path)]
    for group, title in _GROUPS:
        own = [s for s in listed if _group(s.rule) == group]
        if group == "hidden":  # what is dropped must be listed, what is opaque need not
            own = sorted(own, key=lambda s: s.rule.scheme != "drop")[:MAX_HIDDEN]
        if own:
            yield f"  # {title}"
        yield from map(_line, own)
    if not listed:
        yield '  "*": {scheme: opaque}  # nothing can be named'
    others = [s for s in suggested.fields if not is_listable(s.figures.path)]
    for figures, _, why in others[:MAX_UNLISTED]:
        yield f"  # {quoted(figures.path[:64])}: {why}"
    if len(listed) + len(others) > MAX_HIDDEN:
        yield "  # what has no line here is hidden too"


def compare(known: Likeness, fields: int) -> str:
    """Advice to begin with a preset, which people wrote who know the format."""
    return (
        f"The preset {known.preset} knows {known.fields} of these {fields} fields: it may be the "
        "better start."
    )


def _group(rule: FieldRule) -> str:
    if rule.scheme in ("clear", "coarsen"):
        return "clear"
    return "keyed" if rule.is_keyed else "hidden"


def _line(suggestion: Suggestion) -> str:
    figures, rule, why = suggestion
    return f"  {key(figures.path)}: {{{', '.join(_options(rule))}}}  # {why}; {counted(figures)}"


def _options(rule: FieldRule) -> Iterable[str]:
    yield f"scheme: {rule.scheme}"
    if rule.keyspace is not None:
        yield f"keyspace: {key(rule.keyspace)}"
    if rule.search:
        yield f"search: [{', '.join(rule.search)}]"
    if not rule.is_keyed and rule.kind != "keyword":
        yield f"kind: {rule.kind}"
    if rule.step is not None:
        yield f"step: {format_span(rule.step) if rule.kind == 'time' else rule.step}"


def counted(figures: Figures) -> str:
    """A field's figures in short."""
    least = ">=" if figures.is_full else ""
    return f"{figures.events} events, {least}{figures.distinct} distinct, top {figures.share:.0%}"
