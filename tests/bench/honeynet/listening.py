"""The honeypot under a storm: what it takes on one core, what the kernel drops, what it answers."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

NOT_HERE = "n/a"
POT = "198.51.100.30"
SENDER = "203.0.113.20"
SOURCES = 10_000
_TESTS = Path(__file__).parents[2]
_TICKS = os.sysconf("SC_CLK_TCK")


class Listened(NamedTuple):
    """The cells of a row."""

    sent: str = NOT_HERE
    taken: str = NOT_HERE
    dropped: str = NOT_HERE
    answered: str = NOT_HERE
    amplification: str = NOT_HERE
    share: str = NOT_HERE
    each_second: str = NOT_HERE
    memory: str = NOT_HERE


def listen(rate: int, seconds: int, folder: Path) -> Listened:
    """Send a storm through a network of two hosts to `zt honeypot run`, which may use one core.

    Returns:
        What was measured; n/a without root, or without the programs that make a network.
    """
    if os.geteuid() or not all(map(shutil.which, ("ip", "ethtool", "taskset"))):
        return Listened()
    sys.path.insert(0, str(_TESTS))
    from support.honeypot_net import Honeynet, honeypot

    with Honeynet(folder) as network:
        pot = honeypot(network, folder, "pot", POT)
        sender = network.host("sender", SENDER)
        through = ("via", SENDER, "dev", "eth0", "onlink")
        pot.host.run("ip", "route", "replace", "10.0.0.0/8", *through)
        pot.host.run("taskset", "-a", "-p", "-c", "0", str(pot.running.pid))
        used = _processor_seconds(pot.running.pid)
        taken, dropped = _datagrams(pot.host.run("cat", "/proc/net/snmp"))
        sending = sender.start(
            "taskset", "-c", str((os.cpu_count() or 1) - 1), sys.executable,
            "-m", "tests.bench.honeynet.send", "eth0", pot.host.mac().hex(), POT,
            str(rate), str(seconds), str(SOURCES),
            name="send", cwd=_TESTS.parent,
        )  # fmt: skip
        if sending.wait(seconds * 4 + 60):
            raise SystemExit(f"sending failed: {sending.said()}")
        used = _processor_seconds(pot.running.pid) - used
        now = _datagrams(pot.host.run("cat", "/proc/net/snmp"))
        memory = pot.resident()
        if pot.running.end():
            raise SystemExit(f"the honeypot failed: {pot.running.said()}")
    sent, took, _, bytes_out, answers, bytes_back = map(float, sending.out.read_text().split())
    return Listened(
        f"{sent / took:,.0f}",
        f"{(now[0] - taken) / took:,.0f}",
        f"{100 * (now[1] - dropped) / sent:.1f} %",
        f"{answers / took:,.0f}",
        f"{bytes_back / bytes_out:.2f}",
        f"{100 * used / took:.0f} %",
        f"{(now[0] - taken) / used:,.0f}",
        f"{memory / 1024:,.0f}",
    )


def _datagrams(snmp: str) -> tuple[int, int]:
    """Datagrams that were read so far, and those that found no room in a socket's buffer."""
    names, values = (line.split()[1:] for line in re.findall(r"^Udp: .*$", snmp, re.MULTILINE))
    counted = dict(zip(names, map(int, values), strict=True))
    return counted["InDatagrams"], counted["RcvbufErrors"]


def _processor_seconds(pid: int) -> float:
    """What a process has used so far, the kernel's part included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
