"""The commands of `zt-analytics`."""

from __future__ import annotations

import typer

from analytics.cli.compact import compact
from analytics.cli.expire import expire
from analytics.cli.ingest import ingest
from analytics.cli.init import init
from analytics.cli.run import run
from analytics.cli.status import status

app = typer.Typer(
    name="zt-analytics",
    help="The cloud's side: store encrypted events, run detection jobs on them. Holds no keys.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # rich takes longer to import than everything else together
    context_settings={"help_option_names": ["-h", "--help"]},
)
for function in (init, ingest, run, status, expire, compact):
    app.command()(function)
