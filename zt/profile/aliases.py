"""Aliases: names by which questions ask for one of several fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from zt.profile.patterns import is_pattern
from zt.schemes.drop import prefixes

if TYPE_CHECKING:
    from zt.profile.model import Profile

EXISTS = "_exists_"
"""What stands for a field in questions for events that have one."""

MAX_ALIASED = 32
"""Fields that an alias may stand for: a question on it asks for each of them."""


def _distinct(paths: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(paths)) != len(paths):
        raise ValueError("a field stands twice")
    return paths


Aliased = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=256)], ...],
    Field(min_length=1, max_length=MAX_ALIASED),
    AfterValidator(_distinct),
]
"""The paths of an alias's fields."""


def wrong_alias(profile: Profile, alias: str) -> str | None:
    """Why an alias of a profile can't be, None if it can."""
    if is_pattern(alias) or alias == EXISTS:
        return f"an alias has no * in it, and is not {EXISTS}"
    names = {name for path in profile.fields for name in prefixes(path)}
    patterns = profile.patterns()
    if alias in names or patterns.match(alias) or patterns.leads_to(alias):
        return "a field has this name, or begins with it"
    for path in profile.aliases[alias]:
        rule = None if is_pattern(path) else profile.rule_for(path)
        if rule is None or not rule.is_visible:
            return f"{path} is no field that a rule shows"
    return None
