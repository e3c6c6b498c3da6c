"""`zt findings`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from zt.cli.runtime import JsonOption, PackOption, RingOption, StoreOption, note, write_lines

if TYPE_CHECKING:
    from analytics.wire import Finding
    from zt.jobs import OpenedFinding


def findings(
    keys: RingOption,
    store: StoreOption,
    pack: PackOption = "sip",
    json: JsonOption = False,
) -> None:
    """Print the findings of the cloud's jobs, their groups opened.

    What straddles a rotation of keys is put together here and comes once. A finding is a hint:
    `zt policy run` proves it. Jobs get their parts for new keys. Exit code 1: some findings could
    not be opened, or events of theirs were refused.
    """
    import msgspec

    from analytics.store import open_store
    from keys import Ring
    from zt.cli.jobs import note_added
    from zt.jobs import add_missing_parts, load_pack, open_findings
    from zt.query import Session

    jobs = {job.id: job for job in load_pack(pack).jobs}
    ring = Ring.open(keys)
    refused: Counter[str] = Counter()

    def refuse(finding: Finding, error: Exception) -> None:
        refused[str(error)] += 1

    with open_store(store) as door:
        session = Session(ring, door)
        added = add_missing_parts(jobs.values(), session)
        opened = open_findings(door.findings(), jobs, session, refuse)
    if json:
        write_lines(msgspec.json.encode(describe(item)) + b"\n" for item in opened)
    else:
        from rich.console import Console

        from zt.cli.tables import finding_table

        Console().print(finding_table(opened))
    for reason, number in refused.items():
        note(f"refused {number} findings: {reason}")
    for reason, number in session.refused.items():
        note(f"refused {number} times: {reason}")
    note_added(added)
    if refused or session.refused:
        raise typer.Exit(1)


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
