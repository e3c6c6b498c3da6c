"""The systemd unit: its command is one, and systemd finds it sound and tight."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import run
from support.documents import environment
from support.systemd_units import FOLDER, LOOSEST, Unit, analyze, exposure

from keys import Ring
from zt.sip.settings import load_settings

UNIT = Unit("zt-probe.service")

Require = Callable[[object, str], None]


def test_its_command_is_understood_up_to_the_interface(ring: Ring, tmp_path: Path) -> None:
    """All that it names is read; then there is no such interface here."""
    program, *arguments = UNIT.command(
        {
            "INTERFACES": "no-such-if",
            "STORE": f"duckdb:{tmp_path}/store.db",
            "STATE_DIRECTORY": f"{tmp_path}/state",
        }
    )
    assert program.endswith("/zt")
    places = {"/etc/zt-probe/ring.json": ring.path, "/etc/zt-probe/probe.yaml": "probe.yaml"}
    result = run("zt", *(str(places.get(word, word)) for word in arguments), cwd=FOLDER)
    assert result.code == 1
    assert "no-such-if" in result.err
    assert "error: " in result.err
    assert (tmp_path / "state").is_dir()


def test_its_settings_are_settings() -> None:
    assert load_settings(FOLDER / "probe.yaml").agent == "sbc-1"


def test_it_has_one_capability_and_no_way_to_another() -> None:
    for name in ("AmbientCapabilities", "CapabilityBoundingSet"):
        assert UNIT.values(name) == ["CAP_NET_RAW"]
    assert UNIT.values("NoNewPrivileges") == ["yes"]
    assert UNIT.values("User") == ["zt-probe"]


def test_every_option_of_the_family_is_one_that_the_program_needs() -> None:
    """AF_PACKET to capture, the internet to ship; AF_UNIX and AF_NETLINK to look names up."""
    (families,) = UNIT.values("RestrictAddressFamilies")
    assert families.split() == ["AF_PACKET", "AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"]


@pytest.fixture
def unit(tmp_path: Path, require: Require) -> Path:
    """The unit with a program that is there."""
    require(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    program = Path(environment(tmp_path)["PATH"].split(":")[0]) / "zt"
    return UNIT.with_program(tmp_path, program)


def test_systemd_finds_nothing_wrong(unit: Path) -> None:
    done = analyze("verify", "--man=no", unit)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_it_tight(unit: Path, require: Require) -> None:
    done = analyze("security", "--offline=yes", unit)
    require("unrecognized option" not in done.stderr, "systemd-analyze is too old for this")
    assert exposure(done.stdout) <= LOOSEST
