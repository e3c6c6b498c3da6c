"""`zt probe pcap`: events in clear, or encrypted in the same process."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result, ok, run
from support.examples import identities
from support.leaks import leaked

from keys import Ring


def events_of(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.out.splitlines()]


def spelled(events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def weight(events: list[dict[str, Any]]) -> Counter[str]:
    """Events by type, with those that others stand for."""
    found: Counter[str] = Counter()
    for event in events:
        found[event["type"]] += 1 + event.get("rate", {}).get("ex_diff", 0)
    return found


def test_the_ring_is_used_by_the_process_that_sees_the_traffic(
    demo_capture: Path, ring: Ring, tmp_path: Path
) -> None:
    plain = events_of(ok("zt", "probe", "pcap", demo_capture))
    store = f"duckdb:{tmp_path}/store.db"
    command = ("zt", "probe", "pcap", demo_capture, "-k", ring.path, "-s", store)
    done = ok(*command)
    assert done.out == b""
    assert f"stored {len(plain)} events; known already: 0" in done.err
    again = ok(*command)
    assert f"stored 0 events; known already: {len(plain)}" in again.err
    assert not leaked(identities(plain), (tmp_path / "store.db").read_bytes())
    count = json.loads(ok("zt", "count", "-k", ring.path, "-s", store, "--json").out)
    assert count["count"] == weight(plain).total()


def test_without_a_store_the_wire_comes_out(demo_capture: Path, ring: Ring, tmp_path: Path) -> None:
    plain = events_of(ok("zt", "probe", "pcap", demo_capture))
    wire = ok("zt", "probe", "pcap", demo_capture, "-k", ring.path, "-p", "sip-maximal").out
    assert not leaked(identities(plain), wire)
    opened = events_of(ok("zt", "decrypt", "-k", ring.path, stdin=wire))
    assert spelled(opened) == spelled(plain)
    ok("zt", "probe", "pcap", demo_capture, "-k", ring.path, "-p", "sip-maximal",
       "-o", tmp_path / "out.zt")  # fmt: skip
    assert (tmp_path / "out.zt").read_bytes() == wire


def test_a_store_gets_nothing_in_clear(demo_capture: Path, tmp_path: Path) -> None:
    result = run("zt", "probe", "pcap", demo_capture, "-s", f"duckdb:{tmp_path}/store.db")
    assert result.code == 2
    assert "give -k" in result.err
    assert not list(tmp_path.iterdir())


def test_variables_of_other_commands_do_not_encrypt_a_capture_unasked(
    demo_capture: Path, ring: Ring, tmp_path: Path
) -> None:
    env = {"ZT_KEYS": str(ring.path), "ZT_STORE": f"duckdb:{tmp_path}/store.db"}
    assert events_of(run("zt", "probe", "pcap", demo_capture, env=env))


def test_what_is_suppressed_is_counted_by_what_is_not(demo_capture: Path) -> None:
    all_of_them = ok("zt", "probe", "pcap", demo_capture, "--no-throttle")
    throttled = ok("zt", "probe", "pcap", demo_capture)
    assert len(events_of(throttled)) < len(events_of(all_of_them))
    assert weight(events_of(throttled)) == weight(events_of(all_of_them))
    assert "were suppressed" in throttled.err
    assert "were suppressed" not in all_of_them.err


def test_counters_come_when_they_are_asked_for(demo_capture: Path) -> None:
    events = events_of(ok("zt", "probe", "pcap", demo_capture, "--counters"))
    counters = [event for event in events if event["type"] == "counters"]
    assert counters
    messages = sum(event["counters"].get("messages", 0) for event in counters)
    report = json.loads(ok("zt", "probe", "pcap", demo_capture, "--json").err)
    assert messages == report["datagrams"]


def test_the_settings_are_used(demo_capture: Path, tmp_path: Path) -> None:
    (tmp_path / "probe.yaml").write_text(
        "agent: sbc-1\nthrottle: {rates: {second: 0, minute: 0, hour: 0}}\n"
    )
    events = events_of(ok("zt", "probe", "pcap", demo_capture, "-c", tmp_path / "probe.yaml"))
    assert {event["agent"]["name"] for event in events} == {"sbc-1"}


@pytest.mark.parametrize("command", ["pcap", "live", "hep"])
def test_wrong_settings_are_named_with_their_line(
    command: str, demo_capture: Path, tmp_path: Path
) -> None:
    (tmp_path / "probe.yaml").write_text("agent: sbc-1\nthrotle: {}\n")
    subject = {"pcap": str(demo_capture), "live": "lo", "hep": "127.0.0.1:0"}[command]
    result = run("zt", "probe", command, subject, "-c", "probe.yaml", cwd=tmp_path)
    assert result.code == 1
    assert result.err == (
        "error: probe.yaml, line 2: throtle: no such option\n  correct that line\n"
    )


def test_the_schema_is_json(demo_capture: Path) -> None:
    schema = json.loads(ok("zt", "probe", "schema").out)
    types = {event["type"] for event in events_of(ok("zt", "probe", "pcap", demo_capture))}
    assert types <= set(schema["properties"]["type"]["enum"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hep", "9060"], "give an address and a port"),
        (["hep", "::1:9060"], "give an address and a port"),
        (["hep", "127.0.0.1:99999"], "give an address and a port"),
        (["hep", "127.0.0.1:0", "--metrics", "9464"], "give an address and a port"),
        (["hep", "127.0.0.1:0", "--statistics", "often"], "give a time"),
        (["hep", "127.0.0.1:0", "-s", "duckdb:x.db"], "give -k, or --plain"),
        (["live", "lo", "-s", "duckdb:x.db"], "give -k, or --plain"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: list[str], said: str, tmp_path: Path) -> None:
    result = run("zt", "probe", *arguments, cwd=tmp_path)
    assert result.code == 2
    assert said in " ".join(result.err.split())
    assert not list(tmp_path.iterdir())
