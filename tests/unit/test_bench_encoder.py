"""The encoder's benchmark measures what it says, and its rules follow the code."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from bench import sampling
from bench.encoder import stages
from bench.encoder.contest import NOT_INSTALLED
from bench.encoder.events import DET_FIELDS, DET_ONLY, FORTY_FIELDS, det_lines, sip_lines
from bench.encoder.memory import memory_curve, unlike_lines
from bench.encoder.tables import tables
from bench.page import BENCHMARKS, fill

from analytics.wire import fields
from keys import Ring
from zt.encoder import Encoder
from zt.encoder.event_id import EventIds
from zt.profile import Profile, load_profile

EVENTS = 300


def test_events_have_forty_fields_of_a_kilobyte_and_the_promised_schemes() -> None:
    lines = sip_lines(EVENTS)
    for line in lines:
        paths = [path for _, path, _ in fields(msgspec.json.decode(line))]
        assert len(paths) == 40
        rules = [FORTY_FIELDS.rule_for(path) for path in paths]
        schemes = Counter(rule.scheme if rule else "opaque" for rule in rules)
        assert schemes == {"det": 8, "fpe": 2, "ip": 3, "clear": 2, "opaque": 25}
        assert sum(bool(rule and rule.search) for rule in rules) == 3
    assert 1000 < sum(map(len, lines)) / EVENTS < 1200


@pytest.mark.parametrize(
    ("profile", "lines"),
    [
        (FORTY_FIELDS, sip_lines(EVENTS)),
        (DET_ONLY, det_lines(EVENTS)),
        (load_profile("sip-balanced"), list(unlike_lines(EVENTS))),
    ],
    ids=["forty-fields", "det-only", "memory"],
)
def test_every_value_fits_its_scheme(
    profile: Profile, lines: list[bytes], shared_ring: Ring
) -> None:
    """A benchmark of values that all fall back to det would measure det."""
    encoder = Encoder(shared_ring, profile)
    assert sum(1 for _ in encoder.encrypt(lines))
    assert encoder.report.events == EVENTS
    assert not encoder.report.fallbacks


def test_dialogs_are_distinct_and_events_are_the_same_each_time() -> None:
    lines = det_lines(EVENTS)
    assert lines == det_lines(EVENTS)
    events = [msgspec.json.decode(line) for line in lines]
    distinct = {path: len({event[path] for event in events}) for path in DET_FIELDS}
    assert distinct["sip.call_id"] == EVENTS
    assert distinct["user_agent.original"] < 50


def test_call_ids_stay_distinct_once_the_templates_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bench.encoder.memory.TEMPLATES", 7)
    events = [msgspec.json.decode(line) for line in unlike_lines(EVENTS)]
    assert len({event["sip"]["call_id"] for event in events}) == EVENTS
    assert len({event["sip"]["from"] for event in events}) <= 7


@pytest.mark.parametrize("rule", stages.RULES, ids=str)
def test_each_rule_of_the_profile_names_code_that_exists(rule: sampling.Rule) -> None:
    assert rule.stage in stages.STAGES
    source = (sampling.REPOSITORY / rule.file).read_text()
    body = source
    if rule.name:
        named = dict(_definitions(ast.parse(source), ""))
        assert rule.name in named
        body = ast.get_source_segment(source, named[rule.name]) or ""
    assert rule.line in body


def test_samples_count_for_the_stage_that_works(shared_ring: Ring) -> None:
    ids = EventIds(shared_ring.tenant_key, b"stream")
    profile = stages.profile()
    while profile.stages.total() < 20:
        profile.sample(lambda: [ids.id(number, b"event" * 1000) for number in range(5_000)])
    assert profile.stages[stages.IDS] > profile.stages.total() / 2


def test_the_rules_cover_an_encryption(shared_ring: Ring) -> None:
    """Fails when much of it has moved to where no rule looks."""
    lines = sip_lines(EVENTS)
    profile = stages.profile()
    while profile.stages.total() < 100:
        profile.sample(lambda: list(Encoder(shared_ring, FORTY_FIELDS).encrypt(lines)))
    assert profile.stages[sampling.OTHER] < profile.stages.total() / 4


def test_the_tables_stand_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.encoder.contest.ROUNDS", 1)
    made = tables(EVENTS, tmp_path)
    page = fill(BENCHMARKS.read_text(), made)
    assert all(table in page for table in made.values())
    cells = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in made["encoder"].splitlines()
        if line.startswith("|")
    ]
    rates = {row[0]: row[1] for row in cells}
    assert float(rates["**encrypt**"].replace(",", "")) > 0
    named = "loop: pyffx, HMAC, ipcrypt, AES-GCM"
    assert (rates[named] == NOT_INSTALLED) == (find_spec("ipcrypt") is None)
    assert all(f"| {stage} |" in made["stages"] for stage in (*stages.STAGES, sampling.OTHER))


def test_the_memory_of_a_real_run_is_read(tmp_path: Path) -> None:
    table = memory_curve(EVENTS, tmp_path)
    fill(BENCHMARKS.read_text(), {"encoder-memory": table})
    assert f"{EVENTS} events" in table
    peak = table.partition("at most ")[2].partition(" MB")[0]
    assert int(peak) > 10


def _definitions(node: ast.AST, above: str) -> Iterator[tuple[str, ast.AST]]:
    """The functions and classes of a module by their qualified names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            name = f"{above}{child.name}"
            yield name, child
            yield from _definitions(child, name + ".")
