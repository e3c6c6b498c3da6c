"""Questions compiled to what the cloud evaluates, without a store: as jobs are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest

from analytics.store import Store
from analytics.wire import (
    AllOf,
    Filter,
    In,
    Lookup,
    Query,
    Row,
    TokensAll,
    ValueRecord,
    check_filter,
)
from keys import Ring
from zt.encoder.plan import Plan
from zt.errors import IntegrityError, QueryError
from zt.profile import Profile
from zt.query import parse
from zt.query.compile import Compiler, equal_ciphertexts, visible_field
from zt.query.dictionary import Values
from zt.schemes.search import Part, SearchTokens, search_id


@pytest.fixture
def plan(shared_ring: Ring, profile: Profile) -> Plan:
    return Plan(profile, shared_ring.active, profile.id(shared_ring.tenant_key))


def compile_filter(plan: Plan, question: str, values: Values | None = None) -> Filter:
    return Compiler(plan, values).compile(parse(question)).filter


def test_clear_fields_are_compared_by_text(plan: Plan) -> None:
    compiled = Compiler(plan, None).compile(parse("type:call-start"))
    assert compiled.filter == In(path="type", values=("call-start",))
    assert compiled.exactness == "exact"
    assert compile_filter(plan, "sip.response.status:200") == In(
        path="sip.response.status", values=("200",)
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("alice", ["alice"]),
        ("1", ["1", 1]),
        ("-5", ["-5", -5]),
        ("1.0", ["1.0", 1.0]),
        ("-0.0", ["-0.0", -0.0]),
        ("true", ["true", True]),
        ("false", ["false", False]),
        (str(10**40), [str(10**40), 10**40]),
        ("1e300", ["1e300", 1e300]),
        ("1e5", ["1e5"]),  # the text of that number is 100000.0
        ("01", ["01"]),
        ("1.00", ["1.00"]),
        (" 1", [" 1"]),
        ("null", ["null"]),
        ("[1]", ["[1]"]),
        ('"1"', ['"1"']),
        ("1e999", ["1e999"]),
        ("", [""]),
        ("NaN", ["NaN"]),
    ],
)
def test_equality_tries_every_type_that_a_word_can_mean(
    plan: Plan, text: str, meant: list[object]
) -> None:
    field = plan.visible["sip.from"]
    assert equal_ciphertexts(field, text) == tuple(field.protect(v).ciphertext for v in meant)
    assert len(set(equal_ciphertexts(field, text))) == len(meant)
    assert {field.reveal_text(ct) for ct in equal_ciphertexts(field, text)} == {text}


def test_texts_above_8_kib_equal_nothing(plan: Plan) -> None:
    assert len(equal_ciphertexts(plan.visible["sip.from"], "x" * 8192)) == 1
    assert equal_ciphertexts(plan.visible["sip.from"], "x" * 8193) == ()
    assert equal_ciphertexts(plan.visible["sip.from"], "ß" * 4097) == ()


@pytest.mark.parametrize(
    ("question", "part"),
    [("*lice@*", "contains"), ("sip:al*", "startswith"), ("*.ORG", "endswith")],
)
def test_parts_of_words_become_tokens(
    plan: Plan, shared_ring: Ring, question: str, part: Part
) -> None:
    compiled = Compiler(plan, None).compile(parse(f"sip.from:{question}"))
    made = SearchTokens(["gram"], shared_ring.active.keyspace("sip.identity"))
    tokens = made.needle(part, question.strip("*"))
    assert compiled.filter == TokensAll(
        path="sip.from", keyspace="sip.identity", search=search_id(["gram"]), tokens=tokens
    )
    assert compiled.exactness == "candidate"


def test_and_keeps_all_its_parts(plan: Plan) -> None:
    compiled = compile_filter(plan, "type:a AND sip.to:b AND client.ip:c")
    assert isinstance(compiled, AllOf)
    assert [part.path for part in compiled.parts if isinstance(part, In)] == [
        "type",
        "sip.to",
        "client.ip",
    ]
    check_filter(compiled)


def test_one_field_is_one_ciphertext_in_its_keyspace(plan: Plan) -> None:
    values = [compile_filter(plan, f"{path}:x") for path in ("sip.from", "sip.to", "client.ip")]
    cts = [part.values for part in values if isinstance(part, In)]
    assert cts[0] == cts[1] != cts[2]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("hidden:x", "hidden is hidden from the cloud by the profile sip-balanced"),
        ("sip:x", "sip is hidden"),
        ("zt.id:x", "zt.id is hidden"),
        ("sip.fromm:x", "sip.fromm is hidden"),
        ("sip.from:*ab*", "sip.from: a part of a word has at least 3 characters"),
        ("sip.from:ab*", "at least 3 characters"),
        ("client.ip:203.0.*", "client.ip: the field has no search tokens for startswith"),
        ("client.ip:0.0.0.0/0", "client.ip: an IPv4 network has a length of at least 8"),
        ("sip.call_id:*abc*", "sip.call_id can't be searched for parts"),
        ("type:*call*", "a job can't look for parts of the clear field type"),
        ("type:a AND hidden:x", "hidden is hidden"),
    ],
)
def test_what_the_profile_makes_unanswerable(plan: Plan, question: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason.replace(".", r"\.")) as caught:
        Compiler(plan, None).compile(parse(question))
    assert caught.value.hint


def test_hidden_fields_are_answered_with_the_visible_ones(plan: Plan) -> None:
    with pytest.raises(QueryError) as caught:
        visible_field(plan, "hidden")
    assert "sip.from" in caught.value.hint
    assert visible_field(plan, "sip.from").keyspace == "sip.identity"


class LyingStore:
    """A store that answers every look-up with the same record, and texts that do not match."""

    def __init__(self, record: ValueRecord) -> None:
        self.record = record

    def value_count(self, lookup: Lookup) -> int:
        return 1

    def values(self, lookup: Lookup) -> Iterator[ValueRecord]:
        return iter([self.record])

    def groups(self, query: Query) -> Iterator[Row]:
        texts = ("call-start", "CALL-END", "auth-failed")
        return iter([Row(key=(text,), metrics=()) for text in texts])


def lied_to(record: ValueRecord) -> Values:
    return Values(cast(Store, LyingStore(record)))


def test_a_part_of_a_clear_field_becomes_its_texts(plan: Plan) -> None:
    values = lied_to(ValueRecord.model_construct())
    assert compile_filter(plan, "type:*call*", values) == In(
        path="type", values=("call-start", "CALL-END")
    )


def test_only_values_that_open_and_match_are_taken(plan: Plan) -> None:
    field = plan.visible["sip.from"]
    dictionary = field.dictionary
    assert dictionary is not None
    question = "sip.from:*alice*"
    right = dictionary.record("uri", field.protect("sip:alice@x").ciphertext, ())
    found = compile_filter(plan, question, lied_to(right))
    assert found == In(path="sip.from", values=(right.ct,))
    wrong = dictionary.record("uri", field.protect("sip:bob@x").ciphertext, ())
    assert compile_filter(plan, question, lied_to(wrong)) == In(path="sip.from", values=())
    foreign = plan.visible["client.ip"].protect("alice").ciphertext
    for ct in (foreign, right.ct[:-1] + "!", "alice", ""):
        lie = right.model_copy(update={"ct": ct})
        with pytest.raises(IntegrityError):
            compile_filter(plan, question, lied_to(lie))


def test_an_opened_value_has_a_text(plan: Plan) -> None:
    field = plan.visible["sip.call_id"]
    with pytest.raises(IntegrityError, match="no text"):
        field.reveal_text(field.scheme.protect(None))
