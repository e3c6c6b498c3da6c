"""docs/honeynet.md: its commands work, and its settings and figures are what the code says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import ok
from support.documents import BLOCK, bash, environment
from support.nginx import free_port

from zt.honeynet.collector.book.guard import GuardSettings
from zt.honeynet.collector.settings import load_settings
from zt.honeynet.honeypot.lure.personality import PERSONALITIES
from zt.honeynet.honeypot.settings import load_honeypot

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "honeynet.md").read_text()
SOURCES = "".join(path.read_text() for path in (ROOT / "zt" / "honeynet").rglob("*.py"))
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)

# Bounded, so that the script's end stops what it started, whatever fails.
WAIT = """
for _ in $(seq 300); do (: > /dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.1; done
"""
LISTED = """
for _ in $(seq 30); do zt honeynet list --db book.db -c collector.yaml | grep -q . && break; done
"""


def script(collector: int, honeypot: int) -> str:
    """The page's commands on free ports; what a person sees before going on is waited for."""
    blocks = BLOCK.findall(PAGE)
    ask = next(n for n, block in enumerate(blocks) if "/check/127.0.0.1" in block)
    blocks.insert(ask, LISTED)
    text = "".join(blocks).replace("8464", str(collector)).replace(":5060", f":{honeypot}")
    for command, port in (("serve", collector), ("run", honeypot)):
        text = re.sub(
            rf"^(zt \w+ {command} .*&)$",
            lambda line, port=port: line[1] + WAIT.format(port=port),  # type: ignore[misc]
            text,
            flags=re.MULTILINE,
        )
    return f"trap 'kill $(jobs -p); wait' EXIT\n{text}"


def test_the_pages_commands_work_as_they_stand(
    tmp_path: Path, require: Callable[[object, str], None]
) -> None:
    require(shutil.which("curl"), "curl is not installed")
    folder = tmp_path / "desk"
    folder.mkdir()
    done = bash(script(free_port(), free_port()), folder, environment(tmp_path))
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "SIP/2.0 200 OK" in said
    assert "Server: Asterisk PBX" in said
    assert said.count('{"ipaddress":["127.0.0.1"],"ID":"101"}') == 3  # check, banned, get
    assert '{"ipaddress":["no new bans"],"ID":"none"}' in said
    assert said.count('{"ipaddress":["not blocked"],"ID":"none"}') == 2
    assert re.search(r"^127\.0\.0\.1,.*,scan,1,yes,", said, re.MULTILINE)
    assert '"ipaddr":"127.0.0.1"' in said
    (attacker,) = (folder / "attackers.csv").read_text().splitlines()[1:]
    assert attacker.startswith("127.0.0.1,")
    assert "flush set inet zt_honeynet v6" in (folder / "attackers6.nft").read_text()
    events = [json.loads(line) for line in (folder / "events.ndjson").read_text().splitlines()]
    (probe,) = [event for event in events if event["type"] == "msg-probe"]
    assert (probe["tags"], probe["client"]["proven"]) == (["honeynet"], True)
    assert re.search(r"^127\.0\.0\.1 +.* client\.ip, .*attackers\.csv", said, re.MULTILINE)
    for secret in ("token", "key"):
        assert (folder / secret).stat().st_mode & 0o077 == 0


def test_the_honeypots_settings_are_settings(tmp_path: Path) -> None:
    (tmp_path / "honeypot.yaml").write_text(EXAMPLES[0])
    settings = load_honeypot(tmp_path / "honeypot.yaml")
    assert settings.personality in PERSONALITIES.names()
    assert settings.report.token_file == tmp_path / "token"


def test_the_collectors_settings_are_its_defaults_but_for_names(tmp_path: Path) -> None:
    (tmp_path / "honeynet.yaml").write_text(EXAMPLES[1])
    settings = load_settings(tmp_path / "honeynet.yaml")
    default = GuardSettings()
    for name in ("witnesses", "share", "floor"):
        assert getattr(settings.guard, name) == getattr(default, name)
    assert settings.page.newest == load_settings(None).page.newest


def test_what_it_says_of_the_guard_is_so() -> None:
    default = GuardSettings()
    hour = 3_600_000_000
    assert (default.window, default.pardon) == (24 * hour, 30 * 24 * hour)
    assert f"at most {default.subnet} addresses are" in " ".join(PAGE.split())


def test_every_figure_that_it_names_is_one() -> None:
    (section,) = re.findall(r"^## Figures\n(.*?)^## ", PAGE, re.MULTILINE | re.DOTALL)
    names = re.findall(r"`((?:report|listen|batches|wrong|upkeep)_\w+)`", section)
    assert len(names) == 7
    for name in names:
        assert f'"{name}"' in SOURCES, name


COMMANDS = ("honeypot run", "honeynet serve", "honeynet honeypots add", "honeynet honeypots revoke",
            "honeynet keys add", "honeynet list", "honeynet gather", "hunt")  # fmt: skip


@pytest.fixture(scope="module")
def helps() -> str:
    return "".join(ok("zt", *command.split(), "--help").out.decode() for command in COMMANDS)


def test_every_option_that_it_names_is_one(helps: str) -> None:
    commands = "\n".join(line for line in PAGE.splitlines() if "iptables" not in line)
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", commands))
    assert len(named) > 10
    for option in named - {"--tenant"}:
        assert option in helps, option


def test_every_file_that_it_links_is_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert len(links) >= 5
    for link in links:
        assert (ROOT / "docs" / link).exists(), link
