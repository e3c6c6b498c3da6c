"""Samples are bounded: fields, keys and distinct values are counted up to limits."""

from __future__ import annotations

from itertools import count, islice
from typing import Any

from support.surveys import lines_of

from zt.profile import load_profile
from zt.survey import read_sample
from zt.survey.figures import MAX_DISTINCT, MAX_DISTINCT_IN_ALL, Budget, Figures
from zt.survey.sample import MAX_FIELDS, Sample
from zt.survey.verdicts import explain


def figures_of(sample: Sample) -> dict[str, Figures]:
    """By path."""
    return {figures.path: figures for figures in sample.fields}


def test_figures() -> None:
    events: list[dict[str, Any]] = [
        {"a": "x", "b": {"c": 1}},
        {"a": "x", "b.c": 1.0},
        {"a": ["y", None, "x"], "b": {"c": True}},
        {"a": None, "b": {"c": []}},
        {"a": [{"z": 1}]},
    ]
    found = figures_of(read_sample(lines_of(events)))
    a, c = found["a"], found["b.c"]
    assert (a.events, a.values, a.nulls, a.containers) == (5, 4, 2, 1)
    assert (a.distinct, a.top, a.share) == (2, 3, 0.75)
    assert (c.events, c.values, c.distinct) == (4, 3, 3)  # 1, 1.0 and true are three values


def test_an_endless_stream_is_read_up_to_the_sample() -> None:
    endless = (b'{"n": %d}\n' % n for n in count())
    assert read_sample(endless, 100).events == 100
    assert next(endless) == b'{"n": 100}\n'  # not one line more


def test_distinct_values_are_counted_up_to_a_bound() -> None:
    events = ({"n": n, "m": "x"} for n in range(MAX_DISTINCT + 10))
    found = figures_of(read_sample(lines_of(events), MAX_DISTINCT + 10))
    assert (found["n"].distinct, found["n"].is_full) == (MAX_DISTINCT, True)
    assert (found["m"].distinct, found["m"].is_full) == (1, False)


def test_the_bound_is_for_all_fields_together() -> None:
    budget = Budget(10)
    fields = [Figures(name, name, budget) for name in "ab"]
    for n in range(8):
        for figures in fields:
            figures.add(n)
    assert sum(figures.distinct for figures in fields) == 10
    assert all(figures.values == 8 and figures.kinds["integer"] == 8 for figures in fields)
    assert MAX_DISTINCT_IN_ALL >= 40 * MAX_DISTINCT  # 40 fields of the default sample


def test_fields_are_told_apart_up_to_a_bound() -> None:
    lines = lines_of({f"k{n}": {f"x{m}": 1 for m in range(9)}} for n in range(MAX_FIELDS))
    sample = read_sample(lines)
    assert len(sample.fields) <= MAX_FIELDS + 1
    assert sum(figures.events for figures in sample.fields) == 9 * MAX_FIELDS


def test_what_a_profile_shows_is_looked_at_however_many_fields_came_before() -> None:
    junk = [{f"k{n}": 1} for n in range(MAX_FIELDS + 10)]
    lines = lines_of([*junk, {"client": {"ip": "192.0.2.1"}, "type": "alice@example.org"}])
    found = {f.path: f for f in explain(lines, load_profile("sip-balanced")).fields}
    assert found["client.ip"].rule.scheme == "ip"
    assert found["type"].level == "alarm"


def test_no_value_is_kept() -> None:
    sample = read_sample(lines_of({"x": f"sip:secret{n}@example.org"} for n in range(9)))
    assert "secret" not in repr(sample)


def test_the_first_lines_that_are_none_are_named() -> None:
    lines = [b"\n", *islice((b"{%d\n" % n for n in count()), 50), b'{"a": 1}\n']
    sample = read_sample(lines)
    assert (sample.events, sample.bad, len(sample.bad_lines)) == (1, 50, 20)
    assert sample.bad_lines[0] == (2, "not valid JSON")
