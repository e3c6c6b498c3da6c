"""The live probe under load: what it sees, what the kernel drops, how much of a core it takes."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

NOT_HERE = "n/a"
_TESTS = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


class Watched(NamedTuple):
    """The cells of the table."""

    sent: str = NOT_HERE
    seen: str = NOT_HERE
    dropped: str = NOT_HERE
    share: str = NOT_HERE


def watch(rate: int, seconds: int, folder: Path) -> Watched:
    """Send the mix through a network of two hosts, past `zt probe live`.

    Returns:
        What was measured; n/a without root, or without the programs that make a network.
    """
    if os.geteuid() or not all(map(shutil.which, ("ip", "ethtool"))):
        return Watched()
    sys.path.insert(0, str(_TESTS))
    from support.netns import Network
    from support.probing import start_live, statistics

    with Network(folder) as network:
        server = network.host("server", "198.51.100.10")
        sender = network.host("sender", "203.0.113.20")
        probe = start_live(server)
        before = _processor_seconds(probe.pid)
        sending = sender.start(
            sys.executable, "-m", "tests.bench.probe.send", "eth0", server.mac().hex(),
            str(rate), str(seconds),
            name="send", cwd=_TESTS.parent,
        )  # fmt: skip
        if sending.wait(seconds * 4 + 60):
            raise SystemExit(f"sending failed: {sending.said()}")
        used = _processor_seconds(probe.pid) - before
        messages, took = sending.out.read_text().split()
        if probe.end():
            raise SystemExit(f"the live probe failed: {probe.said()}")
        figures = statistics(probe)[-1]
    return Watched(
        f"{int(messages) / float(took):,.0f}",
        f"{figures['messages'] / float(took):,.0f}",
        f"{figures['kernel_drops']:,.0f}",
        f"{100 * used / float(took):.0f} %",
    )


def _processor_seconds(pid: int) -> float:
    """What a process has used so far, the kernel's part included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
