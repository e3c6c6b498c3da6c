"""`zt-analytics init`."""

from __future__ import annotations

from analytics.cli.app import JsonOption, StoreOption, command, note, write_json


@command
def init(store: StoreOption, json: JsonOption = False) -> None:
    """Make an empty store where there is none, and what one lacks that is there.

    Ingest does so too; this is for who makes stores and lets others write. What is there stays as
    it is, so it may be run again, and after a snapshot was restored in OpenSearch it should be:
    snapshots may lack the template of months to come.
    """
    from analytics.store import PATIENCE, make_store

    made = make_store(store, wait=PATIENCE)
    for name in made:
        note(f"made {name}")
    if not made:
        note("the store is there, and lacks nothing")
    if json:
        write_json({"made": made})
