"""Captures of real traffic; the expected outcomes were read off by hand with tshark."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sip_floods import weights
from support.sip_packets import AGENT, stream, types

from zt.errors import CaptureError
from zt.sip import CaptureEvents, Event, probe_capture

REPOSITORY = Path(__file__).parents[3]
SHARED = Path(os.environ.get("ZT_SHARED_DATA", REPOSITORY.parent / "shared" / "data")) / "sip"
DEMO = REPOSITORY / "examples" / "data" / "demo.pcap"

needs_captures = pytest.mark.skipif(
    not SHARED.is_dir(), reason="no real captures here; ZT_SHARED_DATA names their folder"
)
needs_demo = pytest.mark.skipif(not DEMO.is_file(), reason="the demo capture was not made yet")


def run(name: str) -> tuple[list[Event], CaptureEvents]:
    with (SHARED / name).open("rb") as file:
        events = probe_capture(file, name=name, agent=AGENT)
        return list(events), events


def path(event: Event, dotted: str) -> Any:
    value: Any = event
    for key in dotted.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


@needs_captures
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # An INVITE sent three times with three branches, one dialog; its start was in PPPoE.
        ("DTMFsipinfo.pcap", ["call-start"]),
        ("metasploit-sip-invite-spoof.pcap", ["call-attempt"]),
        ("register-invite-reinvite-bye.pcap", ["reg-new", "call-start", "call-end"]),
        ("sip-488-codec-reject.pcapng", ["other-ok", "other-ok", "other-ok", "call-attempt"]),
        ("sip-auth-failure.pcapng", ["auth-failed", "auth-failed"]),
        ("sip-over-tcp.pcap", ["call-start", "call-end"]),
        ("sip-proxy.pcap", ["call-start", "call-end"]),
        ("suricata-verify-input.pcap", ["other-ok"]),
        (
            "suricata-verify-public-cloudshark-sip-s0.pcap",
            ["call-start", "reg-new", "call-attempt"],
        ),
        ("suricata-verify-sip-body-large.pcap", ["call-attempt"]),
        ("suricata-verify-sip-tcp.pcap", ["reg-new"]),
        ("suricata-verify-sip.pcap", ["other-failed"]),
        ("suricata-verify-sdp.pcap", ["call-start"]),
        ("suricata-verify-sip_compact_form.pcap", ["call-attempt"]),
        ("suricata-verify-sip_header_multi_val.pcap", ["call-attempt"]),
        ("zeek-invalid-content-length.pcap", ["call-start"]),
        ("zeek-long-paths.pcap", ["other-ok"]),
    ],
)
def test_outcomes(name: str, expected: list[str]) -> None:
    assert types(run(name)[0]) == expected


@needs_captures
@pytest.mark.parametrize(
    ("name", "index", "fields"),
    [
        (
            "register-invite-reinvite-bye.pcap",
            2,
            {
                "sip.call_id": "1-3812687@127.0.0.1",
                "event.duration": 2.110793,  # 2.335848 - 0.225055
                "client.port": 5082,
                "sip.originator": "caller-terminated",
            },
        ),
        (
            "sip-proxy.pcap",
            1,
            {
                "client.ip": "10.33.6.101",
                "server.ip": "10.33.6.102",
                "event.duration": 2.232123,
                "sip.originator": "callee-terminated",
            },
        ),
        (
            "sip-auth-failure.pcapng",
            1,
            {
                "sip.request.method": "SUBSCRIBE",
                "sip.response.status": 403,
                "sip.auth.username": "telephone1",
                "client.ip": "172.16.98.1",
                "client.proven": True,
                "uas.original": "Asterisk PBX 11.7.0~dfsg-1ubuntu1",
            },
        ),
        (
            "sip-488-codec-reject.pcapng",
            3,
            {
                "sip.response.status": 488,
                "client.ip": "192.168.8.183",
                "client.proven": True,
                "sip.cseq": 21,
            },
        ),
        # The answer writes a To without brackets anew, with brackets.
        ("sip-488-codec-reject.pcapng", 2, {"client.ip": "176.9.39.206"}),
        (
            "suricata-verify-public-cloudshark-sip-s0.pcap",
            2,
            {"event.reason": "end of capture", "sip.response.status": None},
        ),
    ],
)
def test_fields(name: str, index: int, fields: dict[str, Any]) -> None:
    event = run(name)[0][index]
    assert {field: path(event, field) for field in fields} == fields


@needs_captures
def test_media_is_no_sip() -> None:
    stats = run("register-invite-reinvite-bye.pcap")[1].stats
    assert stats.capture.frames == 230
    assert (stats.capture.frames, stats.not_sip, stats.requests, stats.responses) == (
        230,
        218,
        6,
        6,
    )


@needs_captures
@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 1 << 16),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=40),
)
def test_mutations_of_real_captures_raise_nothing_else(
    which: int, changes: list[tuple[int, int]]
) -> None:
    files = sorted(SHARED.glob("*.pcap*"))
    data = bytearray(files[which % len(files)].read_bytes())
    for position, value in changes:
        data[position % len(data)] = value
    try:
        for event in probe_capture(stream(bytes(data)), name="x", agent=AGENT):
            json.dumps(event, ensure_ascii=False).encode("utf-8")
    except CaptureError as error:
        assert error.hint  # noqa: PT017


@pytest.fixture(scope="module")
def demo() -> dict[str, list[Event]]:
    """The demo capture's events by client.ip."""
    found: dict[str, list[Event]] = defaultdict(list)
    with DEMO.open("rb") as file:
        for event in probe_capture(file, name="demo.pcap", agent=AGENT):
            found[event["client"]["ip"]].append(event)
    return found


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    """What really happened in it."""
    facts: dict[str, Any] = json.loads(DEMO.with_suffix(".truth.json").read_text())
    return facts


def phases(truth: dict[str, Any], address: str, word: str) -> list[dict[str, Any]]:
    return [p for p in truth["phases"] if p["source"] == address and word in p["name"]]


@needs_demo
def test_ordinary_users_look_ordinary(demo: dict[str, list[Event]], truth: dict[str, Any]) -> None:
    for address, users in truth["ordinary"].items():
        found = types(demo[address])
        assert set(found) <= {"reg-new", "call-start", "call-end", "call-attempt", "auth-failed"}
        assert found.count("auth-failed") == len(phases(truth, address, "mistype"))
        assert found.count("call-start") == found.count("call-end")
        assert all(event["client"]["proven"] for event in demo[address])
        if found:  # one speaks TCP only
            assert found.count("reg-new") == len(users)


@needs_demo
def test_attackers_look_like_attackers(demo: dict[str, list[Event]], truth: dict[str, Any]) -> None:
    for address, kinds in truth["attackers"].items():
        events: dict[str, list[Event]] = defaultdict(list)
        for event in demo[address]:
            events[event["type"]].append(event)
        expected = {"probe": "msg-probe", "scan": "other-failed", "guess": "auth-failed"}
        assert {expected[kind] for kind in kinds} == set(events) - {"reg-new"}
        if "scan" in kinds:
            scanned = events["other-failed"]
            assert len({event["sip"]["to"] for event in scanned}) == len(scanned) >= 20
            assert weights(scanned)["other-failed"] >= 60
            assert {event["sip"]["response"]["status"] for event in scanned} <= {401, 404}
            assert not any(event["client"]["proven"] for event in scanned)
        for event in events["auth-failed"]:
            assert event["client"]["proven"] is True
        if "guess" in kinds:
            assert len(events["auth-failed"]) >= 12
            assert len({event["sip"]["auth"]["username"] for event in events["auth-failed"]}) == 1


@needs_demo
def test_nobody_else_is_blamed(demo: dict[str, list[Event]], truth: dict[str, Any]) -> None:
    others = set(demo) - set(truth["ordinary"]) - set(truth["attackers"])
    # The proxy's side of calls whose first hop is TCP, as long as TCP is not decoded.
    assert others <= set(truth["server"]["addresses"])
    for address in others:
        assert set(types(demo[address])) <= {"call-start", "call-end", "call-attempt"}
