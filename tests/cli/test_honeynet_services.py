"""The honeynet's systemd units: their commands are some, and systemd finds them sound and tight."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import run
from support.documents import environment
from support.systemd_units import FOLDER, LOOSEST, Unit, analyze, exposure

from keys import Ring
from zt.honeynet.collector.settings import load_settings
from zt.honeynet.honeypot.settings import load_honeypot

HONEYPOT = Unit("zt-honeypot.service")
COLLECTOR = Unit("zt-honeynet.service")
UNITS = pytest.mark.parametrize("unit", [HONEYPOT, COLLECTOR], ids=lambda unit: unit.name)
SETTINGS = FOLDER.parent / "honeypot.yaml"

Require = Callable[[object, str], None]


def test_the_honeypots_command_is_understood_up_to_the_address(ring: Ring, tmp_path: Path) -> None:
    """All that it names is read; then there is no such address here."""
    settings = tmp_path / "honeypot.yaml"
    settings.write_text("name: fra-1\nlisten: ['udp:198.51.100.1:5060']\n")
    program, *arguments = HONEYPOT.command(
        {"STORE": f"duckdb:{tmp_path}/store.db", "STATE_DIRECTORY": f"{tmp_path}/state"}
    )
    assert program.endswith("/zt")
    places = {
        "/etc/zt-honeypot/ring.json": ring.path,
        "/etc/zt-honeypot/honeypot.yaml": settings,
        "127.0.0.1:9465": "127.0.0.1:0",
    }
    result = run("zt", *(str(places.get(word, word)) for word in arguments))
    assert result.code == 1
    assert "198.51.100.1" in result.err
    assert "error: " in result.err
    assert (tmp_path / "state").is_dir()


def test_the_collectors_command_is_understood_up_to_the_certificate(tmp_path: Path) -> None:
    program, *arguments = COLLECTOR.command({"STATE_DIRECTORY": str(tmp_path)})
    assert program.endswith("/zt")
    places = {"/etc/zt-honeynet/honeynet.yaml": str(FOLDER / "honeynet.yaml")}
    result = run("zt", *(places.get(word, word) for word in arguments))
    assert result.code == 1
    assert "can't use the certificate /etc/zt-honeynet/fullchain.pem" in result.err
    assert (tmp_path / "book.db").is_file()


def test_their_settings_are_settings() -> None:
    assert load_settings(FOLDER / "honeynet.yaml").page.contact == "bans@example.org"
    assert load_honeypot(SETTINGS).region == "eu-central"


def test_a_honeypot_has_one_capability_and_a_collector_none() -> None:
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert HONEYPOT.values(name) == ["CAP_NET_BIND_SERVICE"]
        assert COLLECTOR.values(name) == [""]


@UNITS
def test_they_run_as_users_of_their_own_and_cannot_become_others(unit: Unit) -> None:
    assert unit.values("User") == unit.values("Group") == [unit.name.removesuffix(".service")]
    assert unit.values("NoNewPrivileges") == ["yes"]


@UNITS
def test_they_may_listen_on_the_ports_of_their_settings_only(unit: Unit) -> None:
    """Those of the command and of the examples' settings; a honeypot's also for TLS."""
    assert unit.values("SocketBindDeny") == ["any"]
    allowed = set()
    for value in unit.values("SocketBindAllow"):
        transport, _, ports = value.partition(":")
        first, _, last = ports.partition("-")
        allowed |= {(transport, port) for port in range(int(first), int(last or first) + 1)}
    (command,) = unit.values("ExecStart")
    used = {("tcp", int(port)) for port in re.findall(r"[\d\]]:(\d{4,5})\b", command)}
    if unit is HONEYPOT:
        used |= {(place.transport, place.port) for place in load_honeypot(SETTINGS).listen}
        used.add(("tcp", 5061))
    assert used == allowed


@pytest.fixture
def program(tmp_path: Path, require: Require) -> Path:
    require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    return Path(environment(tmp_path)["PATH"].split(":")[0]) / "zt"


@UNITS
def test_systemd_finds_nothing_wrong(unit: Unit, program: Path, tmp_path: Path) -> None:
    done = analyze("verify", "--man=no", unit.with_program(tmp_path, program))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@UNITS
def test_systemd_finds_them_tight(
    unit: Unit, program: Path, tmp_path: Path, require: Require
) -> None:
    done = analyze("security", "--offline=yes", unit.with_program(tmp_path, program))
    require("unrecognized option" not in done.stderr, "systemd-analyze is too old for this")
    assert exposure(done.stdout) <= LOOSEST
