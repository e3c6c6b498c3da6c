"""`zt findings`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import typer

from zt.cli.runtime import JsonOption, PackOption, RingOption, StoreOption, note, write_lines

if TYPE_CHECKING:
    from zt.jobs import OpenedFinding


def findings(
    keys: RingOption,
    store: StoreOption,
    pack: PackOption = "sip",
    json: JsonOption = False,
) -> None:
    """Print the findings of the cloud's jobs, their groups opened.

    A finding is a hint: `zt policy run` proves it. Exit code 1: some could not be opened.
    """
    import msgspec

    from analytics.store import open_store
    from keys import Ring, WrongKeyError
    from zt.errors import ZtError
    from zt.jobs import load_pack, open_finding
    from zt.query import Session

    jobs = {job.id: job for job in load_pack(pack).jobs}
    ring = Ring.open(keys)
    refused: Counter[str] = Counter()
    opened = []
    with open_store(store) as door:
        session = Session(ring, door)
        for finding in door.findings():
            try:
                opened.append(open_finding(finding, jobs, session))
            except (ZtError, WrongKeyError) as error:
                refused[str(error)] += 1
    if json:
        write_lines(msgspec.json.encode(describe(item)) + b"\n" for item in opened)
    else:
        from rich.console import Console

        from zt.cli.tables import finding_table

        Console().print(finding_table(opened))
    for reason, number in refused.items():
        note(f"refused {number} findings: {reason}")
    if refused:
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
