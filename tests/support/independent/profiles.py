"""Section 11 of docs/formats.md: profiles, which rule a path has, which profiles are refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations
from typing import Any

from .conventions import Json, compact
from .schemes import HIDDEN

MAX_PATH = 256
_ENCRYPTED = ("det", "uri", "fpe", "ip")
_SCHEMES = ("clear", "unsafe-clear", "drop", "opaque", *_ENCRYPTED, "coarsen")
_KINDS = ("keyword", "ip", "number", "time", "text")
_PARTS = ("scheme", "host", "user", "subnet", "country", "national", "domain", "hour")
_SEARCH = {
    "det": {"gram", "prefix", "whole", "net"},
    "uri": {"gram", "whole"},
    "fpe": {"gram", "prefix", "whole"},
    "ip": {"gram", "whole", "net"},
}
_FOR: dict[str, tuple[str, ...]] = {
    "keyspace": _ENCRYPTED,
    "search": _ENCRYPTED,
    "kind": ("clear", "unsafe-clear", "coarsen"),
    "keep": ("fpe",),
    "mode": ("ip",),
    "step": ("coarsen",),
}
_DEFAULTS: dict[str, Any] = {"keyspace": None, "search": [], "kind": "keyword", "keep": 0}
_DEFAULTS |= {"mode": "fpe", "step": None}


# --- patterns --------------------------------------------------------------------------------


def fits(pattern: str, path: str) -> bool:
    """Whether a path, or the first segments of one, fit a pattern as a whole."""
    return re.fullmatch(_regex(pattern), path) is not None


def _regex(pattern: str) -> str:
    return r"(?s:[^.]*)".join(map(re.escape, pattern.split("*")))


def _specificity(pattern: str) -> tuple[int, int]:
    stars = pattern.count("*")
    return stars - len(pattern), stars


class Profile:
    """A profile as an object, and the rules of paths."""

    def __init__(self, content: Json) -> None:
        self.content = content
        self.name: str = content["name"]
        self.time: str | None = content.get("time")
        self.fields: dict[str, Json] = content["fields"]
        self.derive: dict[str, Json] = content.get("derive", {})
        self.patterns = sorted((key for key in self.fields if "*" in key), key=_specificity)
        self.key_of = cache(self._key_of)
        self.is_dropped = cache(self._is_dropped)
        self.is_entered = cache(self._is_entered)

    def _key_of(self, path: str) -> str | None:
        """The key of `fields` that decides on a path."""
        if path in self.fields:
            return path
        return next((pattern for pattern in self.patterns if fits(pattern, path)), None)

    def rule_of(self, path: str) -> Json | None:
        key = self.key_of(path)
        return None if key is None else self.fields[key]

    def _is_dropped(self, path: str) -> bool:
        """Whether the path, or a prefix of it that ends at a dot, has the rule `drop`."""
        segments = path.split(".")
        prefixes = (".".join(segments[:count]) for count in range(1, len(segments) + 1))
        rules = (self.rule_of(prefix) for prefix in prefixes)
        return any(rule is not None and rule["scheme"] == "drop" for rule in rules)

    def _is_entered(self, path: str) -> bool:
        """Whether one goes down into an object with entries."""
        if any(key.startswith(path + ".") for key in self.fields):
            return True
        count = path.count(".") + 1
        heads = [pattern.split(".") for pattern in self.patterns]
        return any(len(head) > count and fits(".".join(head[:count]), path) for head in heads)

    def is_shown(self, path: str) -> bool:
        """Whether a body may have a field of this path."""
        key = self.key_of(path)
        if key is None or (key != path and len(path) > MAX_PATH):
            return False
        return self.fields[key]["scheme"] not in HIDDEN and not self.is_dropped(path)


@cache
def meet(one: str, two: str) -> bool:
    """Whether some path fits both patterns."""
    if not one or not two:
        return not (one + two).strip("*")
    if one[0] == "*":
        return meet(one[1:], two) or (two[0] != "." and meet(one, two[1:]))
    if two[0] == "*":
        return meet(two, one)
    return one[0] == two[0] and meet(one[1:], two[1:])


def covers(wide: str, narrow: str) -> bool:
    """Whether all paths of a pattern fit the other: so does one with a character of its own."""
    return fits(wide, narrow.replace("*", "\0"))


# --- which profiles there are ----------------------------------------------------------------


def parse_profile(text: bytes) -> Profile:
    """A normalised profile; refuses every other text."""
    content = json.loads(text)
    if compact(content, ordered=True).encode() != text:
        raise ValueError("a profile is not in its normal spelling")
    for problem in problems(content):
        raise ValueError(problem)
    return Profile(content)


def problems(profile: Any) -> Iterator[str]:
    """What the page forbids, the first of it; what comes behind the first may raise."""
    known = {"name", "time", "derive", "aliases", "fields"}
    if not isinstance(profile, dict) or not profile.keys() <= known:
        yield "unknown keys"
        return
    if not _is_text(profile.get("name"), r"[a-z0-9][a-z0-9-]{0,62}"):
        yield "no name"
    fields, derive = profile.get("fields"), profile.get("derive", None)
    if not isinstance(fields, dict) or not fields:
        yield "no fields"
        return
    if derive is not None and (not isinstance(derive, dict) or not derive):
        yield "no derivations"
        return
    for path, rule in fields.items():
        if not _is_path(path) or path.startswith("zt:") or "**" in path:
            yield f"no path: {path}"
        yield from _rule_problems(rule)
    for path, derivation in (derive or {}).items():
        yield from _derivation_problems(profile, path, derivation)
    yield from _time_problems(profile)
    yield from _whole_problems(profile)
    if "aliases" in profile:
        yield from _alias_problems(profile)


def _is_text(value: Any, pattern: str) -> bool:
    return isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) is not None


def _is_path(path: Any) -> bool:
    return _is_text(path, ".{1,256}") and path != "zt" and not path.startswith("zt.")


def is_integer(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _rule_problems(rule: Any) -> Iterator[str]:
    if not isinstance(rule, dict) or rule.get("scheme") not in _SCHEMES:
        yield "an unknown scheme"
        return
    scheme = rule["scheme"]
    for option, value in rule.items():
        if option == "scheme":
            continue
        if option not in _FOR or scheme not in _FOR[option]:
            yield f"{option} of {scheme}"
        elif value == _DEFAULTS[option] and type(value) is type(_DEFAULTS[option]):
            yield f"{option} has its default"
        elif not _is_option(rule, option, value):
            yield f"{option} is wrong"
    if scheme == "coarsen" and ("step" not in rule or rule.get("kind") not in ("number", "time")):
        yield "coarsen without step or kind"


def _is_option(rule: Json, option: str, value: Any) -> bool:
    match option:
        case "keyspace":
            return _is_text(value, ".{1,256}") and not value.startswith("zt:")
        case "search":
            allowed = _SEARCH[rule["scheme"]] - ({"net"} if rule.get("mode") == "pfx" else set())
            if not isinstance(value, list) or not set(map(str, value)) <= allowed:
                return False
            return value == sorted(set(value))
        case "kind":
            return value in _KINDS
        case "keep":
            return value == "country" or is_integer(value, 0, 15)
        case "mode":
            return bool(value == "pfx")
    return is_integer(value, 1, 2**63 - 1)


def _derivation_problems(profile: Json, path: str, derivation: Any) -> Iterator[str]:
    rule = profile["fields"].get(path)
    if "*" in path or not isinstance(rule, dict) or rule.get("scheme") in HIDDEN:
        yield "a derived field is not shown"
    known = {"from", "part", "region", "v4", "v6"}
    if not isinstance(derivation, dict) or not derivation.keys() <= known:
        yield "unknown keys of a derivation"
        return
    source = derivation.get("from")
    if not isinstance(source, str) or not re.fullmatch(r"(?s:[^*]{1,256})", source):
        yield "no source"
    elif source in profile["derive"]:
        yield "a source is derived itself"
    if derivation.get("part") not in _PARTS:
        yield "an unknown part"
    if "region" in derivation and not _is_text(derivation["region"], "[A-Z]{2}"):
        yield "no region"
    for option, default, high in (("v4", 24, 32), ("v6", 48, 128)):
        if option in derivation:
            value = derivation[option]
            if not is_integer(value, 1, high) or value == default:
                yield f"{option} is wrong"


def _time_problems(profile: Json) -> Iterator[str]:
    if "time" not in profile:
        return
    path = profile["time"]
    rule = profile["fields"].get(path) if isinstance(path, str) and "*" not in path else None
    if not isinstance(rule, dict) or rule.get("kind") != "time":
        yield "the time is no field of kind time"


def _alias_problems(profile: Json) -> Iterator[str]:
    aliases = profile["aliases"]
    if not isinstance(aliases, dict) or not aliases:
        yield "no aliases"
        return
    whole = Profile(profile)
    for alias, paths in aliases.items():
        if not re.fullmatch(r"(?s:[^*]{1,256})", alias) or alias == "_exists_":
            yield "no name for an alias"
        if whole.key_of(alias) is not None or whole.is_entered(alias):
            yield "a field has the name of an alias"
        if not isinstance(paths, list) or not 1 <= len(paths) <= 32:
            yield "no list of fields"
            return
        if len(set(map(str, paths))) != len(paths):
            yield "a field stands twice"
        for path in paths:
            rule = whole.rule_of(path) if _is_text(path, r"[^*]{1,256}") else None
            if rule is None or rule["scheme"] in HIDDEN:
                yield "an alias of what is not shown"


def _whole_problems(profile: Json) -> Iterator[str]:
    fields = {p: rule for p, rule in profile["fields"].items() if isinstance(rule, dict)}
    spaces: dict[str, tuple[Any, ...]] = {}
    for path, rule in fields.items():
        if rule.get("scheme") in _ENCRYPTED:
            options = tuple(rule.get(key, _DEFAULTS[key]) for key in ("search", "keep", "mode"))
            same = (rule["scheme"], *map(str, options))
            if spaces.setdefault(rule.get("keyspace", path), same) != same:
                yield "a keyspace has two rules"
    named = {rule["keyspace"] for rule in fields.values() if "keyspace" in rule}
    for path, rule in fields.items():
        if "*" in path and "keyspace" not in rule and rule.get("scheme") in _ENCRYPTED:
            for name in named:
                if isinstance(name, str) and fits(path, name) and name not in fields:
                    yield "a keyspace that is named fits a pattern without one"
    whole = Profile(profile)
    for path, rule in fields.items():
        if rule.get("scheme") != "drop" and any(
            whole.is_dropped(path[:place]) for place, c in enumerate(path) if c == "."
        ):
            yield "a rule lies below a dropped path"
    for one, two in combinations([p for p in fields if "*" in p], 2):
        if meet(one, two) and not covers(one, two) and not covers(two, one):
            yield f"{one} and {two} are ambiguous"
