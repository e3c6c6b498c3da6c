"""`zt findings`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from zt.cli.following import (
    FollowEveryOption,
    FollowOption,
    NewOption,
    follow_turns,
    seconds_between,
)
from zt.cli.runtime import (
    JsonOption,
    PackOption,
    RingOption,
    StoreOption,
    json_line,
    note,
    printable,
    write_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from analytics.wire import Finding
    from zt.jobs import Job, News, OpenedFinding


def findings(
    keys: RingOption,
    store: StoreOption,
    pack: PackOption = "sip",
    follow: FollowOption = False,
    new: NewOption = False,
    every: FollowEveryOption = None,
    json: JsonOption = False,
) -> None:
    """Print the findings of the cloud's jobs, their groups opened.

    What straddles a rotation of keys is put together here and comes once. A finding is a hint:
    `zt policy run` proves it. Jobs get their parts for new keys. Exit code 1: some findings could
    not be opened, or events of theirs were refused.

    With --follow it prints what is there, then what comes, a line each. A finding whose metric
    rises comes again with the same id. Keys may rotate meanwhile. The store is open only while
    it is looked at, so ingest and jobs take turns with it. It goes on until SIGINT (exit code
    130), SIGTERM, or until nobody reads what it prints.
    """
    if follow:
        _follow(keys, store, pack, new, seconds_between(every), json)
        return
    if new or every is not None:
        raise typer.BadParameter("it goes with --follow only", param_hint="--new, --every")
    _print_all(keys, store, pack, json)


def _print_all(keys: Path, store: str, pack: str, json: bool) -> None:
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.cli.jobs import note_added
    from zt.jobs import add_missing_parts, open_findings
    from zt.query import Session

    jobs = _jobs(pack)
    ring = Ring.open(keys)
    refused: Counter[str] = Counter()

    def refuse(finding: Finding, error: Exception) -> None:
        refused[str(error)] += 1

    with open_store(store, wait=PATIENCE) as door:
        session = Session(ring, door)
        added = add_missing_parts(jobs.values(), session)
        opened = open_findings(door.findings(), jobs, session, refuse)
    if json:
        _write_json(opened)
    else:
        from zt.cli.tables import Terminal, finding_table

        Terminal().print(finding_table(opened))
    _note_refused(refused, session.refused)
    note_added(added)
    if refused or session.refused:
        raise typer.Exit(1)


def _follow(keys: Path, store: str, pack: str, new: bool, seconds: float, json: bool) -> None:
    from keys import Ring
    from zt.jobs import Follower, Turns

    follower = Follower(Ring.open(keys), _jobs(pack).values())
    is_first = True

    def show(news: News) -> bool:
        nonlocal is_first
        if new and is_first:
            note(f"left out {len(news.findings)} findings that were there already")
            news.findings = []
        is_first = False
        _print_news(news, json)
        return not (news.refused or news.refused_events)

    follow_turns(Turns(store, follower, seconds, note), show)


def _print_news(news: News, json: bool) -> None:
    from zt.cli.jobs import note_added

    if json:
        _write_json(news.findings)
    else:
        write_lines(map(_line, news.findings))
    _note_refused(news.refused, news.refused_events)
    note_added(news.added)


def _jobs(pack: str) -> dict[str, Job]:
    from zt.jobs import load_pack

    return {job.id: job for job in load_pack(pack).jobs}


def _note_refused(findings: Counter[str], events: Counter[str]) -> None:
    for reason, number in findings.items():
        note(f"refused {number} findings: {reason}")
    for reason, number in events.items():
        note(f"refused {number} times: {reason}")


def _write_json(opened: Iterable[OpenedFinding]) -> None:
    write_lines(json_line(describe(item)) for item in opened)


def _line(opened: OpenedFinding) -> bytes:
    """An opened finding for people, in the columns of `finding_table`."""
    from analytics.wire import format_time

    finding = opened.finding
    start = format_time(finding.start)[:19] + "Z"
    group = printable(", ".join(opened.group.values()))
    text = f"{start}  {finding.severity:8}  {finding.job:20}  {group}  {finding.metric}"
    return text.encode() + b"\n"


def describe(opened: OpenedFinding) -> dict[str, object]:
    """An opened finding for machines."""
    from analytics.wire import format_time

    finding = opened.finding
    return {
        "job": finding.job,
        "severity": finding.severity,
        "group": opened.group,
        "metric": finding.metric,
        "start": format_time(finding.start),
        "end": format_time(finding.end),
        "events": len(finding.events),
        "id": finding.id,
    }
