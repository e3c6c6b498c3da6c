"""The settings of a probe: what is wrong is named with its line, what is right is used."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from zt.errors import InputError
from zt.sip import Agent
from zt.sip.settings import ProbeSettings, load_settings, make_probe, parse_ports

ALL = """\
agent: sbc-1
ports: [5060-5090, 5160]
timers: {ringing: 120, established: 7200}
limits: {calls: 200000}
capture: {connections: 5}
throttle:
  rates: {second: 20, minute: 240, hour: 3600}
  rates_of:
    auth-failed: {second: 5}
  never_throttle: [192.0.2.0/24]
  always_report: [call-end]
sampler: {limit: 100}
hep: {agents: [10.0.0.0/8]}
counters_every: 30
shipping: {spool_bytes: 1000000, batch_seconds: 0.2}
"""


def load(text: str, folder: Path) -> ProbeSettings:
    path = folder / "probe.yaml"
    path.write_text(text)
    return load_settings(path)


def test_every_section_is_read(tmp_path: Path) -> None:
    found = load(ALL, tmp_path)
    assert found.agent == "sbc-1"
    assert found.ports == ((5060, 5090), (5160, 5160))
    assert (found.timers.ringing, found.timers.invite) == (120, 32)
    assert (found.limits.calls, found.capture.connections) == (200_000, 5)
    assert found.throttle.rates_of["auth-failed"].second == 5
    assert found.throttle.never_throttle == ("192.0.2.0/24",)
    assert found.throttle.always_report == {"call-end"}
    assert found.sampler.limit == 100
    assert found.hep.agents == (ip_network("10.0.0.0/8"),)
    assert found.counters_every == 30
    assert found.shipping.spool_bytes == 1_000_000
    make_probe(found, Agent(name="test", version="0"), sampled=True, counting=True)


def test_without_a_file_all_has_its_default() -> None:
    assert load_settings(None) == ProbeSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("agent: x\ntimer: {ringing: 1}\n", "line 2: timer: no such option"),
        ("agent: x\ntimers: {ringing: 0}\n", "line 2: timers: the timer ringing"),
        ("timers:\n  ringing: soon\n", "line 2: timers.ringing"),
        ("limits: {calls: 0}\n", "line 1: limits: "),
        ("capture: {share: -5}\n", "line 1: capture: share is -5"),
        ("limits: {calls: yes}\n", "calls is neither true nor false"),
        ("throttle:\n  rates:\n    secnd: 3\n", "line 3: throttle.rates.secnd"),
        ("throttle: {rates: {second: yes}}\n", "second is neither true nor false"),
        ("throttle:\n  never_throttle: [10.0.0.0/99]\n", "line 1: throttle: '10.0.0.0/99'"),
        ("ports: [5060-5050]\n", "a range begins with the lower one"),
        ("ports: [0]\n", "ports lie between"),
        ("ports: [sip]\n", "ports are written"),
        ("ports: []\n", "line 1: ports"),
        ("hep: {key: secret-of-ours}\n", "the key is a secret"),
        ("hep: {agents: [somebody]}\n", "line 1: hep.agents.0"),
        ("shipping: {spool_bytes: 0}\n", "spool_bytes is 0"),
        ("counters_every: 99999\n", "line 1: counters_every"),
        ("agent: x\nagent: y\n", "line 2: agent stands here twice"),
        ("", "the file is empty"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"probe\.yaml") as raised:
        load(text, tmp_path)
    assert said in str(raised.value)
    assert "secret-of-ours" not in raised.value.diagnostics()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        load_settings(tmp_path / "probe.yaml")


def test_a_file_of_places_is_looked_for_beside_the_settings(tmp_path: Path) -> None:
    found = load("geoip: places.mmdb\n", tmp_path)
    assert found.geoip == tmp_path / "places.mmdb"
    with pytest.raises(InputError, match=r"places\.mmdb"):
        make_probe(found, Agent(name="test", version="0"))


def test_ports_of_a_command_line_are_those_of_a_file() -> None:
    assert parse_ports("5060-5090, 5160") == ((5060, 5090), (5160, 5160))
    with pytest.raises(InputError, match="ports are written"):
        parse_ports("5060;5061")
