"""Sends the mix of `traffic` into an interface, so many messages a second: `live` starts this.

    python -m tests.bench.probe.send INTERFACE DESTINATION-MAC RATE SECONDS

All frames are made before the first one is sent. It prints how many it sent in how many seconds.
"""

from __future__ import annotations

import socket
import sys
import time

from .frames import frame
from .traffic import mix

_TICK = 0.005  # seconds between two bursts: what is due by then is sent at once


def main(interface: str, destination: str, rate: str, seconds: str) -> None:
    """The command line."""
    each_second = int(rate)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind((interface, 0))
        macs = bytes.fromhex(destination.replace(":", "")) + link.getsockname()[4]
        frames = [frame(packet, macs) for packet in mix(each_second * int(seconds), each_second)]
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
