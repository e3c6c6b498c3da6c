"""Questions evaluated on plaintext events, whatever their spelling."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.every_scheme import DERIVE, FIELDS

from keys import Ring
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.profile import Profile, load_profile
from zt.query import And, Node, Not, Or, Term, expand, matches, parse
from zt.query.evaluate import texts_at


@pytest.fixture
def plan(shared_ring: Ring) -> Plan:
    """Of a profile in which no field but the time has a form of its own."""
    profile = load_profile("generic")
    return Plan(profile, shared_ring.active, profile.id(shared_ring.tenant_key))


EVENT: dict[str, Any] = {
    "type": "call-start",
    "sip": {"from": "sip:Alice@example.org", "to": ["x", "Y", None, 5], "request.uri": "u"},
    "sip.request": {"method": "INVITE"},
    "a.b": {"c.d": True},
    "n": 1.0,
    "m": 10**30,
    "z": -0.0,
    "none": None,
    "empty": {},
    "list": [],
    "text": "",
    "objects": [{"a": 1}],
    "": {"": "nameless"},
}


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("type", ["call-start"]),
        ("sip.from", ["sip:Alice@example.org"]),
        ("sip.to", ["x", "Y", "5"]),
        ("sip.request.uri", ["u"]),
        ("sip.request.method", ["INVITE"]),
        ("a.b.c.d", ["true"]),
        ("n", ["1.0"]),
        ("m", ["1" + "0" * 30]),
        ("z", ["-0.0"]),
        ("none", []),
        ("empty", []),
        ("list", []),
        ("text", [""]),
        ("objects", []),
        ("objects.a", []),
        ("sip", []),
        ("sip.fro", []),
        ("sip.from.x", []),
        (".", ["nameless"]),
        ("", []),
        ("nothing", []),
    ],
)
def test_texts_at_a_path(path: str, texts: list[str]) -> None:
    assert texts_at(EVENT, path) == texts


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("*", True),
        ("type:call-start", True),
        ("type:Call-start", False),  # equality is exact
        ("type:call", False),
        ("sip.from:*ALICE*", True),  # parts are folded
        ("sip.from:sip:alice*", True),
        ("sip.from:alice*", False),
        ("sip.from:*.ORG", True),
        ("sip.from:*alice", False),
        ("sip.to:Y", True),
        ("sip.to:y", False),
        ("sip.to:5", True),
        ("sip.to:None", False),
        ("sip.to:null", False),
        ("n:1.0", True),
        ("n:1", False),
        ("a.b.c.d:true", True),
        ('text:""', True),
        ('none:""', False),
        ("type:call-start AND sip.to:x", True),
        ("type:call-start AND sip.to:z", False),
        ("sip.to:x AND sip.to:Y", True),
        ("nothing:x", False),
        ("type:x OR sip.to:x", True),
        ("type:x OR sip.to:z", False),
        ("NOT type:x", True),
        ("NOT sip.to:x", False),  # no element is x
        ("NOT sip.to:z", True),
        ("NOT nothing:x", True),
        ("NOT nothing:*", True),
        ("NOT *", False),
        ("NOT (type:call-start AND sip.to:z)", True),
        ("sip.to:(x AND Y)", True),  # of an array, one element each
        ("sip.to:(x -Y)", False),
        ("sip.from:s?p:*@*.org", True),
        ("sip.from:sip:?lice@*", True),
        ("sip.from:*@*@*", False),
        ("type:CALL?START", True),
        ("type:call?", False),
        ("type:*", True),
        ("_exists_:sip.to", True),
        ("_exists_:text", True),
        ("_exists_:none", False),
        ("_exists_:empty", False),
        ("_exists_:list", False),
        ("_exists_:objects", False),
        ("_exists_:sip", False),
        ("_exists_:nothing", False),
    ],
)
def test_questions(plan: Plan, question: str, found: bool) -> None:
    assert matches(parse(question), EVENT, plan) is found


@pytest.mark.parametrize(
    ("operator", "text", "value", "found"),
    [
        ("contains", "strasse", "Hauptstraße 5", True),
        ("contains", "STRASSE", "Hauptstraße 5", True),
        ("contains", "straße", "HAUPTSTRASSE", True),
        ("startswith", "ＡＢＣ", "abcd", True),
        ("endswith", "fi", "\ufb01", True),
        ("contains", "caf\u00e9", "CAFE\u0301!", True),
        ("contains", "e", "\u00e9", False),
        ("equals", "\u00e9", "e\u0301", False),
        ("whole", "STRASSE", "straße", True),
        ("whole", "strasse", "strassen", False),
    ],
)
def test_parts_are_compared_folded(
    plan: Plan, operator: Any, text: str, value: str, found: bool
) -> None:
    assert matches(Term("a", operator, text), {"a": value}, plan) is found


def test_no_parts_ask_for_everything(plan: Plan) -> None:
    assert matches(And(()), {}, plan)
    assert not matches(And((Term("a", "equals", ""),)), {}, plan)


ALIASES = {"who": ["sip.from", "sip.to", "user"], "address": ["client.ip", "server.ip"]}


@pytest.fixture(scope="module")
def rich(shared_ring: Ring) -> Plan:
    """Of a profile that has every scheme, and aliases."""
    profile = Profile.model_validate(
        {"name": "x", "time": "time", "derive": DERIVE, "aliases": ALIASES, "fields": FIELDS}
    )
    return Plan(profile, shared_ring.active, profile.id(shared_ring.tenant_key))


VIEW: dict[str, Any] = {
    "time": "2026-03-29T00:30:00.000000Z",
    "n": [1, 2.5, "7"],
    "seen": "2026-03-29T01:00:00.000000Z",
    "size": 100,
    "sip.from": "sip:alice@example.org",
    "sip.to": ["sip:bob@example.org", "sip:carol@example.org"],
    "server.ip": "192.0.2.7",
}


@pytest.mark.parametrize(
    ("question", "found"),
    [
        ("n:>=2.5", True),
        ("n:>2.5", False),  # "7" is no number
        ("n:[1.5 TO 2]", False),  # one element lies between, not two around
        ("NOT n:>2.5", True),
        ("NOT n:>1", False),
        ("n:(>=1 AND <2)", True),
        ("nothing.n:* OR n:{0 TO 1]", True),
        ("time:[2026-03-29 TO 2026-03-29]", True),
        ("time:<2026-03-29", False),
        ("time:>2026-03-28", True),
        ("size:[150 TO 199]", False),  # what is coarse is asked for as it is
        ("size:[100 TO 150]", True),
        ("size:150", True),  # equality takes a number for its coarse one, as it does a time
        ("size:100.0", True),
        ("size:200", False),
        ("seen:2026-03-29T01:59:59Z", True),
        ("seen:<=2026-03-29T01:00", True),
        ("seen:<2026-03-29T01:00", False),
        ("who:sip:alice@example.org", True),
        ("who:SIP:bob@Example.org:5060", True),  # canonical by the field's own scheme
        ("who:sip:dave@example.org", False),
        ("NOT who:*carol*", False),
        ("NOT who:*dave*", True),
        ("who:(*alice* AND *bob*)", True),
        ("address:192.0.2.0/24", True),
        ("address:198.51.100.0/24", False),
        ("_exists_:address", True),
        ("who:s*p:?arol@*", True),
    ],
)
def test_questions_know_their_fields(rich: Plan, question: str, found: bool) -> None:
    node = parse(question)
    assert matches(node, VIEW, rich) is found
    assert matches(expand(node, rich.profile), VIEW, rich) is found


def test_a_string_is_not_rounded_where_a_number_is(rich: Plan) -> None:
    assert matches(parse("size:100"), {"size": "100"}, rich)
    assert not matches(parse("size:150"), {"size": "100"}, rich)


def test_an_alias_is_any_of_its_fields(rich: Plan) -> None:
    one, two = (Term(path, "equals", "x") for path in ALIASES["address"])
    question = parse("NOT address:x AND user:y")
    assert expand(question, rich.profile) == And((Not(Or((one, two))), Term("user", "equals", "y")))


leaves = st.sampled_from(["who:*alice*", "who:*", "user:b", "address:192.0.2.7", "n:>1", "n:*x*"])
trees: st.SearchStrategy[Node] = st.recursive(
    leaves.map(parse),
    lambda nodes: (
        st.lists(nodes, max_size=3).map(lambda parts: And(tuple(parts)))
        | st.lists(nodes, max_size=3).map(lambda parts: Or(tuple(parts)))
        | nodes.map(Not)
    ),
)


@given(trees, st.sets(st.sampled_from(sorted(VIEW))))
def test_expanding_aliases_changes_no_answer(rich: Plan, node: Node, paths: set[str]) -> None:
    view = {path: VIEW[path] for path in paths}
    assert matches(expand(node, rich.profile), view, rich) is matches(node, view, rich)


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [("size", 2**62, True), ("size", 2**63, False), ("size", "9", False), ("n", 2**63, True)],
)
def test_what_a_scheme_can_not_take_lies_in_no_range(
    rich: Plan, path: str, value: Any, found: bool
) -> None:
    """A number that can't be coarsened is encrypted, and then the cloud can't compare it."""
    assert matches(parse(f"{path}:>5"), {path: value}, rich) is found
    assert matches(parse(f"NOT {path}:>5"), {path: value}, rich) is not found


@pytest.mark.parametrize("question", ["user:>5", "client.ip:[1 TO 5]", "hidden:>5", "who:>5"])
def test_ranges_of_what_has_none_are_refused(rich: Plan, question: str) -> None:
    with pytest.raises(QueryError, match="has no ranges"):
        matches(parse(question), {**VIEW, "user": 1, "client.ip": "::1", "hidden": 6}, rich)


@pytest.mark.parametrize(
    ("path", "value", "is_there"),
    [
        ("user", "a" * 8000, True),
        ("user", "a" * 9000, False),
        ("user", "ä" * 4500, False),
        ("user", ["b", "a" * 9000], False),
        ("sip.from", "a" * 9000, False),
        ("note", "a" * 9000, True),  # clear: nothing is too long
        ("user", ["b", {"c": 1}], False),
        ("note", ["b", {"c": 1}], False),
        ("user", ["b", None], True),
    ],
)
def test_what_the_cloud_can_not_see_is_absent(
    rich: Plan, path: str, value: Any, is_there: bool
) -> None:
    """A question and its contrary, both asked of the cloud, must not both lack an event."""
    for question in (f"{path}:*", f"{path}:*a* OR {path}:b OR {path}:ä*"):
        assert matches(parse(question), {path: value}, rich) is is_there
        assert matches(Not(parse(question)), {path: value}, rich) is not is_there
