"""`zt search`, `top`, `count` and `values`: what they print is what a plain program counts."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest
from support.commands import Result
from support.history import History, make_history
from support.in_process import call, fine

from analytics.store import open_store
from analytics.wire import format_time, parse_time
from zt.profile import Profile

HOUR = 3_600_000_000
START = parse_time("2026-11-24T00:00:00Z")
HOSTILE = "=cmd|'/C calc'!A0\x1b[2J\u202e[red]"
PROFILE = Profile.model_validate(
    {
        "name": "ask",
        "time": "time",
        "fields": {
            "time": {"scheme": "clear", "kind": "time"},
            "type": {"scheme": "clear"},
            "from": {"scheme": "det", "search": ["gram"]},
            "agent": {"scheme": "det"},
            "size": {"scheme": "clear", "kind": "number"},
            "address": {"scheme": "ip"},
        },
    }
)
EVENTS: list[dict[str, Any]] = [
    {
        "time": format_time(START + n * n * HOUR // 7),
        "type": "abc"[n % 3],
        "from": f"user-{n % 5}@example.org",
        "agent": HOSTILE if n % 4 == 0 else "plain",
        "size": n,
        "secret": "hidden",
    }
    for n in range(30)
]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return make_history(
        tmp_path_factory.mktemp("ask") / "house", [EVENTS[:17], EVENTS[17:]], PROFILE
    )


@pytest.fixture
def zt(history: History) -> Any:
    """Runs a command that must be fine."""
    return lambda *words: fine("zt", *words, "-k", history.path, "-s", history.store)


def lines(result: Result) -> list[Any]:
    return [json.loads(line) for line in result.out.splitlines()]


def rows(result: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(result.out.decode(), newline="")))


# --- count -------------------------------------------------------------------------------------


def test_a_total_is_a_plain_number(zt: Any) -> None:
    assert zt("count").out == b"30\n"
    assert zt("count", "--where", "type:a AND size:>=9").out == b"7\n"
    assert zt("count", "--where", "type:none").out == b"0\n"
    assert lines(zt("count", "--where", "type:none", "--sum", "size", "--json")) == [
        {"count": 0, "sum": {"size": None}}
    ]


def test_groups_are_counted_over_epochs(zt: Any) -> None:
    found = lines(zt("count", "--by", "type", "--by", "from", "--json"))
    truth = Counter((event["type"], event["from"]) for event in EVENTS)
    assert {(one["group"]["type"], one["group"]["from"]): one["count"] for one in found} == truth
    counts = [one["count"] for one in found]
    assert counts == sorted(counts, reverse=True)
    assert len(lines(zt("count", "--by", "type", "--by", "from", "-n", "4", "--json"))) == 4


def test_every_figure_is_there(zt: Any) -> None:
    options = [word for kind in ("sum", "avg", "min", "max") for word in (f"--{kind}", "size")]
    found = lines(zt("count", "--by", "type", "--distinct", "from", *options, "--seen", "--json"))
    groups = defaultdict(list)
    for event in EVENTS:
        groups[event["type"]].append(event)
    for one in found:
        events = groups[one["group"]["type"]]
        sizes = [event["size"] for event in events]
        assert one == {
            "group": one["group"],
            "count": len(events),
            "distinct": {"from": len({event["from"] for event in events})},
            "sum": {"size": sum(sizes)},
            "avg": {"size": pytest.approx(sum(sizes) / len(sizes))},
            "min": {"size": min(sizes)},
            "max": {"size": max(sizes)},
            "first": min(event["time"] for event in events),
            "last": max(event["time"] for event in events),
        }
    assert len(found) == len(groups)


def by_day(events: list[dict[str, Any]]) -> Counter[str]:
    return Counter(event["time"][:10] for event in events)


def test_over_time_machines_get_what_there_is_and_people_also_what_is_not(zt: Any) -> None:
    found = lines(zt("count", "--every", "1d", "--json"))
    assert {one["time"][:10]: one["count"] for one in found} == by_day(EVENTS)
    assert [one["time"] for one in found] == sorted(one["time"] for one in found)
    where = "size:0 OR size:29"  # five days apart
    assert len(lines(zt("count", "--every", "1d", "--where", where, "--json"))) == 2
    head, *table = zt("count", "--every", "1d", "--where", where).out.decode().splitlines()
    assert head.split() == ["time", "count"]
    assert [line.split()[1] for line in table] == ["1", "0", "0", "0", "0", "1"]


def test_groups_over_time_come_whole_the_largest_first(zt: Any) -> None:
    found = lines(zt("count", "--by", "from", "--every", "1d", "-n", "2", "--json"))
    names = list(dict.fromkeys(one["group"]["from"] for one in found))
    assert names == ["user-0@example.org", "user-1@example.org"]
    for name in names:
        own = [one for one in found if one["group"]["from"] == name]
        truth = by_day([event for event in EVENTS if event["from"] == name])
        assert [(one["time"][:10], one["count"]) for one in own] == sorted(truth.items())


def test_people_see_a_row_and_a_sparkline_for_each_group(zt: Any) -> None:
    result = zt("count", "--by", "from", "--every", "1d", "-n", "2")
    head, first, second = result.out.decode().splitlines()
    assert head.split() == ["from", "count", "by", "1d"]
    assert first.split() == ["user-0@example.org", "6", "█" * 24, "█▃▃▃"]  # 3, 1, 1, 1 a day
    assert second.startswith("user-1@example.org")
    assert "left out 3 smaller groups" in result.err
    assert "the store's word" in result.err


# --- machines and spreadsheets -----------------------------------------------------------------


def test_csv_has_headings_and_times_and_no_formula(zt: Any) -> None:
    found = rows(zt("count", "--by", "agent", "--every", "1d", "--distinct", "from", "--csv"))
    assert list(found[0]) == ["agent", "time", "count", "distinct from"]
    assert {row["time"][10:] for row in found} == {"T00:00:00.000000Z"}
    assert sum(int(row["count"]) for row in found) == len(EVENTS)
    assert {row["agent"] for row in found} == {"plain", "'" + HOSTILE}
    assert sum(int(row["count"]) for row in rows(zt("top", "agent", "--csv"))) == len(EVENTS)


@pytest.mark.parametrize(
    "words",
    [
        ("top", "agent"),
        ("top", "agent", "--json"),
        ("count", "--by", "agent"),
        ("count", "--by", "agent", "--every", "1d"),
        ("count", "--by", "agent", "--json"),
        ("values", "agent"),
        ("values", "agent", "--json"),
        ("search", "*"),
        ("search", "*", "--json"),
        ("search", "*", "--pretty"),
        ("search", '"agent":"x"', "--explain"),
        ("search", 'agent:"\x1b[2J\u202e"', "--explain"),
        ("search", 'agent:"\x1b[2J\u202e"', "--explain", "--json"),
    ],
    ids=" ".join,
)
def test_no_value_steers_the_terminal(words: tuple[str, ...], history: History) -> None:
    result = call("zt", *words, "-k", history.path, "-s", history.store)
    text = result.out.decode().replace("\x1b[1m", "").replace("\x1b[2m", "").replace("\x1b[0m", "")
    assert all(line.isprintable() for line in (text + result.err).split("\n"))
    assert "[2J" in text or result.code


def test_a_terminal_gets_events_to_read_and_a_pipe_gets_json(history: History) -> None:
    command = [sys.executable, "-m", "zt", "search", "size:29"]
    environment = os.environ | {"ZT_KEYS": str(history.path), "ZT_STORE": history.store}
    ours, theirs = pty.openpty()
    subprocess.run(
        command, stdout=theirs, stderr=subprocess.PIPE, env=environment, check=True, timeout=60
    )
    os.close(theirs)
    shown = os.read(ours, 65_536).decode()
    os.close(ours)
    assert shown.split()[1:] != []
    assert "user-4@example.org" in shown
    assert "{" not in shown
    piped = subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True, timeout=60)
    assert json.loads(piped.stdout) == EVENTS[29]


@pytest.mark.parametrize(
    "words",
    [
        ("search", "*"),
        ("search", "*", "--pretty"),
        ("search", "*", "--explain"),
        ("top", "from"),
        ("count", "--by", "from"),
        ("count", "--by", "from", "--csv"),
        ("values", "from"),
    ],
    ids=" ".join,
)
def test_a_closed_pipe_is_no_error(words: tuple[str, ...], history: History) -> None:
    environment = os.environ | {"ZT_KEYS": str(history.path), "ZT_STORE": history.store}
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "zt", *words],
        stdout=writing, stderr=subprocess.PIPE, env=environment, check=False, timeout=60,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


# --- values ------------------------------------------------------------------------------------

NAMES = [f"user-{n}@example.org" for n in range(5)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ([], NAMES),
        (["*"], NAMES),
        (["USER-3*"], NAMES[3:4]),
        (["*-1@*"], NAMES[1:2]),
        (["u?er-2*org"], NAMES[2:3]),
        (["user-0@example.org"], NAMES[:1]),
        (["*nobody*"], []),
    ],
)
def test_values_are_those_that_fit(zt: Any, pattern: list[str], found: list[str]) -> None:
    assert zt("values", "from", *pattern).out.decode().splitlines() == found
    assert lines(zt("values", "from", *pattern, "--json")) == found


def test_values_are_a_line_each_whatever_they_hold(zt: Any) -> None:
    assert len(zt("values", "agent").out.splitlines()) == 2
    assert lines(zt("values", "agent", "--json")) == [HOSTILE, "plain"]


# --- plans -------------------------------------------------------------------------------------


def test_a_plan_says_for_each_epoch_what_the_cloud_sees(zt: Any, history: History) -> None:
    older, newer = (epoch.kid for epoch in history.ring.epochs)
    text = zt("search", "from:*user* AND type:a", "--explain").out.decode()
    assert text.index(f"epoch {newer}, profile ask") < text.index(f"epoch {older}, profile ask")
    assert text.count("then 5 ciphertexts") == 2
    assert text.count("exact") == 4
    assert "selects 4 events" in text
    assert "secret" not in text


def test_a_plan_for_machines_has_the_requests_themselves(zt: Any) -> None:
    words = ("--by", "type", "--every", "1h", "--where", "from:*user-1*", "--explain", "--json")
    plans = lines(zt("count", *words))
    assert [plan["profile"] for plan in plans] == ["ask", "ask"]
    for plan in plans:
        assert plan["exact"] is True
        [step] = plan["steps"]
        assert (step["field"], step["scheme"], step["values"]) == ("from", "det", 1)
        assert plan["requests"][-1]["query"]["group_by"] == ["type"]
        assert plan["requests"][-1]["query"]["interval"] == HOUR
        assert plan["fields"] == {"type": "clear"}
        assert "user" not in json.dumps(plan["requests"])
    assert sum(plan["rows"] for plan in plans) == 6


def test_a_superset_is_said_to_be_one_and_counted_exactly(
    zt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a part of a word stands in very many values."""
    truth = zt("count", "--by", "type", "--where", "from:*user-1*", "--json").out
    monkeypatch.setattr("zt.query.compile.MAX_CANDIDATES", 0)
    text = zt("count", "--by", "type", "--where", "from:*user-1*", "--explain").out.decode()
    assert text.count("superset") == text.count("some of which may not fit") == 2
    assert "your side opens these" in text
    [first, _] = lines(zt("search", "from:*user-1*", "--explain", "--json"))
    assert (first["exact"], first["steps"][0]["values"]) == (False, None)
    assert zt("count", "--by", "type", "--where", "from:*user-1*", "--json").out == truth


@pytest.mark.parametrize(
    "words",
    [
        ("search", "from:*user*", "--explain"),
        ("top", "from", "--explain"),
        ("count", "--by", "from", "--distinct", "agent", "--explain"),
        ("values", "from", "*user*", "--explain"),
    ],
    ids=" ".join,
)
def test_a_plan_shows_no_event_and_no_value(words: tuple[str, ...], zt: Any) -> None:
    result = zt(*words)
    assert b"epoch" in result.out
    assert b"example.org" not in result.out


@pytest.mark.parametrize(
    ("words", "says", "remedy"),
    [
        (("search", "secret:x"), "hidden from the cloud", "ask for one of"),
        (("search", "agent:*ain*"), "no search tokens", "search: [gram]"),
        (("search", "from:*ab*"), "at least 3 characters", "longer part"),
        (("count", "--by", "secret"), "hidden from the cloud", "ask for one of"),
        (("count", "--sum", "from"), "has no sum", "kind number"),
        (("top", "secret"), "hidden from the cloud", "ask for one of"),
        (("values", "secret"), "hidden from the cloud", "ask for one of"),
    ],
    ids=str,
)
@pytest.mark.parametrize("explain", [[], ["--explain"]])
def test_what_can_not_be_answered_says_why_and_what_to_change(
    words: tuple[str, ...], says: str, remedy: str, explain: list[str], history: History
) -> None:
    result = call("zt", *words, *explain, "-k", history.path, "-s", history.store)
    assert (result.code, result.out) == (1, b"")
    error, hint = result.err.splitlines()
    assert says in error
    assert remedy in hint


@pytest.mark.parametrize(
    "words",
    [
        ("top", "type", "--json", "--csv"),
        ("count", "--json", "--csv"),
        ("count", "--explain", "--csv"),
        ("count", "-n", "3"),
        ("count", "--every", "soon"),
        ("count", "--every", "9999999d"),
        ("search", "*", "--new"),
        ("search", "*", "--every", "1s"),
        ("search", "*", "--lateness", "1m"),
        ("search", "*", "--follow", "--every", "2d"),
        ("search", "*", "--follow", "--lateness", "late"),
        ("search", "*", "--follow", "--lateness", "99999d"),
        ("search", "*", "--follow", "--explain"),
        ("search", "*", "--json", "--pretty"),
        ("values", "from", ""),
        ("values", "from", "x\\"),
        ("values", "from", "x" * 2000),
    ],
    ids=str,
)
def test_usage_errors_exit_with_2(words: tuple[str, ...], tmp_path: Path) -> None:
    result = call("zt", *words, "-k", tmp_path / "none", "-s", "duckdb:none")
    assert (result.code, result.out) == (2, b"")


def test_groups_that_do_not_open_are_counted_as_refused(history: History, tmp_path: Path) -> None:
    """And the exit code says so."""
    copy = tmp_path / "cloud.duckdb"
    copy.write_bytes((history.folder / "cloud.duckdb").read_bytes())
    with open_store(f"duckdb:{copy}") as store:
        wire = history.wire[history.ring.active.kid.hex()]
        body = next(json.loads(line) for line in wire if b'"kind"' not in line)
        body["zt"]["id"], body["agent"] = "A" * 22, "plain"
        header = next(line for line in wire if b'"kind":"batch"' in line)
        assert store.ingest([header, json.dumps(body).encode() + b"\n"]).events == 1
    result = call("zt", "count", "--by", "agent", "-k", history.path, "-s", f"duckdb:{copy}")
    assert result.code == 1
    assert "refused 1 times" in result.err
