"""A honeypot's server as a process of its own, whose memory can be watched.

    python listening_server.py [ENDPOINT...]

It writes its ports. With endpoints it works until it is ended. Without any it listens on loopback
over UDP and TCP, answers each line on stdin by its resident bytes, the number of messages, and the
number of log records, and ends with stdin.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from support.listening import Forgetful, Running, Said, Script

from zt.honeynet.honeypot.listen.limits import ListenLimits

_ANY = 1_000_000  # what a test of memory does not look at
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LOOPBACK = ("udp:127.0.0.1:0", "tcp:127.0.0.1:0")


def main(endpoints: list[str]) -> None:
    lure = Script(lambda message, datagram: [Said(b"SIP/2.0 200 " + message.call_id.encode()[:9])])
    limits = ListenLimits(connects_per_source=_ANY, answers_per_source=_ANY, answers=_ANY)
    where = endpoints or _LOOPBACK
    with Running(*where, lure=lure, recorder=Forgetful(), limits=limits) as server:
        print(*(endpoint.port for endpoint in server.addresses), flush=True)  # noqa: T201
        if endpoints:
            signal.pause()
        for _ in sys.stdin:
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
            print(resident, server.figure("messages"), len(server.log), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
