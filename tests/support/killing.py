"""Processes that are killed at random points."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

KILLS = 50
"""Random points at which each way of writing is killed."""


def run_until(code: str, arguments: Sequence[str], seconds: float | None) -> tuple[float, bool]:
    """Run a program that prints a line once it is about to begin, and kill it after a time.

    Returns:
        How long it ran from then on, and whether it came to its end.
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": f"{Path(__file__).parents[1]}"},
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = time.monotonic()
        try:
            assert process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            process.kill()
            return time.monotonic() - started, False
    return time.monotonic() - started, True


def moments(longest: float, seed: int) -> list[float]:
    """Random times up to one, as many as there are kills."""
    chance = random.Random(seed)
    return [chance.uniform(0, longest) for _ in range(KILLS)]
