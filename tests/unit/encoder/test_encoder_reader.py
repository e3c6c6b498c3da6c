"""What a reader ring opens of events: what it was granted, verified, and no field more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.every_scheme import PROFILE

from analytics.wire import EventLine, HeaderLine, leaf_values, parse_line, write_line
from keys import GrantError, Ring, make_reader_ring
from zt.encoder import Decoder, Encoder
from zt.errors import IntegrityError
from zt.profile import Profile

EVENT: dict[str, Any] = {
    "time": "2026-01-02T03:04:05Z",
    "n": 5,
    "user": "alice",
    "device": {"mac": "00:00:5e:00:53:01", "x1": "a"},
    "sip": {"from": "SIP:alice@Example.ORG", "to": "sip:+4930123456@example.org"},
    "phone": "+4930123456",
    "account": "004930123456",
    "client": {"ip": "192.0.2.1", "port": 5060},
    "server.ip": ["192.0.2.9", None, "no address"],
    "seen": "2026-01-02T03:04:05.678901Z",
    "size": "no number",
    "hidden": "secret",
    "unlisted": {"deep": 1},
}
CLEAR = {
    "time": "2026-01-02T03:04:05Z",
    "n": 5,
    "seen": "2026-01-02T03:00:00.000000Z",
    "net6": "192.0.0.0/8",
    "country": "DE",
    "hour": "03",
    "from_scheme": "sip",
}
"""What every reader sees: clear, coarsened and clear derived fields."""

Reader = Callable[..., Ring]


@pytest.fixture
def reader(ring: Ring, tmp_path: Path) -> Reader:
    def make(*keyspaces: str, **grants: bool) -> Ring:
        name = f"reader-{len(list(tmp_path.iterdir()))}.json"
        return make_reader_ring(ring, tmp_path / name, f"file:{name}.key", keyspaces, **grants)

    return make


@pytest.fixture
def wire(encrypt: Any, ring: Ring) -> list[bytes]:
    lines: list[bytes] = encrypt([EVENT], ring=ring, profile=PROFILE)
    return lines


def opened(ring: Ring, wire: list[bytes]) -> dict[str, Any]:
    """The one event, and nothing refused."""
    rejects: list[Any] = []
    [event] = Decoder(ring, on_reject=rejects.append).decrypt(wire)
    assert rejects == []
    return event


def test_only_what_was_granted_comes_out(reader: Reader, wire: list[bytes]) -> None:
    event = opened(reader("address", seal=True), wire)
    assert event.pop("client") == {"ip": "192.0.2.1"}
    assert event.pop("server.ip") == ["192.0.2.9", None, "no address"]
    assert event == CLEAR


@pytest.mark.parametrize("keyspace", [*PROFILE.keyspaces(), "device.x1"])
def test_one_keyspace_opens_its_own_fields(
    reader: Reader, wire: list[bytes], ring: Ring, keyspace: str
) -> None:
    """Nothing comes out of any other field, hidden, or derived into another keyspace."""
    decoder = Decoder(ring)
    list(decoder.decrypt(wire))
    line = parse_line(wire[-1].rstrip())
    assert isinstance(line, EventLine)

    def is_shown(path: str) -> bool:
        rule = PROFILE.rule_for(path)
        is_own = rule is not None and rule.has_keys and (rule.keyspace or path) == keyspace
        return path in CLEAR or is_own

    whole = leaf_values(decoder.open(line).view)
    right = [leaf for leaf in whole if is_shown(leaf[0])]
    assert leaf_values(opened(reader(keyspace, seal=True), wire)) == right
    assert len(right) < len(whole)


def test_canonical_values_without_what_events_hide(reader: Reader, wire: list[bytes]) -> None:
    event = opened(reader("identity", "device", seal=True), wire)
    assert event["sip"] == {
        "from": "sip:alice@example.org",
        "to": "sip:+4930123456@example.org",
    }
    assert event["device"] == {"mac": "00:00:5e:00:53:01"}  # device.x1 has a keyspace of its own
    assert not {"hidden", "unlisted", "user", "client", "server.ip", "size"} & event.keys()


def test_hidden_fields_by_their_own_grant(reader: Reader, wire: list[bytes]) -> None:
    event = opened(reader("address", seal=True, event=True), wire)
    assert event["hidden"] == "secret"
    assert event["unlisted"] == {"deep": 1}
    assert event["client"] == {"ip": "192.0.2.1", "port": 5060}
    assert event["seen"] == EVENT["seen"]
    assert not {"sip", "user", "phone", "size"} & event.keys()
    assert not {"net6", "country", "hour", "from_scheme"} & event.keys()  # what was derived goes


def test_everything_granted_is_the_whole_event(
    reader: Reader, wire: list[bytes], ring: Ring
) -> None:
    keyspaces = {*PROFILE.keyspaces(), "device.x1"}
    everything = reader(*keyspaces, seal=True, event=True)
    assert opened(everything, wire) == opened(ring, wire) == EVENT


def test_a_fallback_of_a_coarsened_field_has_its_keyspace(
    reader: Reader, wire: list[bytes]
) -> None:
    assert opened(reader("size", seal=True), wire)["size"] == "no number"


def test_nothing_is_believed_without_the_seal(reader: Reader, wire: list[bytes]) -> None:
    decoder = Decoder(reader("address", event=True))
    with pytest.raises(GrantError, match="can't verify events"):
        list(decoder.decrypt(wire))
    for raw in wire[:-1]:
        line = parse_line(raw.rstrip())
        if isinstance(line, HeaderLine):
            decoder.header(line.header)
    with pytest.raises(GrantError, match="can't verify events"):
        decoder.open(parse_line(wire[-1].rstrip()))  # type: ignore[arg-type]


@pytest.mark.parametrize("granted", [["user"], ["address"]])
def test_altered_events_are_refused(reader: Reader, wire: list[bytes], granted: list[str]) -> None:
    """In fields that the reader opens, and in those that it does not."""
    ring = reader(*granted, seal=True)
    event = wire[-1]
    for path in (b'"user":"', b'"account":"', b'"time":"'):
        at = event.index(path) + len(path) + 12
        altered = event[:at] + (b"5" if event[at : at + 1] != b"5" else b"6") + event[at + 1 :]
        with pytest.raises(IntegrityError):
            opened(ring, [*wire[:-1], altered])


def test_a_header_can_not_pass_one_profile_off_as_another(
    reader: Reader, encrypt: Any, ring: Ring, wire: list[bytes]
) -> None:
    """Without the seal the tag can't be checked; the keyed name of the profile still is."""
    keep = PROFILE.model_dump(exclude_defaults=True, by_alias=True)
    keep["fields"]["card"]["keep"] = 7
    other = encrypt([EVENT], ring=ring, profile=Profile.model_validate(keep))
    headers = []
    for lines in (wire, other):
        line = parse_line(lines[0].rstrip())
        assert isinstance(line, HeaderLine)
        headers.append(line.header)
    mine, theirs = headers
    assert mine.profile != theirs.profile
    decoder = Decoder(reader("card"))
    decoder.header(mine)
    for forged in (
        mine.model_copy(update={"edge": theirs.edge}),
        mine.model_copy(update={"profile": theirs.profile}),
    ):
        with pytest.raises(IntegrityError, match="names another profile"):
            Decoder(reader("card")).header(forged)
    raw = write_line(mine.model_copy(update={"generation": 7}))
    altered = parse_line(raw.rstrip())
    assert isinstance(altered, HeaderLine)
    decoder.header(altered.header)  # what the tag alone covers, such a ring does not use
    with pytest.raises(IntegrityError, match="tag does not verify"):
        Decoder(reader("card", seal=True)).header(altered.header)


def test_records_of_other_keyspaces_are_passed_over(reader: Reader, wire: list[bytes]) -> None:
    ring = reader("address", seal=True)
    altered = [re.sub(rb'"tokens":\[(\d)', rb'"tokens":[1,\1', line) for line in wire]
    mine = [b'"keyspace":"address"' in line and b'"value"' in line for line in wire]
    theirs = [new if not own else old for old, new, own in zip(wire, altered, mine, strict=True)]
    assert opened(ring, theirs)["client"] == {"ip": "192.0.2.1"}
    rejects: list[Any] = []
    list(Decoder(ring, on_reject=rejects.append).decrypt(altered))
    assert rejects
    assert all("value record's tag" in reject.reason for reject in rejects)


def test_what_is_left_out_is_told(reader: Reader, wire: list[bytes]) -> None:
    def left_out(*keyspaces: str) -> list[str]:
        decoder = Decoder(reader(*keyspaces, seal=True))
        list(decoder.decrypt(wire))
        [plan] = decoder.plans()
        return plan.withheld()

    everything = PROFILE.keyspaces()
    paths = sorted(path for of_keyspace in everything.values() for path in of_keyspace)
    told = left_out("address", "device", "host")
    assert {"sip.from", "seen where it is no time", "size where it is no number"} < set(told)
    gone = {*everything["address"], *everything["device"], *everything["host"]}
    assert [entry.split()[0] for entry in told] == sorted({*paths, "device.x*"} - gone)
    assert left_out(*everything) == ["device.x*"]  # each of these fields has a keyspace of its own


def test_it_encrypts_nothing(reader: Reader) -> None:
    with pytest.raises(GrantError, match="can't encrypt"):
        list(Encoder(reader("address"), PROFILE).encrypt([b'{"time":"2026-01-02T03:04:05Z"}']))


@pytest.mark.parametrize("event", [False, True])
def test_of_an_array_what_is_not_opened_is_null(
    reader: Reader, encrypt: Any, ring: Ring, event: bool
) -> None:
    """A coarsened field is open to all, what did not fit it only with its keyspace."""
    wire = encrypt([{"size": [512, "no number", 50, None], "seen": ["x"]}], ring, PROFILE)
    some = opened(reader("user", seal=True, event=event), wire)
    assert some["size"] == ([512, None, 50, None] if event else [500, None, 0, None])
    assert some["seen"] == [None]
    assert opened(reader("size", seal=True, event=True), wire)["size"] == [
        512,
        "no number",
        50,
        None,
    ]
    alone = encrypt([{"size": "no number", "n": 1}], ring, PROFILE)
    assert opened(reader("user", seal=True, event=event), alone) == {"n": 1}
