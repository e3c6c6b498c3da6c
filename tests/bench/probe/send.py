"""Sends generated traffic into an interface, so many messages a second.

    python -m tests.bench.probe.send INTERFACE DESTINATION-MAC RATE SECONDS [SOURCES]

The traffic is the mix, or with SOURCES a flood from so many addresses, and calls beside it. All
frames are made before the first one is sent. It prints how many it sent in how many seconds.
"""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

from .frames import frame
from .traffic import Packet, calls, flood, mix, together

_TICK = 0.005  # seconds between two bursts: what is due by then is sent at once


def flood_and_calls(rate: int, seconds: int, sources: int) -> Iterator[Packet]:
    """A flood, and a call begun in each second but the last four, which see the last one end."""
    return together(calls(seconds - 4), flood(seconds, rate, sources))


def main(interface: str, destination: str, rate: str, length: str, *sources: str) -> None:
    """The command line."""
    each_second, seconds = int(rate), int(length)
    if sources:
        packets = flood_and_calls(each_second, seconds, int(sources[0]))
    else:
        packets = mix(each_second * seconds, each_second)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        macs = bytes.fromhex(destination.replace(":", "")) + link.getsockname()[4]
        frames = [frame(packet, macs) for packet in packets]
        begun = time.perf_counter()
        sent = 0
        while sent < len(frames):
            due = int((time.perf_counter() - begun) * each_second)
            for data in frames[sent:due]:
                link.send(data)
            sent = max(sent, min(due, len(frames)))
            time.sleep(_TICK)
        print(len(frames), time.perf_counter() - begun)


if __name__ == "__main__":
    main(*sys.argv[1:])
