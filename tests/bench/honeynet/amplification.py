"""What a honeypot answers to who may have forged his address: bytes for bytes, of each method."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from ..page import Row
from .attacks import METHODS, SHAPES

POT = "198.51.100.30"
CROWD = "192.31.196.64/26"
_TIMES = 5
_QUIET = 4.0  # seconds; until nothing would be sent again any more
_TESTS = Path(__file__).parents[2]


def measure(folder: Path) -> list[Row]:
    """Rows of the table; without root, or without the programs that make a network, its head."""
    head = ("method", *(f"{shape}, bytes back for each byte" for shape in SHAPES))
    if os.geteuid() or not all(map(shutil.which, ("ip", "ethtool", "tcpdump"))):
        return [head]
    sys.path.insert(0, str(_TESTS))
    from support.honeypot_bytes import each_method
    from support.honeypot_net import Honeynet, honeypot
    from support.honeypot_visitors import owns

    with Honeynet(folder) as network:
        pot = honeypot(network, folder, "pot", POT)
        crowd = network.host("crowd", "192.31.196.200")
        passed = each_method(pot, crowd, owns(crowd, CROWD), _TIMES, _QUIET)
        pot.end()
    rows: list[Row] = [head]
    for method in METHODS:
        ratios = (passed[method, shape] for shape in SHAPES)
        rows.append((method, *(f"{one.answered_bytes / one.asked_bytes:.2f}" for one in ratios)))
    return rows
