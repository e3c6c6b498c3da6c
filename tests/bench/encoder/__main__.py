"""How fast the encoder is, and beside what.

    python -m tests.bench.encoder [--events N] [--dry-run] [--memory [N]]

Other libraries take part where they are installed: `make bench-environment` makes .venv-bench with
all of them. Fills the tables `encoder`, `stages`, `det-only` and `values` of docs/benchmarks.md;
with --memory the table `encoder-memory` instead.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ..page import BENCHMARKS, fill
from .memory import EVENTS as MEMORY_EVENTS
from .memory import memory_curve
from .tables import EVENTS, tables


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.encoder", description=__doc__)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    parser.add_argument(
        "--memory", type=int, nargs="?", const=MEMORY_EVENTS, help="events through a pipe instead"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as name:
        folder = Path(name)
        if options.memory is None:
            made = tables(options.events, folder)
        else:
            made = {"encoder-memory": memory_curve(options.memory, folder)}
    if options.dry_run:
        print("\n\n".join(made.values()))
    else:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), made))


if __name__ == "__main__":
    main()
