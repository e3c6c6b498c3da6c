"""A store that alters events: every edit is rejected, no edited event ever comes out."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from zt.profile import Profile

Event = dict[str, Any]
EVENTS: list[Event] = [
    {
        "type": "auth-failed",
        "sip": {
            "response": {"status": 200},
            "from": "sip:alice@example.org",
            "to": "sip:bob@example.org",
            "call_id": "sip:alice@example.org",
        },
        "rate.ex_diff": 5,
        "client": {"ip": "203.0.113.5"},
        "sip.contact": ["x", "y"],
        "hidden": "alice's secret",
    },
    {"type": "call-start", "sip": {"from": "sip:carol@example.org"}, "hidden": "carol's secret"},
    *({"type": "other-ok", "n": n} for n in range(8)),
]


def parts(wire: list[bytes]) -> tuple[list[bytes], list[Event]]:
    """The header and records as they are, and the encrypted events decoded."""
    first = next(n for n, line in enumerate(wire) if b'"zt":{"id"' in line)
    return wire[:first], [msgspec.json.decode(line) for line in wire[first:]]


def assert_rejected(
    encrypt: Any, decrypt: Any, edit: Callable[[Event, Event], object], match: str = ""
) -> None:
    """The first event is altered, with the second at hand, and only that one is rejected."""
    head, events = parts(encrypt(EVENTS))
    events = copy.deepcopy(events)
    before = copy.deepcopy(events[0])
    edit(events[0], events[1])
    assert msgspec.json.encode(events[0]) != msgspec.json.encode(before), "nothing was altered"
    opened, rejects = decrypt([*head, *map(msgspec.json.encode, events)])
    assert opened == EVENTS[1:]
    assert [reject.line for reject in rejects] == [len(head) + 1]
    assert match in rejects[0].reason
    assert "alice" not in rejects[0].reason


def take_body(event: Event, other: Event) -> None:
    meta = event["zt"]
    event.clear()
    event.update(other, zt=meta)


CLEAR_EDITS: dict[str, Callable[[Event, Event], object]] = {
    "another value": lambda event, _: event.update(type="other-ok"),
    "another case": lambda event, _: event.update(type="Auth-failed"),
    "an int to a float": lambda event, _: event.update({"rate.ex_diff": 5.0}),
    "an int to a text": lambda event, _: event.update({"rate.ex_diff": "5"}),
    "an int to a bool": lambda event, _: event.update({"rate.ex_diff": True}),
    "an int to a null": lambda event, _: event.update({"rate.ex_diff": None}),
    "a value to an array": lambda event, _: event.update(type=["auth-failed"]),
    "a value to an object": lambda event, _: event.update(type={"": "auth-failed"}),
    "a value to an empty array": lambda event, _: event.update(type=[]),
    "a nested int": lambda event, _: event["sip"]["response"].update(status=201),
    "a sign": lambda event, _: event.update({"rate.ex_diff": -5}),
    "a leaf removed": lambda event, _: event.pop("type"),
    "a branch removed": lambda event, _: event["sip"].pop("response"),
    "a clear leaf added": lambda event, _: event.update({"sip.request.method": "INVITE"}),
    "a null leaf added": lambda event, _: event.update({"@timestamp": None}),
    "an empty object added": lambda event, _: event.update(extra={}),
    "an unlisted leaf added": lambda event, _: event.update(extra=1),
    "a leaf renamed": lambda event, _: event.update({"@timestamp": event.pop("type")}),
    "a leaf doubled": lambda event, _: event.update({"sip.response.status": 200}),
    "an empty key": lambda event, _: event.update({"": event.pop("type")}),
}
CIPHERTEXT_EDITS: dict[str, Callable[[Event, Event], object]] = {
    "from another event": lambda event, other: event["sip"].update(other["sip"]),
    "to another field of the keyspace": lambda event, _: event["sip"].update(
        to=event["sip"]["from"]
    ),
    "to a field of another keyspace": lambda event, _: event["sip"].update(
        call_id=event["sip"]["from"]
    ),
    "addresses for identities": lambda event, _: event["client"].update(ip=event["sip"]["to"]),
    "fields swapped": lambda event, _: event["sip"].update(
        {"from": event["sip"]["to"], "to": event["sip"]["from"]}
    ),
    "array elements swapped": lambda event, _: event["sip.contact"].reverse(),
    "an array element removed": lambda event, _: event["sip.contact"].pop(),
    "an array element added": lambda event, _: event["sip.contact"].append(event["sip"]["to"]),
    "an array element nulled": lambda event, _: event["sip.contact"].__setitem__(0, None),
    "an array element boxed": lambda event, _: event["sip.contact"].__setitem__(0, [1]),
    "plaintext for ciphertext": lambda event, _: event["sip"].update({"from": "sip:a@b"}),
    "a number for a ciphertext": lambda event, _: event["sip"].update({"from": 5}),
    "a ciphertext removed": lambda event, _: event["sip"].pop("from"),
    "a ciphertext padded": lambda event, _: event["client"].update(ip=event["client"]["ip"] + "="),
    "the whole body of another": lambda event, other: take_body(event, other),
}
META_EDITS: dict[str, Callable[[Event, Event], object]] = {
    "the blob of another": lambda event, other: event["zt"].update(opaque=other["zt"]["opaque"]),
    "the seal of another": lambda event, other: event["zt"].update(seal=other["zt"]["seal"]),
    "the id of another": lambda event, other: event["zt"].update(id=other["zt"]["id"]),
    "the whole zt of another": lambda event, other: event.update(zt=other["zt"]),
    "a ciphertext as blob": lambda event, _: event["zt"].update(opaque=event["sip"]["from"]),
    "an empty seal": lambda event, _: event["zt"].update(seal=""),
    "no seal": lambda event, _: event["zt"].pop("seal"),
    "a seal of zeros": lambda event, _: event["zt"].update(seal="A" * 22),
    "another profile": lambda event, _: event["zt"].update(profile="A" * 22),
    "another key": lambda event, _: event["zt"].update(more=1),
    "no zt": lambda event, _: event.pop("zt"),
}


@pytest.mark.parametrize("name", CLEAR_EDITS)
def test_clear_fields_are_bound(encrypt: Any, decrypt: Any, name: str) -> None:
    assert_rejected(encrypt, decrypt, CLEAR_EDITS[name], "seal does not verify")


@pytest.mark.parametrize("name", CIPHERTEXT_EDITS)
def test_ciphertexts_are_bound(encrypt: Any, decrypt: Any, name: str) -> None:
    assert_rejected(encrypt, decrypt, CIPHERTEXT_EDITS[name], "seal does not verify")


@pytest.mark.parametrize("name", META_EDITS)
def test_the_zt_object_is_bound(encrypt: Any, decrypt: Any, name: str) -> None:
    assert_rejected(encrypt, decrypt, META_EDITS[name])


RESPELLINGS: dict[str, Callable[[Event], object]] = {
    "keys in another order": lambda event: [
        event.update({key: event.pop(key)}) for key in sorted(event)
    ],
    "dotted for nested": lambda event: event.update({"client.ip": event.pop("client")["ip"]}),
}


@pytest.mark.parametrize("name", RESPELLINGS)
def test_a_store_may_spell_paths_otherwise(
    encrypt: Any, decrypt: Any, exact: Any, name: str
) -> None:
    head, events = parts(encrypt(EVENTS))
    RESPELLINGS[name](events[0])
    opened, rejects = decrypt([*head, *map(msgspec.json.encode, events)])
    assert rejects == []
    expected = copy.deepcopy(EVENTS[0])
    RESPELLINGS[name](expected)
    assert exact(opened[0]) == exact(expected)


def test_a_store_may_spell_numbers_otherwise(encrypt: Any, decrypt: Any, exact: Any) -> None:
    event = {"rate.ex_diff": 100000.0, "sip.response.status": 1.5}
    wire = encrypt([event])
    for old, new in ((b"100000.0", b"1e5"), (b"1.5", b"0.15E1"), (b"1.5", b"1.500")):
        assert old in wire[-1]
        opened, rejects = decrypt([*wire[:-1], wire[-1].replace(old, new)])
        assert rejects == []
        assert exact(opened) == exact([event])
    _, rejects = decrypt([*wire, *wire, wire[-1].replace(b"100000.0", b"100000")])
    assert len(rejects) == 1


def test_an_event_under_another_known_profile_is_rejected(
    encrypt: Any, decrypt: Any, profile: Profile
) -> None:
    """The same ring, two profiles, both headers genuine: an event can't change sides."""
    renamed = profile.model_copy(update={"name": "twin"})
    one, two = encrypt(EVENTS), encrypt(EVENTS, profile=renamed)
    twin = msgspec.json.decode(two[0])["zt"]["profile"]
    victim = msgspec.json.decode(one[-1])
    victim["zt"]["profile"] = twin
    opened, rejects = decrypt([*one, *two, msgspec.json.encode(victim)])
    assert len(opened) == 2 * len(EVENTS)
    assert "seal does not verify" in rejects[0].reason


def records(wire: list[bytes]) -> list[Event]:
    return [msgspec.json.decode(line) for line in wire if b'"kind":"value"' in line]


@pytest.mark.parametrize(
    "change",
    [
        lambda zt, other: zt.update(tokens=other["tokens"]),
        lambda zt, other: zt.update(tokens=zt["tokens"][1:]),
        lambda zt, other: zt.update(tokens=[]),
        lambda zt, other: zt.update(tokens=sorted({*zt["tokens"], 5})),
        lambda zt, other: zt.update(ct=other["ct"]),
        lambda zt, other: zt.update(tag=other["tag"]),
        lambda zt, other: zt.update(scheme="ip"),
        lambda zt, other: zt.update(search="A" * 22),
        lambda zt, other: zt.pop("search"),
        lambda zt, other: zt.update(keyspace="address"),
        lambda zt, other: zt.update(tokens=zt["tokens"][::-1]),
    ],
)
def test_value_records_are_bound(
    encrypt: Any, decrypt: Any, change: Callable[[Event, Event], object]
) -> None:
    wire = encrypt(EVENTS)
    found = [each for each in records(wire) if each["zt"]["scheme"] == "uri"]
    one, other = found[:2]  # with tokens: the order of records depends on the keys
    change(one["zt"], other["zt"])
    opened, rejects = decrypt([*wire, msgspec.json.encode(one)])
    assert opened == EVENTS
    assert [reject.line for reject in rejects] == [len(wire) + 1]


@pytest.mark.parametrize(
    "change",
    [
        lambda zt: zt["columns"].pop(),
        lambda zt: zt["columns"][0].update(kind="number"),
        lambda zt: zt["columns"][0].update(path="other"),
        lambda zt: zt["columns"].reverse(),
        lambda zt: zt.update(tenant="other"),
        lambda zt: zt.update(generation=2),
        lambda zt: zt.update(profile="A" * 22),
        lambda zt: zt.update(time="sip.from"),
        lambda zt: zt.pop("time"),
        lambda zt: zt.update(edge=zt["edge"][:-4]),
        lambda zt: zt.update(tag="A" * 22),
    ],
)
def test_headers_are_bound(encrypt: Any, decrypt: Any, change: Callable[[Event], object]) -> None:
    wire = encrypt(EVENTS)
    header = msgspec.json.decode(wire[0])
    change(header["zt"])
    opened, rejects = decrypt([msgspec.json.encode(header), *wire])
    assert opened == EVENTS
    assert [reject.line for reject in rejects] == [1]


def test_lines_may_come_again_and_in_any_order(encrypt: Any, decrypt: Any) -> None:
    wire = encrypt(EVENTS)
    opened, rejects = decrypt([*wire, *wire[:1], *wire[:0:-1]])
    assert rejects == []
    assert opened == EVENTS + EVENTS[::-1]
