"""The command line `zt-analytics`: one file for each command."""

from __future__ import annotations


def main() -> None:
    """The console script `zt-analytics`."""
    from analytics.cli.root import app

    app(prog_name="zt-analytics")
