"""Patterns of fields: what they fit, which wins, which pairs are refused."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zt.configuration import parse_yaml
from zt.errors import ProfileError
from zt.profile import Profile
from zt.profile.load import check_clear_fields
from zt.profile.patterns import Patterns, ambiguous, overlap


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.ip", "client.ip", True),
        ("*.ip", "ip", False),
        ("*.ip", "a.b.ip", False),
        ("*.ip", "client.ipx", False),
        ("*.ip", ".ip", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.*", "a", False),
        ("x*y", "xy", True),
        ("x*y", "x\ny", True),
        ("x*y", "x.y", False),
        ("*", "anything", True),
        ("*", "a.b", False),
        ("a+.*", "a+.b", True),
        ("a+.*", "aa.b", False),
    ],
)
def test_what_a_pattern_fits(pattern: str, path: str, fits: bool) -> None:
    assert (Patterns([pattern]).match(path) == pattern) is fits


def test_the_most_specific_pattern_wins() -> None:
    patterns = Patterns(["*.*", "a.*", "a.b*", "a.b*c", "a.*z", "*"])
    assert patterns.match("x.y") == "*.*"
    assert patterns.match("a.y") == "a.*"
    assert patterns.match("a.bx") == "a.b*"
    assert patterns.match("a.bxc") == "a.b*c"
    assert patterns.match("x") == "*"
    assert patterns.match("x.y.z") is None


def test_where_fields_may_lie_below() -> None:
    patterns = Patterns(["*.nat.ip", "a.b*.c"])
    assert patterns.leads_to("x")
    assert patterns.leads_to("x.nat")
    assert patterns.leads_to("a.bz")
    assert not patterns.leads_to("x.y")
    assert not patterns.leads_to("x.nat.ip")


SEGMENTS = st.text(alphabet="ab*", min_size=1, max_size=3).filter(lambda text: "**" not in text)
TEXTS = ["".join(letters) for n in range(6) for letters in product("ab", repeat=n)]


@settings(max_examples=200)
@given(SEGMENTS, SEGMENTS)
def test_ambiguity_is_what_it_says(one: str, two: str) -> None:
    """Against the definition, over every text of up to five letters."""
    a = {text for text in TEXTS if Patterns([one]).match(text)}
    b = {text for text in TEXTS if Patterns([two]).match(text)}
    assert overlap(one, two) is bool(a & b)
    if one != two:
        assert (ambiguous([one, two]) is not None) is bool(a & b and not a <= b and not b <= a)
    winner = Patterns([one, two]).match(next(iter(a & b), "c"))
    if a & b and a < b:
        assert winner == one


TWICE = "derive:\n  h: {from: a, part: host}\n  g: {from: h, part: host}\n"
BASE = "name: x\nfields:\n  t: {scheme: drop}\n"
WRONG = {
    "two that share fields": ('  "a.*": {scheme: det}\n  "*.b": {scheme: det}\n', 5, "same fields"),
    "two stars": ('  "a.**": {scheme: det}\n', 4, "one \\* for any run"),
    "below a dropped field": ("  t.u: {scheme: det}\n", 4, "below one that is dropped"),
    "a keyspace that is a path": (
        '  "a.*": {scheme: det}\n  b: {scheme: det, keyspace: a.c}\n',
        4,
        "have their paths for keyspaces",
    ),
    "schemes that differ": (
        "  a: {scheme: det, keyspace: k}\n  b: {scheme: uri, keyspace: k}\n",
        5,
        "differ in their scheme",
    ),
    "keeps that differ": (
        "  a: {scheme: fpe, keyspace: k}\n  b: {scheme: fpe, keyspace: k, keep: 2}\n",
        5,
        "differ in their keep",
    ),
    "modes that differ": (
        "  a: {scheme: ip, keyspace: k}\n  b: {scheme: ip, keyspace: k, mode: pfx}\n",
        5,
        "differ in their mode",
    ),
    "uri by prefix": (
        "  a: {scheme: uri, search: [prefix]}\n",
        4,
        "no search tokens of kind prefix",
    ),
    "coarsen by gram": (
        "  a: {scheme: coarsen, kind: number, step: 1, search: [gram]}\n",
        4,
        "takes no search",
    ),
    "pfx with net": ("  a: {scheme: ip, mode: pfx, search: [net]}\n", 4, "leave net out"),
    "coarsen without a step": ("  a: {scheme: coarsen, kind: number}\n", 4, "needs a step"),
    "coarsen without a kind": ("  a: {scheme: coarsen, step: 5}\n", 4, "kind time or number"),
    "no span": ("  a: {scheme: coarsen, kind: time, step: 1y}\n", 4, "a span of time is written"),
    "keep of det": ("  a: {scheme: det, keep: 2}\n", 4, "det takes no keep"),
    "step of det": ("  a: {scheme: det, step: 2}\n", 4, "det takes no step"),
    "a negative keep": ("  a: {scheme: fpe, keep: -1}\n", 4, "keep: write country, or"),
    "derived and not listed": (
        "derive: {h: {from: a, part: host}}\n",
        4,
        "needs a rule that shows it",
    ),
    "derived and hidden": (
        "  h: {scheme: opaque}\nderive: {h: {from: a, part: host}}\n",
        5,
        "needs a rule that shows it",
    ),
    "derived by a pattern": (
        '  h: {scheme: det}\nderive: {h: {from: "a.*", part: host}}\n',
        5,
        "have no \\*",
    ),
    "derived twice over": (
        "  h: {scheme: det}\n  g: {scheme: det}\n" + TWICE,
        8,
        "derived from a derived field",
    ),
    "time by a pattern": (
        '  "t*": {scheme: clear, kind: time}\ntime: "t*"\n',
        5,
        "and of kind time",
    ),
    "below a field dropped by a pattern": (
        '  "a*": {scheme: drop}\n  ab.c: {scheme: det}\n',
        5,
        "below one that is dropped",
    ),
    "a reserved name": ('  "zt:profile": {scheme: det}\n', 4, "start with zt are reserved"),
    "an unknown part": ("  h: {scheme: det}\nderive: {h: {from: a, part: hots}}\n", 5, "'scheme'"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str) -> None:
    more, line, reason = WRONG[name]
    with pytest.raises(ProfileError, match=rf"x\.yaml, line {line}: .*{reason}"):
        parse_yaml((BASE + more).encode(), "x.yaml", Profile, ProfileError)


UNSAFE = {
    "a field": ("sip.from: {scheme: clear}", True),
    "spelled out": ("sip.from: {scheme: unsafe-clear}", False),
    "a field that a pattern of a preset fits": ("nat.ip: {scheme: clear}", True),
    "a pattern over a field": ('"sip.*": {scheme: clear}', True),
    "a pattern over another": ('"*_agent.original": {scheme: clear}', True),
    "a derived part": (
        "u: {scheme: clear}\nderive: {u: {from: sip.from, part: user}}",
        True,
    ),
    "an unknown field": ("shoe_size: {scheme: clear}", False),
    "coarsened": ("sip.from: {scheme: coarsen, kind: number, step: 5}", False),
}


@pytest.mark.parametrize("name", UNSAFE)
def test_clear_must_be_spelled_out_where_a_preset_protects(name: str) -> None:
    fields, refused = UNSAFE[name]
    text = f"name: x\nfields:\n  {fields}\n".encode()
    if refused:
        with pytest.raises(ProfileError, match=r"line 3: .*write scheme: unsafe-clear"):
            parse_yaml(text, "x.yaml", Profile, ProfileError, check_clear_fields)
    else:
        parse_yaml(text, "x.yaml", Profile, ProfileError, check_clear_fields)


def test_the_order_of_search_kinds_does_not_matter() -> None:
    fields = "{a: {scheme: det, keyspace: k, search: [whole, gram]}, b: {scheme: det, keyspace: k, "
    text = f"name: x\nfields: {fields}search: [gram, whole]}}}}\n"
    profile = parse_yaml(text.encode(), "x.yaml", Profile, ProfileError)
    assert profile.fields["a"].search == profile.fields["b"].search == ("gram", "whole")
