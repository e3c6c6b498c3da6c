"""Questions evaluated on plaintext events, whatever their spelling."""

from __future__ import annotations

from typing import Any

import pytest

from keys import Ring
from zt.encoder.plan import Plan
from zt.profile import load_profile
from zt.query import And, Term, matches, parse
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
