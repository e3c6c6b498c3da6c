"""Sends what attackers do into an interface, so many messages a second.

    python -m tests.bench.honeynet.send INTERFACE MAC ADDRESS RATE SECONDS SOURCES

MAC and ADDRESS are the honeypot's. It prints how many messages it sent in how many seconds, and
what the interface sent and received meanwhile, in packets and bytes of frames.
"""

from __future__ import annotations

import socket
import sys
import time
from itertools import islice
from pathlib import Path

from ..probe.frames import frame
from .attacks import storm

_TICK = 0.005  # seconds between two bursts: what is due by then is sent at once
_LAST_ANSWERS = 1.0  # seconds
_COUNTERS = ("tx_packets", "tx_bytes", "rx_packets", "rx_bytes")


def main(interface: str, mac: str, address: str, rate: str, seconds: str, sources: str) -> None:
    """The command line."""
    each_second = int(rate)
    packets = storm(int(seconds), each_second, int(sources), socket.inet_aton(address))
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        macs = bytes.fromhex(mac.replace(":", "")) + link.getsockname()[4]
        before = _counters(interface)
        begun = time.perf_counter()
        sent, total = 0, each_second * int(seconds)
        while sent < total:
            due = min(int((time.perf_counter() - begun) * each_second), total)
            for packet in islice(packets, due - sent):
                link.send(frame(packet, macs))
            sent = due
            time.sleep(_TICK)
        took = time.perf_counter() - begun
        time.sleep(_LAST_ANSWERS)
        after = _counters(interface)
    passed = (now - then for now, then in zip(after, before, strict=True))
    print(sent, took, *passed)


def _counters(interface: str) -> list[int]:
    folder = Path("/sys/class/net", interface, "statistics")
    return [int((folder / name).read_text()) for name in _COUNTERS]


if __name__ == "__main__":
    main(*sys.argv[1:])
