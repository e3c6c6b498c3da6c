"""Every command that a document shows is run, and the command lines are what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import MODULES, ok
from support.documents import BLOCK, bash

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_readmes_commands_work_as_they_stand(desk: tuple[Path, dict[str, str]]) -> None:
    blocks = BLOCK.findall(README)
    assert len(blocks) >= 5
    folder, env = desk
    done = bash("".join(blocks), folder, env)
    assert done.returncode == 0, done.stderr
    assert "sip:bx4nvhr8ck@hv3kxq9wbn.example" in done.stdout
    assert "add element inet zt block4 { 203.0.113.58 timeout" in done.stdout
    again, events = (
        [json.loads(line) for line in (folder / name).read_text().splitlines()]
        for name in ("again.ndjson", "events.ndjson")
    )
    assert again == events


def test_what_the_demo_keeps_works_with_the_commands_it_prints(
    desk: tuple[Path, dict[str, str]],
) -> None:
    folder, env = desk
    played = bash("zt demo --keep kept", folder, env)
    assert played.returncode == 0, played.stderr
    assert "blocked" in played.stdout
    printed = [line for line in played.stderr.splitlines() if line.startswith("  ")]
    assert len(printed) == 6
    tried = bash("\n".join(printed), folder, env)
    assert tried.returncode == 0, tried.stderr


def test_every_command_of_the_readme_is_there_and_the_other_way_round() -> None:
    """The README shows each command; what it shows exists (or the test above fails)."""
    shown = set(re.findall(r"^(zt(?:-\w+)?(?: [a-z]+){0,2})", README, re.MULTILINE))
    for command in (
        "zt-keys init", "zt-keys list", "zt-keys check", "zt-keys rotate", "zt-keys rewrap",
        "zt-keys reader", "zt probe pcap",
        "zt encrypt", "zt decrypt", "zt search", "zt top", "zt count", "zt values",
        "zt jobs push", "zt jobs list",
        "zt findings", "zt policy run", "zt profile list", "zt profile show", "zt profile check",
        "zt profile explain", "zt profile suggest",
        "zt-analytics ingest", "zt-analytics run", "zt-analytics status",
    ):  # fmt: skip
        assert any(text.startswith(command) for text in shown), command


@pytest.mark.parametrize("name", MODULES)
def test_help_needs_no_heavy_module(name: str) -> None:
    """What makes `--help` slow is importing; so none of the product's libraries is imported."""
    code = (
        "import sys, runpy; sys.argv = [{name!r}, '--help']\n"
        "try: runpy.run_module({module!r}, run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {{'numpy', 'duckdb', 'pydantic', 'cryptography', 'msgspec', 'yaml', 'rich'}}\n"
        "heavy.add('luqum')\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code.format(name=name, module=MODULES[name])],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Usage:" in done.stdout
    assert done.stderr.strip() == "[]"


def test_the_demo_gives_its_facts_to_machines() -> None:
    facts = json.loads(ok("zt", "demo", "--json").out)
    truth = json.loads((ROOT / "examples" / "data" / "demo.truth.json").read_text())
    assert set(facts["blocked"]) == set(truth["attackers"])
    assert "seal does not verify" in facts["altered"]
    assert "does not hold" in facts["wrong_key"]
    assert facts["search"]["found"]
    assert facts["before"]["sip"]["from"] != facts["after"]["sip"]["from"]
    assert facts["refused"] == {}


def test_the_readmes_profile_is_one(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "my-pbx.yaml").write_text(text)
    said = ok("zt", "profile", "check", "my-pbx.yaml", cwd=tmp_path).err
    assert "the profile my-pbx is fine: 8 fields" in said


def test_the_readme_names_every_preset() -> None:
    for name in ok("zt", "profile", "list").out.decode().split():
        assert f"`{name}`" in README


def test_links_lead_somewhere() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    pages += [page for name in ("docs", "examples") for page in (ROOT / name).rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
