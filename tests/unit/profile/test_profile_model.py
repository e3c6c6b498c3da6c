"""What a profile is, whatever file it came from: its one text, its keyed name, the presets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from keys import Ring
from zt.configuration import parse_yaml
from zt.errors import ProfileError
from zt.profile import DEFAULT_PRESET, Profile, load_profile, preset_names
from zt.profile.load import check_clear_fields
from zt.profile.model import UNPROTECTED


def parse(text: str) -> Profile:
    return parse_yaml(text.encode(), "x.yaml", Profile, ProfileError)


BASE = "name: x\nfields:\n  a: {scheme: det, keyspace: k}\n  b: {scheme: clear}\n"
SAME = [
    BASE,
    "# a comment\n\n" + BASE.replace("{scheme: clear}", "{scheme: 'clear'} # why"),
    "fields:\n  b:\n    scheme: clear\n  a:\n    keyspace: k\n    scheme: det\nname: x\n",
    BASE.replace("{scheme: clear}", "{scheme: clear, kind: keyword, search: []}"),
    BASE + 'description: ""\n',
    BASE + "time: null\n",
    BASE + "derive: {}\n",
    BASE + "aliases: {}\n",
    BASE + "description: text\n",  # rewording it must not part old events from new ones
]
OTHER = [
    BASE.replace("name: x", "name: y"),
    BASE.replace("keyspace: k", "keyspace: l"),
    BASE.replace("  b:", "  c:"),
    BASE.replace("clear", "drop"),
    BASE.replace("{scheme: clear}", "{scheme: clear, kind: number}"),
    BASE.replace("keyspace: k", "keyspace: k, search: [gram]"),
    BASE + "  c: {scheme: opaque}\n",
    BASE + "  t: {scheme: clear, kind: time}\ntime: t\n",
    BASE + "aliases: {x: [a]}\n",
]


def test_spelling_does_not_change_the_id(shared_ring: Ring) -> None:
    assert len({parse(text).id(shared_ring.tenant_key) for text in SAME}) == 1
    assert len({parse(text).normalised() for text in SAME}) == 1


def test_the_normalised_text_leaves_defaults_out() -> None:
    """An option that a later release adds must not rename the profiles that do not use it."""
    fields = '"a":{"keyspace":"k","scheme":"det"},"b":{"scheme":"clear"}'
    assert parse(BASE).normalised().decode() == f'{{"fields":{{{fields}}},"name":"x"}}'


def test_content_changes_the_id(shared_ring: Ring) -> None:
    ids = {parse(text).id(shared_ring.tenant_key) for text in [BASE, *OTHER]}
    assert len(ids) == len(OTHER) + 1


def test_the_id_is_keyed(shared_ring: Ring, other_ring: Ring) -> None:
    profile = parse(BASE)
    one, two = (profile.id(ring.tenant_key) for ring in (shared_ring, other_ring))
    assert one != two
    assert len(one) == 22


rules: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(
        lambda kind: {"scheme": "clear", "kind": kind},
        st.sampled_from(["keyword", "ip", "number", "time", "text"]),
    ),
    st.just({"scheme": "drop"}),
    st.just({"scheme": "opaque"}),
    st.builds(lambda search: {"scheme": "det", "search": search}, st.sampled_from([["gram"], []])),
)
paths = st.text(min_size=1, max_size=20).filter(
    lambda path: path.split(".")[0] != "zt" and not path.startswith("zt:") and "**" not in path
)


@given(st.dictionaries(paths, rules, min_size=1, max_size=6), st.text(max_size=20))
def test_the_normalised_text_comes_back(fields: dict[str, Any], description: str) -> None:
    profile = Profile.model_validate({"name": "x", "description": description, "fields": fields})
    again = Profile.from_normalised(profile.normalised())
    assert again == profile.model_copy(update={"description": ""})
    assert again.normalised() == profile.normalised()


@pytest.mark.parametrize("text", [b"", b"{}", b'{"name":"x"}', b"[]", b'{"name":"x","more":1}'])
def test_what_is_no_normalised_profile(text: bytes) -> None:
    with pytest.raises(ValidationError):
        Profile.from_normalised(text)


def test_presets_load() -> None:
    assert DEFAULT_PRESET in preset_names()
    for name in preset_names():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.description
        again = Profile.from_normalised(profile.normalised())
        assert again == profile.model_copy(update={"description": ""})


IDENTITIES = ["sip.from", "sip.to", "sip.contact", "sip.pai1", "uri.original", "sip.call_id"]
TRACES = ["client.ip", "server.ip", "user_agent.original", "uas.original"]
SIP = ["sip-minimal", "sip-balanced", "sip-maximal"]


@pytest.mark.parametrize("name", SIP)
def test_presets_for_sip_keep_their_promises(name: str) -> None:
    """Identities are never clear, and fields that must join share a keyspace."""
    fields = load_profile(name).fields
    assert {fields[path].scheme for path in IDENTITIES} == {"uri", "det"}
    for path in TRACES:
        assert (fields[path].scheme == "unsafe-clear") is (name == "sip-minimal")
    for one, two in (("sip.from", "sip.to"), ("sip.to", "sip.contact"), ("client.ip", "server.ip")):
        assert fields[one].keyspace == fields[two].keyspace
        assert (fields[one].keyspace is None) is (fields[one].scheme == "unsafe-clear")


@pytest.mark.parametrize("name", SIP)
def test_presets_for_sip_know_a_party(name: str) -> None:
    assert load_profile(name).aliases == {
        "party": ("sip.from", "sip.to", "sip.contact", "sip.pai1")
    }


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("b: [a]", "a field has this name"),
        ("a: [b]", "begins with it"),
        ("'x*': [b]", "no [*] in it"),
        ("_exists_: [b]", "_exists_"),
        ("x: []", "at least 1"),
        ("x: [b, b]", "twice"),
        ("x: [c]", "c is no field"),
        ("x: [d]", "d is no field"),
        ("x: ['p*']", "no field that a rule shows"),
        ("pq: [b]", "a field has this name"),
        ("x: [y], y: [b]", "y is no field"),
    ],
)
def test_what_is_no_alias(alias: str, reason: str) -> None:
    """An alias must never stand for a field, nor ask for what no question can reach."""
    fields = "a.b: {scheme: det}, b: {scheme: det}, c: {scheme: opaque}, 'p*': {scheme: det}"
    with pytest.raises(ProfileError, match=f"line 3: .*{reason}"):
        parse(f"name: x\nfields: {{{fields}}}\naliases: {{{alias}}}\n")


def test_the_maximal_preset_shows_time_and_type_only() -> None:
    fields = load_profile("sip-maximal").fields
    clear = {path for path, rule in fields.items() if rule.scheme in UNPROTECTED}
    assert clear == {"@timestamp", "type", "rate.ex_diff"}
    assert not any(rule.search for rule in fields.values())


def test_the_generic_preset_shows_the_time_only() -> None:
    assert set(load_profile("generic").fields) == {"@timestamp"}


@pytest.mark.parametrize("name", preset_names())
def test_presets_agree_on_what_to_protect(name: str) -> None:
    """What a preset leaves clear that another one protects says so: unsafe-clear."""
    check_clear_fields(load_profile(name))


@pytest.mark.parametrize("name", preset_names())
def test_presets_show_no_field_of_any_name(name: str) -> None:
    """A clear pattern that begins with * would show fields that their owners named."""
    for path, rule in load_profile(name).fields.items():
        assert not (rule.scheme in UNPROTECTED and "clear" in rule.scheme and path.startswith("*"))


def test_no_preset_keeps_prefixes_of_addresses() -> None:
    rules = [rule for name in preset_names() for rule in load_profile(name).fields.values()]
    assert all(rule.mode == "fpe" for rule in rules)


def test_rules_and_profiles_do_not_change(profile: Profile) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        profile.name = "other"
    with pytest.raises(ValidationError, match="frozen"):
        profile.fields["type"].scheme = "det"
