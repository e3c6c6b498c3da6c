"""Logs that are not what their names say, or are made to mislead: what is suggested stays safe."""

from __future__ import annotations

import random
from typing import Any

import pytest
from support.leaks import leaked
from support.surveys import (
    judgement,
    lines_of,
    loaded,
    pass_through,
    suggested_profile,
    suggested_text,
)

from keys import Ring
from zt.encoder.encrypt import MAX_PATTERN_FIELDS
from zt.profile import Profile, load_profile
from zt.survey import explain

Event = dict[str, Any]

PHONES = [f"+4930{n:08d}" for n in range(1, 4000, 13)]
EMAILS = [f"person{n}@mail.example.org" for n in range(300)]
SHOWN = ("clear", "coarsen")


def events(**columns: list[Any]) -> list[Event]:
    """Events with the columns' values, each column over and over."""
    longest = max(300, *map(len, columns.values()))
    return [{name: own[n % len(own)] for name, own in columns.items()} for n in range(longest)]


def scheme(given: list[Event], path: str) -> str:
    """The scheme that is suggested for a field."""
    return judgement(suggested_profile(given), [path])[path].split()[0]


@pytest.mark.parametrize("name", ["type", "status", "method", "action", "level", "count", "size"])
@pytest.mark.parametrize(
    "values",
    [
        EMAILS[:3],
        PHONES[:3],
        ["49301234567", "49301234568"],
        [493012345670 + n for n in range(300)],
        ["192.0.2.1", "192.0.2.2"],
        ["sip:alice@example.org", "sip:bob@example.org"],
        ["00:16:3e:12:34:56"],
        ["gateway.intern.example.org"],
        ["Alice Keller", "Bob Meier"],
        ["failed for alice@example.org"],
        ["dGhpcyBpcyBhIHRva2VuIQ1a2b3c4d"],
        ["1001", "1002", "1003"],  # extensions
        [f"word{n}" for n in range(100)],  # too many for an enumeration
    ],
    ids=lambda values: str(values[0])[:12],
)
def test_identities_under_a_harmless_name_are_not_shown(name: str, values: list[Any]) -> None:
    given = scheme(events(**{name: values}, other=["x"]), name)
    assert given not in SHOWN


def test_real_enumerations_and_counters_are_shown() -> None:
    """The other side of the coin: without it, hiding everything would pass the tests above."""
    given = events(
        type=["alert", "dns", "http"],
        status=[200, 302, 404],
        method=["GET", "POST"],
        level=["warn", "error", "info"],
        count=list(range(100, 400)),
        bytes=[random.Random(1).randrange(90_000) for _ in range(300)],
        ttl=[64, 128],
    )
    said = judgement(suggested_profile(given), given[0])
    assert said == {
        "type": "clear",
        "status": "clear number",
        "method": "clear",
        "level": "clear",
        "count": "clear number",
        "bytes": "coarsen number",
        "ttl": "clear number",
    }


@pytest.mark.parametrize("late", ["alice@example.org", "+493012345678", "192.0.2.9", "Bob Meier"])
def test_one_identity_late_in_the_sample_is_enough(late: str) -> None:
    given = events(type=["alert", "dns"])
    assert scheme(given, "type") == "clear"
    assert scheme([*given, {"type": late}], "type") not in SHOWN
    assert scheme([*given, {"type": ["alert", late]}], "type") not in SHOWN


def test_words_that_are_users_elsewhere_are_not_shown() -> None:
    """No look tells `alice` from `alert`; that a field of users has it too does."""
    alone = events(type=["alice", "bob", "carol"])
    assert scheme(alone, "type") == "clear"
    for others in (
        {"user": ["bob", "-"]},
        {"contact": ["sip:carol@example.org"]},
        {"mail": ["alice@example.org"]},
    ):
        assert scheme(events(type=["alice", "bob", "carol"], **others), "type") == "opaque"


def test_counters_of_all_sizes() -> None:
    chance = random.Random(2)
    spread = [int(10 ** chance.uniform(1, 6.3)) for _ in range(2000)]
    assert scheme(events(bytes=spread), "bytes") == "coarsen"
    phones = [10**10 + chance.randrange(10**9) for _ in range(2000)]
    assert scheme(events(bytes=phones), "bytes") == "opaque"
    mixed = [*range(1000), *phones[:400]]
    profile = suggested_profile(events(total=mixed))
    assert profile.fields["total"].step == 2**20  # a million numbers are one


def test_times_that_are_none() -> None:
    """Birthdays are times too; epoch seconds look like phone numbers."""
    given = events(birthday=["1980-01-02", "1991-03-04"], renewed=["2026-01-01"])
    assert scheme(given, "birthday") == "opaque"
    assert scheme(given, "renewed") == "opaque"
    rising = [1_700_000_000 + n for n in range(300)]
    assert scheme(events(ts=rising), "ts") == "clear"
    assert suggested_profile(events(ts=rising, x=[1])).time is None  # no text that stores read
    random.Random(3).shuffle(rising)
    assert scheme(events(ts=rising), "ts") == "opaque"


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "dotted"])
@pytest.mark.parametrize(
    "keys",
    [EMAILS, [f"192.0.2.{n}" for n in range(99)], PHONES, [f"4930{n:07d}" for n in range(99)]],
    ids=["e-mail", "address", "phone", "digits"],
)
def test_keys_that_name_somebody_stay_hidden(
    keys: list[str], nested: bool, shared_ring: Ring
) -> None:
    """The names below are known as harmless, and would show what stands above them."""
    given: list[Event] = []
    for n, key in enumerate(keys):
        inner = {"count": n, "status": "ok"}
        given.append({"by": {key: inner}} if nested else {f"by.{key}.count": n, "type": "a"})
    text = suggested_text(lines_of(given))
    passed = pass_through(shared_ring, loaded(text), lines_of(given))
    assert passed.events == given
    assert not leaked(keys, passed.wire)
    assert not leaked(keys, text.encode())


@pytest.mark.parametrize("key", ["alice@example.org", "192.0.2.1", "1001", "+4930123456", "a" * 64])
def test_one_key_that_names_somebody_is_enough(key: str) -> None:
    """A map with two entries, always the same: only the look of a key says what it is."""
    for event in (
        {"by": {key: {"count": 1}, "root": {"count": 2}}},
        {f"by.{key}.count": 1, "by.root.count": 2},
        {key: {"count": 1}},
        {f"{key}.count": 1},
    ):
        profile = suggested_profile([event | {"type": "x"}] * 30)
        assert set(profile.fields) == {"type"}


@pytest.mark.parametrize("nested", [True, False], ids=["nested", "dotted"])
def test_big_maps_of_plain_words_stay_hidden(nested: bool, shared_ring: Ring) -> None:
    """Thousands of users as keys: no name says what they are, their number does."""
    names = [f"user-{chr(97 + n % 26)}{n}" for n in range(3000)]
    given: list[Event] = [
        {"type": "x", "per": {name: {"count": 1}}}
        if nested
        else {"type": "x", f"per.{name}.count": 1}
        for name in names
    ]
    text = suggested_text(lines_of(given))
    passed = pass_through(shared_ring, loaded(text), lines_of(given))
    assert not leaked(names, passed.wire)
    assert len(text) < 4000
    assert loaded(text).fields["type"].scheme == "clear"


def test_small_maps_of_like_objects_stay_hidden() -> None:
    given = [{"who": {name: {"count": 1}}} for name in ("alice", "bob", "carol")] * 20
    assert not any(path.startswith("who") for path in suggested_profile(given).fields)
    # the sides of a connection are alike too, but always there
    sides = {"who": {name: {"count": 1} for name in ("client", "server", "relay")}}
    assert scheme([sides] * 20, "who.client.count") == "clear"


def test_a_rule_that_shows_names_of_keys_is_reason_for_an_alarm() -> None:
    given = [{"by": {mail: {"count": 1}}} for mail in EMAILS]
    profile = Profile.model_validate(
        {"name": "p", "fields": {"by.*.*.*.count": {"scheme": "clear"}}}
    )
    (field,) = (f for f in explain(lines_of(given), profile).fields if f.rule.is_visible)
    assert (field.path, field.level) == ("by.*", "alarm")
    assert "names of keys" in field.verdict


def test_patterns_show_as_many_fields_as_the_encoder_lets_them() -> None:
    given = [{f"k{n}": {"x": n}} for n in range(MAX_PATTERN_FIELDS + 50)]
    profile = Profile.model_validate({"name": "p", "fields": {"*.x": {"scheme": "clear"}}})
    found = explain(lines_of(given), profile).fields
    assert sum(field.rule.is_visible for field in found) == MAX_PATTERN_FIELDS


HOSTILE = [
    "a: b", "#", "'", '"', "\\", "a\nname: evil", "a\u2028b", "\x00", "\x1b[2J", "ключ", "😀" * 60,
    "* anchor", "&x", "!tag", "{", "[", "yes", "null", "~", "1", "1.5", "- a", "? a", "", " ", ".",
    "..", "a.", ".a", "zt:x", "ztx", "a" * 257, "*", "**", "a*", "%", "@", "`", "|", ">", "<<",
    "\ufeff", "\x85", "host", "user", "address", "\u202e",
]  # fmt: skip


def test_hostile_names_make_no_other_profile(shared_ring: Ring) -> None:
    """Each of an address, so that the profile wants to list it."""
    given = [dict.fromkeys(HOSTILE, f"192.0.2.{n}") for n in range(50)]
    text = suggested_text(lines_of(given))
    profile = loaded(text)
    assert profile.name == "suggested"
    assert set(profile.fields) <= set(HOSTILE)
    assert len(profile.fields) > 30
    passed = pass_through(shared_ring, profile, lines_of(given))
    assert passed.events == given
    assert b"192.0.2." not in passed.wire
    assert text.isascii()
    assert text.replace("\n", "").isprintable()


def test_a_field_named_like_a_shared_keyspace(shared_ring: Ring) -> None:
    """A field has its own path for a keyspace, which must not be that of hosts."""
    given = events(host=["pbx1", "pbx2"], hash=[f"{n:032x}" for n in range(300)], id=["a", "b"])
    names = [f"550e8400-e29b-41d4-a716-{n:012}" for n in range(300)]
    given = [
        e | {"url": f"/x/{n}", "user": {"id": n}, "address": name, "ip": "192.0.2.1"}
        for n, (e, name) in enumerate(zip(given, names, strict=True))
    ]
    profile = suggested_profile(given)
    assert profile.fields["address"].scheme == "det"
    assert profile.fields["ip"].keyspace == "address"
    passed = pass_through(shared_ring, profile, lines_of(given))
    assert passed.events == given


def test_what_a_preset_protects_is_not_shown() -> None:
    """Such a profile would not load: it takes unsafe-clear to show it."""
    given = [{"a": {"hash": {"sha_count": n}}} for n in range(30)]
    assert load_profile("ecs").rule_for("a.hash.sha_count") is not None
    assert scheme(given, "a.hash.sha_count") == "opaque"


def test_more_fields_than_a_store_has_columns() -> None:
    event = {f"ip{n}": f"192.0.2.{n % 250}" for n in range(900)}
    profile = suggested_profile([event | {"time": "2026-01-02T03:04:05Z", "password": "x"}] * 30)
    assert profile.time == "time"
    assert profile.fields["password"].scheme == "drop"
    shown = [path for path, rule in profile.fields.items() if rule.is_visible]
    assert len(shown) == 256


def test_a_secret_with_fields_below_is_hidden_not_dropped(shared_ring: Ring) -> None:
    given: list[Event] = [{"cookie": "sid=1"}, {"cookie": {"type": "session"}}] * 30
    profile = suggested_profile(given)
    assert judgement(profile, ["cookie"]) == {"cookie": "opaque"}
    assert pass_through(shared_ring, profile, lines_of(given)).events == given


def test_explain_sees_users_in_a_clear_field_too() -> None:
    given = events(type=["alice", "bob", "alert"], user=["alice", "carol"], status=[1], uid=[1])
    rules = {"type": {"scheme": "clear"}, "status": {"scheme": "clear"}, "user": {"scheme": "det"}}
    profile = Profile.model_validate({"name": "p", "fields": rules})
    found = {field.path: field for field in explain(lines_of(given), profile).fields}
    assert found["type"].level == "alarm"
    assert "1 distinct values that name somebody in another field" in found["type"].verdict
    assert found["status"].level == "ok"  # numbers are compared with nothing
