"""`zt demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from zt.cli.runtime import JsonOption, fail, note, write_json


def demo(
    json: JsonOption = False,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Leave ring, wire file and store there."),
    ] = None,
    capture: Annotated[
        Path | None, typer.Option("--capture", help="Another capture than the one included.")
    ] = None,
) -> None:
    """Play the whole way on a real capture: from SIP traffic to blocked attackers.

    Customer and cloud run in one process here, and only here.
    """
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="zt-demo-") as folder:
            _play(Path(folder), capture, json)
        return
    if keep.exists() and any(keep.iterdir()):
        fail(f"the folder {keep} is not empty", "give a new one")
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    _play(keep, capture, json)
    note(
        f"\nring, events, wire file and store are in {keep}; try them:\n"
        f"  export ZT_KEYS={keep}/ring.json ZT_STORE=duckdb:{keep}/cloud.duckdb\n"
        "  zt top sip.from --where type:call-start\n"
        "  zt search 'type:auth-failed AND user_agent.original:*scanner*' --limit 3\n"
        "  zt findings\n"
        f"  zt decrypt {keep}/events.zt | head -3\n"
        f"  zt-keys check {keep}/events.zt"
    )


def _play(folder: Path, capture: Path | None, json: bool) -> None:
    from zt.demo import play, show
    from zt.demo.play import find_capture

    facts = play(folder, capture or find_capture())
    if json:
        write_json(facts.as_dict())
    else:
        from rich.console import Console

        show(facts, Console())
