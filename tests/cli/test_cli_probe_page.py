"""docs/probe.md: its commands work, and its tables are what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from support.commands import ok
from support.documents import BLOCK, bash

from zt.shipping import ShippingSettings
from zt.shipping.counters import ShippingCounters
from zt.sip.figures import LOGGED
from zt.sip.schema import KINDS
from zt.sip.settings import load_settings

PAGE = (Path(__file__).parents[2] / "docs" / "probe.md").read_text()


def test_the_pages_commands_work_as_they_stand(desk: tuple[Path, dict[str, str]]) -> None:
    done = bash("".join(BLOCK.findall(PAGE)), *desk)
    assert done.returncode == 0, done.stderr
    assert "sip:" in done.stdout


def test_its_settings_are_settings(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "probe.yaml").write_text(text)
    settings = load_settings(tmp_path / "probe.yaml")
    default = ShippingSettings()
    assert settings.shipping.batch_seconds == default.batch_seconds
    assert settings.shipping.spool_bytes == default.spool_bytes
    assert settings.shipping.memory_bytes == default.memory_bytes


def test_every_event_and_logged_figure_is_named() -> None:
    for kind in KINDS:
        assert f"`{kind}`" in PAGE, kind
    short = {"shipping_spool_bytes": "_bytes", "shipping_spool_age": "_age"}
    for name in set(LOGGED) - {"seconds"}:
        assert f"`{short.get(name, name)}`" in PAGE, name


def test_every_figure_that_it_names_is_one() -> None:
    counters = set(ShippingCounters.__dataclass_fields__)
    for name in re.findall(r"`shipping_(\w+)`", PAGE):
        assert name in counters, name


def test_every_option_that_it_names_is_one() -> None:
    said = "".join(ok("zt", "probe", name, "--help").out.decode() for name in ("live", "hep"))
    page = re.sub(r"setpriv[^\n]*\n[^\n]*", "", PAGE)
    for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page)) - {"--tenant"}:
        assert option in said, option
