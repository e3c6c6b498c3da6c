"""No identity, and no name of an unlisted key, leaves the customer's side in plaintext."""

from __future__ import annotations

from pathlib import Path

import duckdb
import msgspec
import pytest
from support.commands import ok, run
from support.house import House
from support.leaks import SHORTEST, keys_in, leaked, spellings, strings_in

from analytics.wire import BatchHeader, EventMeta, ValueRecord
from zt.profile import load_profile

CLEAR = {"@timestamp", "type", "sip.request.method"}


def identities(house: House) -> set[str]:
    """Every string of the events but those of clear fields, and the lab's secrets."""
    values: set[str] = set()
    for event in house.events:
        hidden = {key: value for key, value in event.items() if key not in CLEAR}
        hidden["sip"] = {**event["sip"], "request": event["sip"].get("request", {}).get("uri")}
        values |= strings_in(hidden)
    truth = house.truth
    values |= set(truth["passwords"]) | set(truth["attackers"]) | set(truth["ordinary"])
    values |= {user for users in truth["ordinary"].values() for user in users}
    values.add(truth["server"]["domain"])
    # a call's start is another event's clear time; DuckDB's own tables count 0123456789 up
    values -= {event["@timestamp"] for event in house.events}
    return {value for value in values if len(value) >= SHORTEST and value not in "0123456789"}


def unlisted_keys(house: House) -> set[str]:
    """Names of keys that neither the profile lists nor the wire itself uses."""
    listed = {part for path in load_profile("sip-balanced").fields for part in path.split(".")}
    wire = {*BatchHeader.model_fields, *ValueRecord.model_fields, *EventMeta.model_fields}
    return set().union(*map(keys_in, house.events)) - listed - wire


def everything_in(database: Path) -> bytes:
    """The file's bytes, and its tables as text: compression must not hide a leak."""
    content = [database.read_bytes()]
    with duckdb.connect(str(database), read_only=True) as connection:
        for (table,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall():
            rows = connection.execute(f'SELECT * FROM "{table}"').fetchall()
            content += ["\t".join(map(str, row)).encode() for row in rows]
    return b"\n".join(content)


def test_the_list_of_identities_means_something(house: House) -> None:
    """URIs, users, hosts, addresses, Call-IDs, user agents and contacts are all on it."""
    values = identities(house)
    event = next(event for event in house.events if event["type"] == "reg-new")
    sip = event["sip"]
    assert {sip["from"], sip["contact"], sip["call_id"], event["client"]["ip"]} <= values
    assert event["user_agent"]["original"] in values
    assert len(values) > 500
    assert {"cseq", "messages", "realm", "transport"} <= unlisted_keys(house)


@pytest.mark.parametrize("place", ["wire", "database", "messages"])
def test_no_identity_is_there(house: House, place: str) -> None:
    content = {
        "wire": lambda: house.wire.read_bytes(),
        "database": lambda: everything_in(house.database),
        "messages": lambda: house.said.encode(),
    }
    assert not leaked(identities(house), content[place]())


def test_no_name_of_an_unlisted_key_is_there(house: House) -> None:
    content = house.wire.read_bytes() + everything_in(house.database)
    keys = unlisted_keys(house)
    assert not {key for key in keys if b'"%s"' % key.encode() in content}
    assert not leaked({key for key in keys if len(key) >= SHORTEST}, content)


def test_questions_and_blocks_say_nothing_of_values_on_stderr(house: House) -> None:
    asked = [
        run("zt", "search", "-k", house.ring, "-s", house.store, "sip.from:*hv3kxq9wbn*"),
        run("zt", "top", "-k", house.ring, "-s", house.store, "client.ip"),
        run("zt", "findings", "-k", house.ring, "-s", house.store),
        run("zt", "policy", "run", "--dry-run", "-k", house.ring, "-s", house.store),
        run("zt", "decrypt", "-k", house.ring, house.wire),
    ]
    said = "".join(result.err for result in asked).encode()
    assert said
    assert leaked(identities(house), said) == set()


def test_a_field_switched_to_clear_is_noticed(house: House, tmp_path: Path) -> None:
    """The search for leaks can fail: one identity in clear, and it does."""
    profile = load_profile("sip-balanced").model_dump(mode="json", exclude_defaults=True)
    profile["fields"]["sip.contact"] = {"scheme": "unsafe-clear"}
    (tmp_path / "leaky.yaml").write_bytes(msgspec.json.encode(profile))  # JSON is YAML
    wire = tmp_path / "leaky.zt"
    events = house.folder / "events.ndjson"
    ok("zt", "encrypt", "-k", house.ring, "-p", tmp_path / "leaky.yaml", events, "-o", wire)
    contacts = {event["sip"]["contact"] for event in house.events if "contact" in event["sip"]}
    assert leaked(identities(house), wire.read_bytes()) >= contacts


@pytest.mark.parametrize("before", [b"", b"x", b"xy"])
def test_every_spelling_is_recognised(before: bytes) -> None:
    """The searcher itself: each form is found wherever it is aligned."""
    import base64

    value = "Alice@Secret.example"
    forms = [value, value.lower(), value[::-1], value.encode().hex()]
    texts = [before + form.encode() + b"..." for form in forms]
    texts.append(base64.b64encode(before + value.encode() + b"..."))
    texts.append(base64.urlsafe_b64encode(before + value.encode() + b"..."))
    texts.append(base64.b32encode(before + value.encode() + b"...").lower())
    for text in texts:
        assert leaked({value}, text) == {value}
        assert leaked({"Mallory@Secret.example"}, text) == set()
    assert all(len(spelling) >= SHORTEST for spelling in spellings("abcdefgh"))
