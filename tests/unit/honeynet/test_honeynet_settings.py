"""What a collector can be told in a file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zt.errors import InputError
from zt.honeynet.collector import settings
from zt.honeynet.collector.book.guard import NEVER
from zt.honeynet.collector.book.model import BookSettings
from zt.honeynet.collector.page import PageSettings
from zt.honeynet.collector.settings import CollectorSettings, load_settings
from zt.honeynet.collector.web.doorkeeper import ConnectionLimits
from zt.honeynet.collector.web.sources import parse_networks


def loaded(tmp_path: Path, text: str) -> CollectorSettings:
    path = tmp_path / "collector.yaml"
    path.write_text(text)
    return load_settings(path)


def test_without_a_file_all_is_as_the_parts_have_it() -> None:
    found = load_settings(None)
    assert found.for_book() == BookSettings()
    assert found.for_connections() == ConnectionLimits()
    assert found.for_page() == PageSettings()


def test_the_example_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(r"\n\n((?:    .*\n)+)", settings.__doc__ or "")
    found = loaded(tmp_path, re.sub(r"(?m)^    ", "", example))
    assert found.geoip == Path("/var/lib/GeoIP/GeoLite2-Country.mmdb")
    assert found.for_page().contact == "mail@example.org"
    assert found.for_page().url == "https://bans.example.org"
    assert found.for_connections() == ConnectionLimits()
    own = tuple(parse_networks(["203.0.113.0/24"]))
    assert found.for_book().guard.never == (*NEVER, *own)


def test_a_list_of_ones_own_takes_nothing_off_the_one_built_in(tmp_path: Path) -> None:
    found = loaded(tmp_path, "guard: {never: [45.0.0.0/8]}")
    assert set(NEVER) < set(found.for_book().guard.never)


def test_only_what_is_called_unsafe_does(tmp_path: Path) -> None:
    found = loaded(tmp_path, "guard: {never: [45.0.0.0/8], unsafe_any_network: true}")
    assert found.for_book().guard.never == tuple(parse_networks(["45.0.0.0/8"]))


def test_a_relative_path_begins_at_the_file(tmp_path: Path) -> None:
    assert loaded(tmp_path, "geoip: a.mmdb").geoip == tmp_path / "a.mmdb"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x: 1", "line 1: x: no such option"),
        ("guard:\n  share: 2", "line 2: guard.share"),
        ("guard:\n  window: 5", "line 2: guard.window"),
        ("book:\n  retention: 0d", "line 2: book.retention"),
        ("connections:\n  connections: 0", "line 2: connections.connections"),
        ("page:\n  url: javascript:alert(1)", "line 2: page.url"),
        ("trusted_proxies: 10.0.0.1", "line 1: trusted_proxies: give a list"),
        ("trusted_proxies: [10.0.0.1/8]", "line 1: trusted_proxies: '10.0.0.1/8' is no network"),
    ],
)
def test_what_is_wrong_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InputError, match=re.escape(says)):
        loaded(tmp_path, text)
