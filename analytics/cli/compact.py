"""`zt-analytics compact`."""

from __future__ import annotations

from analytics.cli.app import JsonOption, StoreOption, command, note, write_json


@command
def compact(store: StoreOption, json: JsonOption = False) -> None:
    """Give the space of removed events back to the disk.

    A file is written anew beside the old one, which needs as much room again for a while, and
    takes its name at the end. In OpenSearch segments with removed events are merged. It may be
    killed at any moment.
    """
    from analytics.store import PATIENCE, open_store

    with open_store(store, wait=PATIENCE) as opened:
        report = opened.compact()
    saved = max(0, report.before - report.after)
    note(f"{report.before} bytes before, {report.after} after: {saved} given back")
    if json:
        write_json(report._asdict())
