"""The command lines `zt` and `zt-keys`: one file for each group of commands.

Data goes to stdout, prose and progress to stderr. Exit codes: 0 fine, 1 found or failed as
documented, 2 usage.
"""

from __future__ import annotations


def main() -> None:
    """The console script `zt`."""
    from zt.cli.root import app

    app()
