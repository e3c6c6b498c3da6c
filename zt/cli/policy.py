"""`zt policy run`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.runtime import (
    JsonOption,
    PackOption,
    RingOption,
    StoreOption,
    command,
    fail,
    note,
    now_microseconds,
    write_json,
    write_lines,
)

if TYPE_CHECKING:
    from zt.policy import Decision

app = typer.Typer(help="From findings to blocks.", no_args_is_help=True)


@app.callback()
def policy() -> None:
    """From findings to blocks."""


@command(app)
def run(
    keys: RingOption,
    store: StoreOption,
    config: Annotated[
        str, typer.Option("-c", "--config", help="Policy: `sip` or a YAML file.")
    ] = "sip",
    pack: PackOption = "sip",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the nftables commands; change nothing.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option("--at", help="Judge the evidence's age as of this time, for old captures."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Prove the findings by their own events, and say whom to block.

    Every event's seal is checked and the job evaluated again on the opened events, over all keys
    that they were encrypted under. Jobs get their parts for new keys. Exit code 1: some findings
    were refused.
    """
    from analytics.store import PATIENCE, open_store
    from keys import Ring
    from zt.cli.jobs import note_added
    from zt.jobs import add_missing_parts, load_pack
    from zt.policy import decide, load_policy
    from zt.query import Session
    from zt.times import Clock, parse_moment

    if not dry_run:
        fail(
            "this release decides and prints, it does not yet block by itself",
            "add --dry-run and pipe the commands into: nft -f -",
        )
    now = now_microseconds()
    now = parse_moment(at, Clock(now)) if at else now
    rules = load_policy(config)
    jobs = load_pack(pack)
    ring = Ring.open(keys)
    with open_store(store, wait=PATIENCE) as opened:
        session = Session(ring, opened)
        added = add_missing_parts(jobs.jobs, session)
        decision = decide(opened.findings(), rules, jobs, session, now=now)
        refused = decision.refused + session.refused
    if json:
        write_json(describe(decision, now))
    else:
        from zt.policy.blockers.nftables import SETUP, block_commands

        commands = block_commands(decision.blocks, now)
        write_lines([SETUP.encode(), *(f"{line}\n".encode() for line in commands)])
    for reason, number in refused.items():
        note(f"refused {number} times: {reason}")
    note_added(added)
    if refused:
        raise typer.Exit(1)


def describe(decision: Decision, now: int) -> dict[str, object]:
    """A decision for machines."""
    from analytics.wire import format_time
    from zt.policy.blockers.nftables import block_commands

    return {
        "blocks": [
            {
                "address": str(block.address),
                "until": format_time(block.until),
                "job": block.job,
                "metric": block.proof.metric,
                "evidence": len(block.proof.events),
            }
            for block in decision.blocks
        ],
        "commands": block_commands(decision.blocks, now),
        "refused": dict(decision.refused),
        "without_rule": decision.without_rule,
    }
