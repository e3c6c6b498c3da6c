"""How fast the probe is, and beside what.

    python -m tests.bench.probe [--messages N] [--calls N] [--live-seconds N] [--dry-run]

Fills the tables `probe`, `probe-stages` and `probe-loads` of docs/benchmarks.md. Live capture needs
root, since it is measured between network namespaces; tshark and sngrep take part where they are
installed.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ..page import BENCHMARKS, fill
from .tables import CALLS, LIVE_SECONDS, MESSAGES, tables


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.probe", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--calls", type=int, default=CALLS)
    parser.add_argument("--live-seconds", type=int, default=LIVE_SECONDS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as folder:
        made = tables(options.messages, options.calls, options.live_seconds, Path(folder))
    if options.dry_run:
        print("\n\n".join(made.values()))
    else:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), made))


if __name__ == "__main__":
    main()
