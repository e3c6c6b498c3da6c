"""Tables and events for people: whatever a value holds, it is shown and steers nothing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.console import Console, RenderableType

from analytics.wire import AllOf, In, Metric, Query, Selection, parse_time
from zt.cli.count_table import MAX_BUCKETS, group_table, histogram
from zt.cli.event_view import event_text, leaves_of
from zt.cli.explain import renderables
from zt.cli.figures import Asked, described, figures_of
from zt.cli.over_time import OverTime
from zt.cli.runtime import json_line
from zt.cli.tables import count_table
from zt.query import Count, Explained, Found, Group, Step

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\x9b2J",
    "line\nbreak\r\ttab",
    "\u202egnp.exe\u2066",
    "\u200bzero\ufeff",
    "\x00\x7f",
]
MARKUP = ["[bold red]x[/]", "[link=http://evil.example]x[/link]", "[/nothing]", ":skull:"]
SECOND = 1_000_000
T = parse_time("2026-11-24T00:00:00Z")
FIGURES = figures_of({"distinct": ["sip.from"], "avg": ["size"]}, seen=True)


def rendered(*what: RenderableType) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=300)
    for one in what:
        console.print(one, soft_wrap=True)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    for style in ("\x1b[1m", "\x1b[2m", "\x1b[3m", "\x1b[0m"):  # rich's own: bold, dim, plain
        text = text.replace(style, "")
    return str(text)


def found(event: dict[str, Any], time: int | None = T) -> Found:
    return Found("the-id", event, event, time, plan=None)  # type: ignore[arg-type]


def explained(text: str) -> tuple[Explained, int, dict[str, str]]:
    query = Query(kid="00" * 4, profile="A" * 22, group_by=(text,))
    step = Step(text, "det", text, text, exact=False, candidates=1_000_000)
    return Explained("00" * 4, text, (step,), AllOf(parts=()), [query]), 5, {text: text}


VIEWS: dict[str, Callable[[str], Sequence[RenderableType]]] = {
    "top": lambda text: [count_table(text, [Count(text, 1)], title="values")],
    "count": lambda text: [
        group_table(Asked((text,), FIGURES, None, None), [Group((text,), None, (1, 1, None, T, T))])
    ],
    "event": lambda text: [event_text(found({text: text, "type": text, "a": [{text: text}]}))],
    "plan": lambda text: renderables(*explained(text)),
}


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_nothing_steers_the_terminal(view: str, text: str) -> None:
    shown = rendered(*VIEWS[view](text))
    assert all(line.isprintable() for line in shown.split("\n"))
    assert text.encode("unicode_escape").decode() in shown


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", MARKUP)
def test_nothing_is_taken_for_markup(view: str, text: str) -> None:
    assert text in rendered(*VIEWS[view](text))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_json_steers_nothing_either_and_stays_what_it_is(text: str) -> None:
    line = json_line({text: [text, "ü😀"]})
    assert line.decode().removesuffix("\n").isprintable()
    assert json.loads(line) == {text: [text, "ü😀"]}
    assert "ü😀" in line.decode()


def test_an_event_is_laid_out_leaf_by_leaf_in_its_own_order() -> None:
    event = {
        "@timestamp": "2026-11-24T00:00:00Z",
        "type": "call-start",
        "sip": {"from": "sip:a@b", "to.tag": [1, "x", None], "empty": {}},
        "n": 1.5,
    }
    lines = rendered(event_text(found(event))).splitlines()
    assert lines == [
        "2026-11-24T00:00:00.000000Z  call-start  the-id",
        "  @timestamp  2026-11-24T00:00:00Z",
        "  type        call-start",
        "  sip.from    sip:a@b",
        '  sip.to.tag  [1,"x",null]',
        "  sip.empty   {}",
        "  n           1.5",
        "",
    ]


@pytest.mark.parametrize(
    ("event", "head"),
    [
        ({"event_type": "alert"}, "no time  alert  the-id"),
        ({"event": {"action": "login"}}, "no time  login  the-id"),
        ({"type": 5}, "no time  event  the-id"),
        ({}, "no time  event  the-id"),
    ],
)
def test_events_of_any_maker_have_a_head(event: dict[str, Any], head: str) -> None:
    assert rendered(event_text(found(event, time=None))).splitlines()[0] == head


def test_long_lines_are_neither_folded_nor_cut() -> None:
    value = "x" * 5000
    assert value in rendered(event_text(found({"body": value, "p" * 90: "y"})))


def test_leaves_keep_dotted_and_nested_spellings_apart_from_arrays() -> None:
    event = {"a.b": 1, "a": {"c": {"d": 2}}, "list": [{"e": 3}]}
    assert list(leaves_of(event)) == [("a.b", 1), ("a.c.d", 2), ("list", [{"e": 3}])]


def test_a_histogram_shows_the_empty_rows_between() -> None:
    asked = Asked((), FIGURES[:2], 10 * SECOND, None)
    groups = [Group((), T + 30 * SECOND, (6, 2)), Group((), T, (3, 1))]
    table = rendered(histogram(asked, groups)).splitlines()
    assert [line.split()[:3] for line in table[1:]] == [
        ["2026-11-24T00:00:00Z", "3", "1"],
        ["2026-11-24T00:00:10Z", "0"],
        ["2026-11-24T00:00:20Z", "0"],
        ["2026-11-24T00:00:30Z", "6", "2"],
    ]
    assert [line.count("█") for line in table] == [0, 12, 0, 0, 24]


def test_a_histogram_of_years_by_seconds_is_not_filled(capsys: pytest.CaptureFixture[str]) -> None:
    asked = Asked((), FIGURES[:1], SECOND, None)
    groups = [Group((), T, (1,)), Group((), T + MAX_BUCKETS * SECOND, (1,))]
    assert len(rendered(histogram(asked, groups)).splitlines()) == 3
    assert "left out empty rows" in capsys.readouterr().err


def test_steps_below_a_second_are_told_apart() -> None:
    asked = Asked((), FIGURES[:1], SECOND // 2, None)
    groups = [Group((), T, (1,)), Group((), T + SECOND // 2, (1,))]
    rows = rendered(histogram(asked, groups)).splitlines()[1:]
    assert [row.split()[0][-8:] for row in rows] == [".000000Z", ".500000Z"]


def test_groups_have_their_figures_a_bar_and_a_shape() -> None:
    asked = Asked(("type",), FIGURES, 60 * SECOND, None)
    groups = [
        Group(("a",), None, (8, 3, 1234567.5, T, T + SECOND)),
        Group(("b",), None, (2, 0, None, None, None)),
    ]
    shape = OverTime(60 * SECOND, {("a",): "▁█"})
    head, first, second = rendered(group_table(asked, groups, shape)).splitlines()
    assert [*head.split()] == [
        *("type", "count", "distinct", "sip.from", "avg", "size", "first", "last", "by", "1m"),
    ]
    assert first.split() == [
        *("a", "8", "3", "1234567.5", "2026-11-24T00:00:00Z", "2026-11-24T00:00:01Z"),
        *("█" * 24, "▁█"),
    ]
    assert second.split() == ["b", "2", "0", "█" * 6]


def test_a_group_for_machines_names_fields_and_figures() -> None:
    asked = Asked(("type",), FIGURES, 60 * SECOND, None)
    assert described(asked, Group(("a",), T, (8, 3, None, T, T))) == {
        "group": {"type": "a"},
        "time": "2026-11-24T00:00:00.000000Z",
        "count": 8,
        "distinct": {"sip.from": 3},
        "avg": {"size": None},
        "first": "2026-11-24T00:00:00.000000Z",
        "last": "2026-11-24T00:00:00.000000Z",
    }


def test_a_plan_says_what_is_a_superset_and_what_happens_to_it() -> None:
    kid, profile = "00" * 4, "A" * 22
    steps = (
        Step("sip.from", "uri", "sip.from:*a*", "2 tokens", exact=False, candidates=500_000),
        Step("type", "clear", "type:x", "1 value", exact=True, values=1),
        Step("to", "uri", "to:*a*", "2 tokens, then 3 ciphertexts", True, candidates=7, values=3),
    )
    where = In(path="type", values=("x",))
    request = Selection(kid=kid, profile=profile, filter=where)
    text = rendered(*renderables(Explained(kid, "mine", steps, where, [request]), 12_345, {}))
    assert "epoch 00000000, profile mine" in text
    assert [line.split()[-3:] for line in text.splitlines()[2:5]] == [
        ["to", "500,000", "superset"],
        ["value", "1", "exact"],
        ["of", "7", "exact"],
    ]
    assert "selects 12,345 events, some of which may not fit" in text
    assert "your side opens these" in text


def test_figures_are_asked_for_once_each() -> None:
    asked = figures_of({"distinct": ["a", "a"], "sum": [], "min": ["b"]}, seen=False)
    assert asked == (
        Metric(kind="count"),
        Metric(kind="distinct", path="a"),
        Metric(kind="min", path="b"),
    )
