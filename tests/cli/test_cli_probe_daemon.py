"""A probe that runs: its events arrive while it does, and none is lost when it ends."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from support.commands import run
from support.leaks import leaked
from support.probe_process import RunningProbe, running_probe
from support.shipping import BOUND, until

from analytics.store import open_store
from analytics.wire import StoreError
from keys import Ring, rotate_ring
from zt.encoder import Decoder

USERS = [f"subscriber-{n:04d}" for n in range(20)]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"duckdb:{tmp_path}/store.db"


@pytest.fixture
def options(ring: Ring, url: str, tmp_path: Path) -> list[str]:
    """What makes a probe ship into the store."""
    spool = str(tmp_path / "spool")
    return ["-k", str(ring.path), "-s", url, "--spool", spool]


def stored(url: str, ring: Ring) -> list[dict[str, Any]]:
    """The store's events, opened; those that count traffic are left out."""
    with open_store(url, wait=BOUND) as store:
        wire = store.header_lines()
        for epoch in store.epochs():
            wire += store.epoch_events(epoch.kid)
    opened = Decoder(Ring.open(ring.path)).decrypt(wire)
    return [event for event in opened if event["type"] != "counters"]


def users(events: list[dict[str, Any]]) -> list[str]:
    return sorted(event["sip"]["from"].split(":")[1].split("@")[0] for event in events)


def wait_for_users(number: int, url: str, ring: Ring) -> list[str]:
    found: list[str] = []

    def are_there() -> bool:
        try:
            found[:] = users(stored(url, ring))
        except StoreError:  # it is not made yet
            return False
        return len(found) >= number

    until(are_there)
    return found


def spooled(folder: Path) -> list[Path]:
    return sorted((folder / "spool").glob("*.zt"))


def test_without_a_ring_events_are_lines_of_json(tmp_path: Path) -> None:
    with running_probe(cwd=tmp_path) as probe:
        probe.register("alice")
        event = json.loads(probe.line())
        code, _ = probe.end()
    assert (code, event["type"]) == (0, "reg-new")
    assert event["sip"]["from"] == "sip:alice@pbx.example"
    assert b"statistics seconds=" in probe.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_is_open_at_the_end_gets_its_event(number: int, tmp_path: Path) -> None:
    from support.sip_packets import ask

    with running_probe(cwd=tmp_path) as probe:
        probe.register("alice")
        probe.line()
        probe.send(ask("INVITE", call="open-call"))
        probe.register("carol")
        probe.line()  # so the INVITE was seen too
        code, out = probe.end(number)
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert "call-attempt" in {event["type"] for event in events}


def test_events_are_in_the_store_while_it_runs(
    options: list[str], url: str, ring: Ring, tmp_path: Path
) -> None:
    with running_probe(*options, cwd=tmp_path) as probe:
        for user in USERS[:10]:
            probe.register(user)
        assert wait_for_users(10, url, ring) == USERS[:10]
        for user in USERS[10:]:
            probe.register(user)
        wait_for_users(20, url, ring)
        code, out = probe.end()
    assert (code, out) == (0, b"")
    assert users(stored(url, ring)) == USERS
    assert not spooled(tmp_path)


def test_variables_stand_in_for_options_and_plain_undoes_them(
    ring: Ring, url: str, tmp_path: Path
) -> None:
    env = {"ZT_KEYS": str(ring.path), "ZT_STORE": url}
    with running_probe(cwd=tmp_path, env=env) as probe:
        probe.register("alice")
        assert wait_for_users(1, url, ring) == ["alice"]
    assert list((tmp_path / "state" / "zt").glob("spool-*"))
    with running_probe("--plain", cwd=tmp_path, env=env) as probe:
        probe.register("carol")
        assert b"carol" in probe.line()


def test_without_a_store_the_wire_goes_to_stdout(ring: Ring, tmp_path: Path) -> None:
    with running_probe("-k", ring.path, cwd=tmp_path) as probe:
        probe.register("subscriber-0001")
        head = probe.line()
        _, out = probe.end()
    wire = (head + out).splitlines(keepends=True)
    assert not leaked({"subscriber-0001"}, head + out)
    (event,) = [e for e in Decoder(ring).decrypt(wire) if e["type"] == "reg-new"]
    assert event["sip"]["from"] == "sip:subscriber-0001@pbx.example"


def test_an_outage_is_bridged_over_a_restart(
    options: list[str], url: str, ring: Ring, tmp_path: Path
) -> None:
    """The store is somebody else's while one probe runs and ends, and the next begins."""
    with open_store(url, create=True):
        with running_probe(*options, cwd=tmp_path) as probe:
            for user in USERS[:10]:
                probe.register(user)
            until(lambda: spooled(tmp_path))
            probe.wait_for("trying again")
            code, _ = probe.end()
        assert code == 0
        assert b"events stay in the spool" in probe.said
        assert b"Traceback" not in probe.said
        waiting = b"".join(path.read_bytes() for path in spooled(tmp_path))
        assert waiting
        assert not leaked(set(USERS), waiting + probe.said)
    with running_probe(*options, cwd=tmp_path) as probe:
        for user in USERS[10:]:
            probe.register(user)
        assert wait_for_users(20, url, ring) == USERS
        probe.end()
    assert not spooled(tmp_path)


def test_a_killed_probe_loses_nothing_that_it_spooled(
    options: list[str], url: str, ring: Ring, tmp_path: Path
) -> None:
    with open_store(url, create=True), running_probe(*options, cwd=tmp_path) as probe:
        for user in USERS:
            probe.register(user)
        until(lambda: sum(int(path.name.split("-")[1]) for path in spooled(tmp_path)) >= 20)
        probe.process.kill()
        probe.process.wait()
    with running_probe(*options, cwd=tmp_path) as probe:
        assert wait_for_users(20, url, ring) == USERS
        probe.end()


def test_a_rotated_ring_is_used_without_a_restart(
    options: list[str], url: str, ring: Ring, tmp_path: Path
) -> None:
    with running_probe(*options, cwd=tmp_path) as probe:
        probe.register(USERS[0])
        wait_for_users(1, url, ring)
        rotate_ring(ring.path)
        probe.process.send_signal(signal.SIGHUP)
        probe.wait_for("reloaded")
        probe.register(USERS[1])
        assert wait_for_users(2, url, ring) == USERS[:2]
        probe.end()
    with open_store(url) as store:
        assert len([epoch for epoch in store.epochs() if epoch.events]) == 2


def test_a_hangup_reads_the_settings_and_the_profile_again(
    options: list[str], url: str, ring: Ring, tmp_path: Path
) -> None:
    config, profile = tmp_path / "probe.yaml", tmp_path / "mine.yaml"
    config.write_text("agent: one\n")
    profile.write_text(
        "name: mine\ntime: '@timestamp'\nfields:\n"
        "  '@timestamp': {scheme: clear, kind: time}\n  type: {scheme: clear}\n"
    )
    with running_probe(*options, "-c", config, "-p", profile, cwd=tmp_path) as probe:
        probe.register(USERS[0])
        wait_for_users(1, url, ring)
        config.write_text("agnt: two\n")
        probe.process.send_signal(signal.SIGHUP)
        probe.wait_for("reloaded nothing: .*line 1: agnt: no such option")
        config.write_text("agent: two\nshipping: {batch_seconds: 0.01}\nthrottle: {first: 50}\n")
        profile.write_text(profile.read_text() + "  sip.from: {scheme: uri}\n")
        probe.process.send_signal(signal.SIGHUP)
        probe.wait_for("used from the next start on: agent")
        probe.register(USERS[1])
        wait_for_users(2, url, ring)
        probe.end()
    with open_store(url) as store:
        assert len({header.profile for header in store.headers()}) == 2


def test_a_store_of_another_ring_is_refused_at_once(
    options: list[str], url: str, ring: Ring, other_ring: Ring, tmp_path: Path
) -> None:
    with running_probe(*options, cwd=tmp_path) as probe:
        probe.register(USERS[0])
        probe.end()
    assert users(stored(url, ring)) == USERS[:1]
    result = run(
        "zt", "probe", "hep", "127.0.0.1:0", "-k", other_ring.path, "-s", url,
        "--spool", tmp_path / "other",
    )  # fmt: skip
    assert result.code == 1
    assert "which the key ring" in result.err
    assert "Traceback" not in result.err


def test_prometheus_gets_the_figures(options: list[str], tmp_path: Path) -> None:
    with running_probe(*options, "--metrics", "127.0.0.1:0", cwd=tmp_path) as probe:
        port = int(probe.wait_for(r"serves figures on 127\.0\.0\.1 port (\d+)")[1])
        probe.register(USERS[0])

        def page() -> str:
            with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                return str(answer.read().decode())

        until(lambda: "zt_probe_shipping_delivered_total 1.0" in page())
        text = page()
        probe.end()
    assert 'zt_probe_events_sent_total{type="reg-new"} 1.0' in text
    assert 'zt_probe_table_entries{table="' in text
    assert "zt_probe_kernel_drops_total 0.0" in text
    assert "subscriber" not in text


def test_figures_are_logged_as_often_as_wanted(tmp_path: Path) -> None:
    with running_probe("--statistics", "100ms", cwd=tmp_path) as probe:
        probe.register(USERS[0])
        line = probe.wait_for(r"statistics (.* events_sent=1 .*)\n")[1].decode()
        probe.end()
    figures = dict(part.split("=") for part in line.split())
    assert int(figures["messages"]) == 2
    assert {"kernel_drops", "events_suppressed", "table_entries", "lag_seconds"} <= set(figures)
    assert float(figures["lag_seconds"]) < BOUND


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_a_reader_of_stdout_that_leaves_ends_it_quietly(
    is_encrypted: bool, ring: Ring, tmp_path: Path
) -> None:
    options = ("-k", ring.path) if is_encrypted else ()
    with running_probe(*options, cwd=tmp_path) as probe:
        assert probe.process.stdout is not None
        probe.process.stdout.close()
        probe.process.stdout = None
        deadline = time.monotonic() + BOUND
        number = 0
        while probe.process.poll() is None and time.monotonic() < deadline:
            number += 1
            probe.register(f"subscriber-{number}")
            time.sleep(0.01)
        code, _ = ended(probe)
    assert code == 0
    assert b"Traceback" not in probe.said


def ended(probe: RunningProbe) -> tuple[int, bytes]:
    """How it ended by itself."""
    _, said = probe.process.communicate(timeout=BOUND)
    probe.said += said
    return probe.process.returncode, said


def test_a_wrong_hep_key_file_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"a secret of ours\n")
    key.chmod(0o644)
    result = run("zt", "probe", "hep", "127.0.0.1:0", "--hep-key-file", key)
    assert result.code == 1
    assert "is open to other users" in result.err
    key.chmod(0o600)
    key.write_bytes(b"\n")
    result = run("zt", "probe", "hep", "127.0.0.1:0", "--hep-key-file", key)
    assert result.code == 1
    assert "begins with an empty line" in result.err


def test_an_interface_that_is_none_is_named(tmp_path: Path) -> None:
    result = run("zt", "probe", "live", "no-such-if", cwd=tmp_path)
    assert result.code == 1
    assert "no-such-if" in result.err
