"""`zt jobs push|list|remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from zt.cli.runtime import JsonOption, RingOption, StoreOption, command, fail, note, write_json

app = typer.Typer(help="Detection jobs.", no_args_is_help=True)


@command(app)
def push(
    keys: RingOption,
    store: StoreOption,
    pack: Annotated[str, typer.Argument(help="Pack of jobs: a name or a YAML file.")] = "sip",
) -> None:
    """Compile the jobs of a pack for every epoch and profile of the store, and put them there."""
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.jobs import load_pack, push_jobs
    from zt.query import Session

    jobs = load_pack(pack).jobs
    ring = Ring.open(keys)
    with open_store(store, wait=PATIENCE) as opened:
        push_jobs(jobs, Session(ring, opened))
    note(f"pushed {len(jobs)} jobs")


def note_added(added: list[str]) -> None:
    """Say which jobs got parts for new epochs or profiles, and what to do next."""
    if added:
        note(
            f"{', '.join(added)}: added parts for new keys or profiles\n"
            "  what they find comes with the next: zt-analytics run"
        )


@command(app, "list")
def list_jobs(store: StoreOption, json: JsonOption = False) -> None:
    """List the jobs of a store."""
    from analytics.store import PATIENCE, open_store

    with open_store(store, wait=PATIENCE) as opened:
        jobs = opened.jobs()
    if json:
        write_json([job.model_dump() for job in jobs])
        return
    from rich.console import Console

    from zt.cli.tables import cell, plain_table

    table = plain_table("job", "kind", "group by", "threshold", "window", "parts", "severity")
    for job in jobs:
        window = f"{job.window / 1e6:g} s"
        paths = ", ".join(job.group_by)
        row = (job.id, job.kind, paths, str(job.threshold), window, str(len(job.parts)))
        table.add_row(*map(cell, row), job.severity)
    Console().print(table)


@command(app)
def remove(store: StoreOption, job: Annotated[str, typer.Argument(help="The job's id.")]) -> None:
    """Remove a job from a store; its findings stay."""
    from analytics.store import PATIENCE, open_store

    with open_store(store, wait=PATIENCE) as opened:
        if not opened.remove_job(job):
            fail(f"the store has no job {job}", "list them with: zt jobs list")
    note(f"removed {job}")
