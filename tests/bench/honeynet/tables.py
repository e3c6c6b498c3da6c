"""The tables of the honeynet's benchmark, and how its results read."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from ..page import Row, markdown
from . import lists
from .amplification import measure
from .listening import listen

ADDRESSES = 100_000
REQUESTS = 20_000
SECONDS = 20
RATES = (1_000, 5_000, 20_000)  # messages a second


def tables(addresses: int, requests: int, seconds: int, folder: Path) -> dict[str, str]:
    """All tables by their marks in docs/benchmarks.md.

    Args:
        addresses: that are shared.
        requests: of the most common kinds.
        seconds: that each storm lasts.
        folder: for the book, rings and stores.
    """
    return {
        "honeynet-lists": questions(addresses, requests, folder / "honeynet.db"),
        "honeynet-storms": storms(seconds, folder),
        "honeynet-amplification": amplification(folder / "amplification"),
    }


def questions(addresses: int, requests: int, path: Path) -> str:
    """Requests a second of each kind."""
    filled = lists.fill(path, addresses)
    answers = lists.asked(path, addresses, filled.key, requests)
    rows: list[Row] = [("question", "requests/s", "half within, ms", "99 % within, ms", "bytes")]
    rows += [
        (what, f"{one.rate:,.0f}", f"{one.middle:.1f}", f"{one.most:.1f}", f"{one.size:,.0f}")
        for what, one in answers.items()
    ]
    return f"""{addresses:,} addresses, {filled.size / addresses:,.0f} bytes of the file each, \
taken at {addresses / filled.seconds:,.0f} a second;
{os.cpu_count()} cores, Python {platform.python_version()}, 8 connections:

{markdown(rows)}"""


def storms(seconds: int, folder: Path) -> str:
    """What a honeypot on one core takes."""
    head = (
        "messages/s sent",
        "taken/s",
        "dropped by the kernel",
        "answered/s",
        "bytes back for each byte",
        "share of the core",
        "taken for a second of processor time",
        "resident, MB",
    )
    rows: list[Row] = [head]
    for rate in RATES:
        own = folder / f"storm-{rate}"
        own.mkdir()
        rows.append(listen(rate, seconds, own))
    return markdown(rows)


def amplification(folder: Path) -> str:
    """What is answered to who is not proven."""
    folder.mkdir()
    return markdown(measure(folder))
