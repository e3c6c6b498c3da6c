"""The collector's page in a real browser: nothing to complain of, on screens and on telephones."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.chromium import PROGRAM, Chromium, browsing
from support.honeynet_page import BUSY, NOTHING, NOW, application, serving

from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.page import PageSettings, page_routes
from zt.honeynet.collector.web.app import Collector
from zt.honeynet.sighting import Kind, Sighting, SightingBatch

SETTINGS = PageSettings(url="https://bans.example.org", contact="abuse@example.org", newest=5)
SCREEN, PHONE = 1200, 375  # CSS pixels
PAGES = {"busy": BUSY, "new": NOTHING}


@pytest.fixture(scope="module")
def chromium(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> Iterator[Chromium]:
    require(PROGRAM, "chromium is not installed")
    with browsing(tmp_path_factory.mktemp("chromium")) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages() -> Iterator[dict[str, str]]:
    with (
        serving(application(BUSY, settings=SETTINGS)) as busy,
        serving(application(NOTHING, settings=SETTINGS)) as new,
    ):
        yield {"busy": busy, "new": new}


def background(browser: Chromium) -> str:
    return str(browser.evaluate("getComputedStyle(document.body).backgroundColor"))


def size(picture: bytes) -> tuple[int, int]:
    """Width and height of a PNG."""
    width, height = struct.unpack_from(">II", picture, 16)
    return width, height


@pytest.mark.parametrize("width", [SCREEN, PHONE])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_the_browser_has_nothing_to_complain_of(
    chromium: Chromium, pages: dict[str, str], tmp_path: Path, page: str, dark: bool, width: int
) -> None:
    chromium.look(width=width, dark=dark, phone=width == PHONE)
    chromium.open(pages[page])
    assert chromium.said == []
    assert all(url.startswith(pages[page]) for url in chromium.asked)
    assert chromium.evaluate("document.documentElement.scrollWidth") == width
    picture = chromium.screenshot(tmp_path / "page.png")
    factor = 2 if width == PHONE else 1
    assert size(picture)[0] == width * factor
    assert size(picture)[1] > 900
    assert background(chromium) == ("rgb(20, 18, 14)" if dark else "rgb(245, 243, 238)")


def test_a_browser_would_complain(chromium: Chromium, pages: dict[str, str]) -> None:
    """What the other tests look for is seen: the page's policy stops a script, and says so."""
    chromium.look(width=SCREEN)
    chromium.open(pages["busy"])
    chromium.evaluate(
        "document.body.appendChild(document.createElement('script'))"
        ".textContent = 'document.title = 1'"
    )
    assert chromium.evaluate("document.title") == "Honeynet"
    assert any("Content Security Policy" in said for said in chromium.said)


@pytest.mark.parametrize("width", [SCREEN, PHONE])
def test_one_chart_is_shown_that_fits(
    chromium: Chromium, pages: dict[str, str], width: int
) -> None:
    chromium.look(width=width, phone=width == PHONE)
    chromium.open(pages["busy"])
    shown = chromium.evaluate(
        "[...document.querySelectorAll('.chart')].filter(c => c.getBoundingClientRect().width)"
        ".map(c => c.getAttribute('class'))"
    )
    assert shown == ["chart wide" if width == SCREEN else "chart narrow"]
    small = chromium.evaluate(
        "Math.min(...[...document.querySelectorAll('.chart text')]"
        ".map(t => t.getBoundingClientRect().height).filter(h => h))"
    )
    assert small > 11


def test_letters_may_be_twice_as_large(chromium: Chromium, pages: dict[str, str]) -> None:
    """Nothing is cut off that can't be scrolled to (WCAG 2.2, 1.4.4)."""
    chromium.look(width=PHONE, phone=True)
    chromium.open(pages["busy"])
    chromium.evaluate("document.documentElement.style.fontSize = '200%'")
    assert chromium.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_who_cannot_see_is_told_the_same(chromium: Chromium, pages: dict[str, str]) -> None:
    chromium.look(width=SCREEN)
    chromium.open(pages["busy"])
    nodes = chromium.call("Accessibility.getFullAXTree")["nodes"]
    roles: dict[str, list[str]] = {}
    for node in nodes:
        if not node.get("ignored"):
            name = node.get("name", {}).get("value", "")
            roles.setdefault(node["role"]["value"], []).append(name)
    assert "Honeynet" in roles["heading"]
    assert any("0 to 2,033" in name or "655 to 2,033" in name for name in roles["image"])
    assert {"Tool", "Addresses", "Region", "Kind"} <= set(roles["columnheader"])
    assert "friendly-scanner" in roles["rowheader"]
    assert {"main", "banner", "contentinfo"} <= set(roles)


def test_a_collector_shows_what_is_in_its_book(chromium: Chromium, tmp_path: Path) -> None:
    now = NOW * 1_000_000
    said: list[str] = []
    with Book.open(tmp_path / "book.db", serving=True) as book:
        honeypot = book.find_honeypot(book.add_honeypot("fra-1", "eu-central", now))
        assert honeypot
        sightings = tuple(
            Sighting(f"8.8.{n}.1", Kind.GUESS, True, now, now, 5, "<i>svcrack</i>")
            for n in range(40)
        )
        book.take(honeypot, SightingBatch("batch-0001", sightings), now)
        pages = page_routes(lambda: book.figures(now), clock=lambda: NOW)
        with serving(Collector(book, pages=pages, say=said.append).app) as url:
            chromium.look(width=SCREEN)
            chromium.open(url)
            assert chromium.said == []
            shown = chromium.evaluate("document.body.innerText")
            for part in (
                "40 IPv4, 0 IPv6",
                "200",
                "<i>svcrack</i>",
                "eu-central",
                "guessed passwords",
            ):
                assert part in shown, part
            assert "8.8." not in shown
            assert background(chromium) == "rgb(245, 243, 238)"  # its style came
    assert said == []
