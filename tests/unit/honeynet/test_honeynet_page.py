"""The collector's page: what it says, what it keeps to itself, what it costs."""

from __future__ import annotations

import dataclasses
import re
import threading
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet
from starlette.applications import Starlette
from support.honeynet_page import A_WEEK_AND_MORE, BUSY, NOTHING, Reader, application, days

from zt.honeynet.collector.book.errors import BookError
from zt.honeynet.collector.book.figures import Numbers
from zt.honeynet.collector.page import PageSettings, page_routes
from zt.honeynet.collector.page.chart import column_chart, line_step
from zt.honeynet.collector.page.countries import Countries, country_name
from zt.honeynet.collector.page.view import printable, rows
from zt.sip.geoip import Places

HOSTILE = "<script>alert(1)</script>\"'><img src=x>\u202e\x00\r\n"
VOID = {"meta", "link", "img", "br"}


def page(numbers: Numbers = BUSY, **options: Any) -> str:
    answer = Reader(application(numbers, **options)).get("/")
    assert answer.status_code == 200
    return answer.text


class Elements(HTMLParser):
    """The elements of a page, and whether each one that begins also ends."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_it_says_the_numbers() -> None:
    said = words(page())
    for part in (
        "Addresses to block 12,087 11,873 IPv4, 214 IPv6",
        "New today 702 9,432 in seven days",
        "Honeypots 9 8 busy in the last hour",
        "Attempts 1,834,221 in the last 24 hours",
        "looked for servers or users 9,120",
        "eu-central 6,001",
        "friendly-scanner 5,120",
        "30 November 2026, 12:00 UTC",
    ):
        assert part in said


def test_it_has_a_bar_for_each_day_and_the_same_in_a_table() -> None:
    text = page()
    for width, shown in (("wide", A_WEEK_AND_MORE), ("narrow", A_WEEK_AND_MORE[-7:])):
        (chart,) = re.findall(rf'<svg class="chart {width}".*?</svg>', text, re.DOTALL)
        assert len(re.findall(r'<rect class="bar', chart)) == len(shown)
    (table,) = re.findall(r'<table class="plain">.*?</table>', text, re.DOTALL)
    assert re.findall(r'<td class="n">([\d,]+)', table) == [f"{n:,}" for n in A_WEEK_AND_MORE[::-1]]


def test_before_the_first_catch_it_says_so() -> None:
    text = page(NOTHING)
    assert "Nothing yet." in text
    assert "<svg" not in text
    Elements(text)


def test_a_week_without_any_is_drawn_flat() -> None:
    chart = column_chart(days(0, 0, 0), width=100, height=50, text=10, labels=3)
    assert [bar.height for bar in chart.bars] == [0, 0, 0]


def test_bars_are_as_high_as_their_numbers_say() -> None:
    chart = column_chart(days(3, 0, 1000, 500), width=400, height=200, text=10, labels=4)
    heights = [bar.height for bar in chart.bars]
    assert heights[2] == pytest.approx(2 * heights[3])
    assert heights[1] == 0
    for bar in chart.bars:
        assert bar.y + bar.height == pytest.approx(chart.axis)
        assert chart.left <= bar.x
        assert bar.x + bar.width <= chart.width
    for line in chart.lines:
        assert chart.axis - line.y == pytest.approx(line.value / 1000 * heights[2])


@pytest.mark.parametrize("highest", [0, 1, 4, 5, 6, 99, 2033, 10**9])
def test_lines_are_few_and_round_and_reach_the_highest(highest: int) -> None:
    step = line_step(highest)
    assert highest <= 5 * step
    assert str(step).rstrip("0") in {"1", "2", "5"}
    assert step == 1 or highest > 2 * step


def test_every_element_ends_and_every_id_is_one() -> None:
    elements = Elements(page(settings=PageSettings(newest=5, contact="abuse@example.org")))
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids)) > 5
    for _, attributes in elements.found:
        assert attributes.get("aria-labelledby", ids[0]) in ids


def test_tables_charts_and_pictures_say_what_they_are() -> None:
    found = Elements(page()).found
    assert all("alt" in attributes for tag, attributes in found if tag == "img")
    assert all(attributes.get("scope") for tag, attributes in found if tag == "th")
    assert all(
        attributes.get("role") == "img" or attributes.get("aria-hidden") == "true"
        for tag, attributes in found
        if tag == "svg"
    )
    assert ("html", {"lang": "en"}) in found


def test_it_has_no_script_no_style_of_its_own_and_nothing_from_elsewhere() -> None:
    for tag, attributes in Elements(page(settings=PageSettings(newest=5))).found:
        assert tag not in {"script", "style", "form", "iframe", "object"}
        for name, value in attributes.items():
            assert name != "style"
            assert not name.startswith("on")
            if name in {"src", "href"}:
                assert (value or "").startswith("/")


def test_text_of_attackers_stays_text() -> None:
    tools = [(HOSTILE, 40), ("x" * 64, 30)]
    text = page(dataclasses.replace(BUSY, tools=tools, regions=[("<b>south</b>", 3)]))
    assert "<script" not in text
    assert "\u202e" not in text
    assert "<b>" not in text
    assert "&lt;script&gt;" in text
    assert "x" * 31 + "…" in text
    assert "x" * 32 not in text
    Elements(text)


def test_what_one_attacker_wrote_is_not_shown() -> None:
    """Two addresses are easily had; the page is no wall to write on."""
    text = page()
    assert "only-mine" not in text
    assert "others 2" in words(text)


def test_foreign_text_is_cut_to_what_prints() -> None:
    assert printable("a\u202eb\u200fc\x00d\te") == "a b c d e"
    assert printable(" \n ") == ""
    assert len(printable("word " * 99)) <= 32


def test_addresses_are_shown_only_where_the_operator_says_so() -> None:
    assert "203.0.113.77" not in page()
    text = page(settings=PageSettings(newest=1))
    assert "203.0.113.77" in text
    assert "2001:db8" not in text


def test_long_tables_end_with_the_others() -> None:
    made = rows([(f"n{n}", n) for n in range(1, 21)])
    assert [row.name for row in made] == [*(f"n{n}" for n in range(20, 13, -1)), "others"]
    assert sum(row.value for row in made) == sum(range(1, 21))
    assert made[0].share < made[-1].share == 100  # the others are more than the first


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ("abuse@example.org", '<a href="mailto:abuse@example.org">abuse@example.org</a>'),
        ("https://example.org/contact", '<a href="https://example.org/contact" rel="noreferrer">'),
        ("javascript:alert(1)", "listed by mistake: javascript:alert(1)."),
        ("<b>@example.org", "mailto:&lt;b&gt;@example.org"),
    ],
)
def test_it_says_whom_to_ask(contact: str, shown: str) -> None:
    text = page(settings=PageSettings(contact=contact))
    assert shown in " ".join(text.split())


def test_examples_name_the_collectors_address() -> None:
    text = page(settings=PageSettings(url="https://bans.example.org", name="Bees & wasps"))
    assert "curl https://bans.example.org/api/KEY/banned" in text
    assert "<title>Bees &amp; wasps</title>" in text


def test_browsers_are_told_to_load_only_what_is_its_own() -> None:
    client = Reader(application(BUSY))
    paths = re.findall(r'(?:href|src)="(/[^"]+)"', client.get("/").text)
    assert {path.rpartition(".")[2] for path in paths} == {"css", "svg"}
    for path in ("/", *paths):
        answer = client.get(path)
        assert answer.status_code == 200
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'; img-src 'self';")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in answer.headers
    assert "immutable" in client.get(paths[0]).headers["cache-control"]


def test_who_has_the_page_is_told_so() -> None:
    client = Reader(application(BUSY))
    tag = client.get("/").headers["etag"]
    again = client.get("/", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/", headers={"If-None-Match": '"other"'}).status_code == 200


def test_it_only_reads() -> None:
    client = Reader(application(BUSY))
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert client.request(method, "/").status_code == 405
    assert client.request("HEAD", "/").status_code == 200


def test_a_crowd_of_readers_costs_one_look_at_the_book() -> None:
    asked = []

    def numbers() -> Numbers:
        asked.append(threading.get_ident())
        return BUSY

    crowd = Reader(Starlette(routes=page_routes(numbers))).crowd(50, "/")
    assert {answer.status_code for answer in crowd} == {200}
    assert len(asked) == 1


def aging(seconds: float) -> tuple[Reader, list[float]]:
    """A page whose numbers take so long to get, and say how often; and what time it is."""
    time, asked = [1000.0], []

    def numbers() -> Numbers:
        asked.append(1)
        time[0] += seconds
        return dataclasses.replace(BUSY, today=len(asked) * 1111)

    routes = page_routes(numbers, settings=PageSettings(fresh=10), timer=lambda: time[0])
    return Reader(Starlette(routes=routes)), time


def test_an_old_page_is_made_anew() -> None:
    reader, time = aging(0)
    assert "1,111" in reader.get("/").text
    time[0] += 9.9
    assert "1,111" in reader.get("/").text
    time[0] += 0.2
    assert "2,222" in reader.get("/").text


def test_a_page_that_takes_long_is_made_seldom() -> None:
    """A large book costs a twentieth of the time at most, however many read."""
    reader, time = aging(3)
    first = reader.get("/")
    assert first.headers["cache-control"] == "public, max-age=60"
    time[0] += 59
    assert "1,111" in reader.get("/").text
    time[0] += 2
    assert "2,222" in reader.get("/").text


def test_a_book_that_cannot_be_read_is_said_without_a_word_of_it() -> None:
    def numbers() -> Numbers:
        raise BookError("can't read /srv/secret/book.db", "look at it")

    answer = Reader(Starlette(routes=page_routes(numbers))).get("/")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "secret" not in answer.text


@pytest.fixture
def places(tmp_path: Path) -> Places:
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country")
    for network, code in {"192.0.2.0/24": "DE", "2001:db8::/32": "US"}.items():
        writer.insert_network(IPSet([network]), {"country": {"iso_code": code}})
    writer.to_db_file(str(tmp_path / "places.mmdb"))
    return Places(tmp_path / "places.mmdb")


LISTED = ("192.0.2.1", "192.0.2.2", "2001:db8::1", "198.51.100.1", "198.51.100.2", "198.51.100.3")


def test_countries_are_counted_where_there_is_a_file(places: Places) -> None:
    text = page(places=places, addresses=lambda: LISTED)
    said = words(text)
    assert "Where they came from Country Addresses unknown 3 Germany 2 United States 1" in said
    assert "Where they came from" not in page()


def test_countries_are_counted_now_and_then(places: Places) -> None:
    asked = []

    def addresses() -> Iterable[str]:
        asked.append(1)
        return LISTED

    clock = [0.0]
    countries = Countries(places, addresses, lambda: clock[0])
    assert countries.counts() == (("", 3), ("DE", 2), ("US", 1))
    clock[0] = 599
    countries.counts()
    assert len(asked) == 1
    clock[0] = 601
    countries.counts()
    assert len(asked) == 2


def test_countries_have_names() -> None:
    assert [country_name(code) for code in ("NL", "US", "KR", "ZZ")] == [
        "Netherlands",
        "United States",
        "South Korea",
        "ZZ",
    ]


STYLE = Path(__file__).parents[3] / "zt" / "honeynet" / "collector" / "page" / "style.css"
TEXT_ON = [
    ("ink", "paper"), ("ink", "card"), ("soft", "paper"), ("soft", "card"), ("soft", "code"),
    ("ink", "code"), ("honey", "card"), ("hero-ink", "hero"), ("hero-soft", "hero"),
]  # fmt: skip


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_stands_out_from_what_it_stands_on(scheme: int) -> None:
    """Contrast of at least 4.5 for text, of 2 for bars beside their rails (WCAG 2.2, 1.4.3)."""
    block = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)[scheme]
    colour = dict(re.findall(r"--([\w-]+): (#\w{6});", block))
    for text, ground in TEXT_ON:
        assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)
    assert contrast(colour["bar"], colour["rail"]) >= 2
    assert contrast(colour["bar"], colour["card"]) >= 2


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, as WCAG 2.2 defines it."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    channels = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
