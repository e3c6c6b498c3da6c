"""`zt honeypot`: as users run it, its events arrive, its sightings are told, and it ends well."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from support.certificates import Authority
from support.event_schema import violations
from support.honeypot_collector import collecting
from support.honeypot_process import running_honeypot
from support.in_process import call, fine
from support.leaks import leaked
from support.shipping import BOUND, until

from analytics.store import open_store
from analytics.wire import StoreError
from keys import Ring
from zt.encoder import Decoder

NUMBER = "900441234567890"


def stored(url: str, ring: Ring) -> list[dict[str, Any]]:
    """The store's events, opened; those that count traffic are left out."""
    with open_store(url, wait=BOUND) as store:
        wire = store.header_lines()
        for epoch in store.epochs():
            wire += store.epoch_events(epoch.kid)
    opened = Decoder(Ring.open(ring.path)).decrypt(wire)
    return [event for event in opened if event["type"] != "counters"]


def report(url: str, folder: Path) -> str:
    """Settings that report to a collector."""
    token = folder / "token"
    token.write_text("a-token-of-ours\n")
    token.chmod(0o600)
    return f"report: {{url: '{url}', token_file: token}}\n"


def test_without_a_ring_events_are_lines_of_json(tmp_path: Path) -> None:
    with running_honeypot("--plain", folder=tmp_path, settings="region: eu\n") as honeypot:
        assert honeypot.ask("OPTIONS").startswith(b"SIP/2.0 200 OK\r\n")
        assert honeypot.ask("INVITE", to=NUMBER).startswith(b"SIP/2.0 401 ")
        code, out = honeypot.end()
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["type"] for event in events] == ["other-ok", "call-attempt", "counters"]
    for event in events:
        assert not violations(event)
        assert event["observer"] == {"name": "hp-1", "geo": {"name": "eu"}}
        assert event["tags"] == ["honeynet"]
        assert event["agent"]["type"] == "zt-honeypot"
    assert events[1]["sip"]["to"] == f"sip:{NUMBER}@pbx.example"
    assert b"statistics seconds=" in honeypot.said
    assert b"Traceback" not in honeypot.said


def test_events_arrive_encrypted_by_the_profile_of_the_honeynet(tmp_path: Path, ring: Ring) -> None:
    url = f"duckdb:{tmp_path}/store.db"
    options = ("-k", ring.path, "-s", url, "--spool", tmp_path / "spool")
    with running_honeypot(*options, folder=tmp_path) as honeypot:
        honeypot.ask("OPTIONS")

        def is_there() -> bool:
            try:
                return len(stored(url, ring)) == 1
            except StoreError:  # it is not made yet
                return False

        until(is_there)
        honeypot.ask("INVITE", to=NUMBER)
        code, out = honeypot.end()
    assert (code, out) == (0, b"")
    assert [event["type"] for event in stored(url, ring)] == ["other-ok", "call-attempt"]
    with open_store(url) as store:
        lines = [line for epoch in store.epochs() for line in store.epoch_events(epoch.kid)]
    assert not leaked([NUMBER, "127.0.0.1"], b"".join(lines))
    assert b'"honeynet"' in b"".join(lines)


def test_sightings_reach_the_collector_while_it_runs_and_at_the_end(tmp_path: Path) -> None:
    with collecting() as collector:
        settings = report(collector.url, tmp_path)
        with running_honeypot(
            "--plain", folder=tmp_path, settings=settings, transports=("udp", "tcp")
        ) as honeypot:
            honeypot.ask("OPTIONS")
            until(lambda: len(collector.posts) > 0)
            honeypot.ask_by_connection("REGISTER")
            until(lambda: len(collector.posts) > 1)
            for _ in range(3):
                honeypot.ask("OPTIONS")  # which is known, and could wait
            assert honeypot.end()[0] == 0
    counts: dict[tuple[str, bool], int] = {}
    for one in collector.sightings():
        assert one.address == "127.0.0.1"
        key = (one.kind.value, one.proven)
        counts[key] = counts.get(key, 0) + one.count
    assert counts == {("scan", False): 4, ("scan", True): 1}
    assert {post.token for post in collector.posts} == {"a-token-of-ours"}
    assert b"a-token-of-ours" not in honeypot.said
    assert b"report_sightings=3 report_waiting=0" in honeypot.said


def test_a_collector_that_is_away_does_not_stop_it(tmp_path: Path) -> None:
    with collecting() as gone:
        settings = report(gone.url, tmp_path)
    with running_honeypot("--plain", folder=tmp_path, settings=settings) as honeypot:
        honeypot.ask("OPTIONS")
        honeypot.wait_for("the collector can't be reached: connection refused")
        assert honeypot.ask("OPTIONS").startswith(b"SIP/2.0 200 ")
        code, _ = honeypot.end()
    assert code == 0
    assert b"2 sightings are lost" in honeypot.said


def test_a_hangup_reads_settings_token_and_certificate_again(tmp_path: Path, ring: Ring) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = (tmp_path / name for name in ("own.pem", "own.key"))

    def use(name: str) -> None:
        for source, target in zip(authority.issue(name), (certificate, key), strict=True):
            target.write_bytes(source.read_bytes())

    def shown(port: int) -> str:
        context = ssl.create_default_context(cafile=authority.ca)
        with (
            socket.create_connection(("127.0.0.1", port), timeout=BOUND) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as encrypted,
        ):
            found: Any = encrypted.getpeercert()
        return str(found["subject"][0][0][1])

    use("first")
    with collecting() as collector:
        settings = report(collector.url, tmp_path)
        settings += "tls: {certificate: own.pem, key: own.key}\n"
        with running_honeypot(
            "-k", ring.path, folder=tmp_path, settings=settings, transports=("udp", "tls")
        ) as honeypot:
            assert shown(honeypot.ports["tls"]) == "first"
            config = tmp_path / "honeypot.yaml"
            before = config.read_text()
            config.write_text(before + "nme: x\n")
            honeypot.process.send_signal(signal.SIGHUP)
            honeypot.wait_for("reloaded not all: .*line 5: nme: no such option")
            use("second")
            (tmp_path / "token").write_text("a-new-token\n")
            config.write_text(before + "region: us\nthrottle: {first: 50}\n")
            honeypot.process.send_signal(signal.SIGHUP)
            honeypot.wait_for("used from the next start on: region")
            assert shown(honeypot.ports["tls"]) == "second"
            honeypot.ask("OPTIONS")
            until(lambda: len(collector.posts) > 0)
            assert collector.posts[0].token == "a-new-token"
            assert honeypot.end()[0] == 0
    assert b"Traceback" not in honeypot.said


def test_prometheus_gets_the_figures(tmp_path: Path) -> None:
    options = ("--plain", "--metrics", "127.0.0.1:0")
    with collecting() as collector:
        settings = report(collector.url, tmp_path)
        with running_honeypot(*options, folder=tmp_path, settings=settings) as honeypot:
            port = int(honeypot.wait_for(r"serves figures on 127\.0\.0\.1 port (\d+)")[1])
            honeypot.ask("OPTIONS")

            def page() -> str:
                with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
                    return str(answer.read().decode())

            until(lambda: "zt_honeypot_report_sightings_total 1.0" in page())
            until(lambda: 'zt_honeypot_events_sent_total{type="other-ok"} 1.0' in page())
            assert 'zt_honeypot_listen_replies_total{transport="UDP"} 1.0' in page()


def test_a_reader_of_stdout_that_leaves_ends_it_quietly(tmp_path: Path) -> None:
    with running_honeypot("--plain", folder=tmp_path) as honeypot:
        assert honeypot.process.stdout is not None
        honeypot.process.stdout.close()
        honeypot.process.stdout = None
        honeypot.ask("OPTIONS")
        _, said = honeypot.process.communicate(timeout=BOUND)
        honeypot.said += said
    assert honeypot.process.returncode == 0
    assert b"Traceback" not in honeypot.said


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with running_honeypot("--plain", folder=tmp_path) as honeypot:
        other = tmp_path / "other.yaml"
        other.write_text(f"listen: ['udp:127.0.0.1:{honeypot.ports['udp']}']\n")
        result = call("zt", "honeypot", "run", "-c", other, "--plain")
    assert result.code == 1
    assert str(honeypot.ports["udp"]) in result.err
    assert "Traceback" not in result.err


def test_a_store_without_a_ring_is_a_matter_of_usage(tmp_path: Path) -> None:
    config = tmp_path / "honeypot.yaml"
    config.write_text("listen: ['udp:127.0.0.1:0']\n")
    assert call("zt", "honeypot", "run", "-c", config, "-s", "duckdb:x").code == 2
    assert call("zt", "honeypot", "run").code == 2


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ("personality: pbx-of-nobody\n", "there is no personality"),
        ("secret_file: none\n", "there is no secret file"),
        ("report: {url: 'https://x', token_file: none}\n", "there is no token file"),
        ("tls: {certificate: none, key: none}\n", "no such file"),
        ("geoip: none.mmdb\n", "none.mmdb: No such file"),
    ],
)
def test_check_looks_at_every_file(settings: str, reason: str, tmp_path: Path) -> None:
    config = tmp_path / "honeypot.yaml"
    config.write_text("listen: ['udp:127.0.0.1:0']\n" + settings)
    result = call("zt", "honeypot", "check", "-c", config)
    assert result.code == 1
    assert reason in result.err
    assert "Traceback" not in result.err


def test_check_says_what_a_right_file_means() -> None:
    example = Path(__file__).parents[2] / "examples" / "honeypot.yaml"
    result = fine("zt", "honeypot", "check", "-c", example)
    assert result.out == b""
    assert "honeypot-1 would look like asterisk on udp:0.0.0.0:5060, tcp:" in result.err


def test_personalities_are_listed() -> None:
    lines = fine("zt", "honeypot", "personalities").out.decode().splitlines()
    found = json.loads(fine("zt", "honeypot", "personalities", "--json").out)
    assert [line.split()[0] for line in lines] == list(found)
    assert "asterisk" in found
