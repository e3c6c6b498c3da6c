"""How fast the honeynet is.

    python -m tests.bench.honeynet [--addresses N] [--requests N] [--seconds N] [--dry-run]

Fills the tables `honeynet-lists`, `honeynet-storms` and `honeynet-amplification` of
docs/benchmarks.md. All but the first need root, since they pass between network namespaces.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from ..page import BENCHMARKS, fill
from .tables import ADDRESSES, REQUESTS, SECONDS, tables


def main() -> None:
    """The command line of the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.honeynet", description=__doc__)
    parser.add_argument("--addresses", type=int, default=ADDRESSES)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("--dry-run", action="store_true", help="write no page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zt-bench-") as folder:
        made = tables(options.addresses, options.requests, options.seconds, Path(folder))
    if options.dry_run:
        print("\n\n".join(made.values()))
    else:
        BENCHMARKS.write_text(fill(BENCHMARKS.read_text(), made))


if __name__ == "__main__":
    main()
