"""The server under attack, and the capture of its traffic."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from config import (
    DOMAIN,
    HERE,
    NONCE_SECONDS,
    RUN,
    SERVER_V4,
    SERVER_V6,
    SIP_PORTS,
    USERS,
    bracketed,
)
from errors import LabError
from network import SERVER
from processes import log, start

CAPTURE = RUN / "capture.pcap"
PIDFILE = RUN / "kamailio.pid"
CONTROL = RUN / "kamailio_ctl"


def configuration() -> str:
    """kamailio.cfg with its blanks filled in. Kamailio changes to `/`, so paths are absolute."""
    addresses = [bracketed(address) for address in (*SERVER_V4, *SERVER_V6)]
    listen = [f"listen={kind}:{a}:5060" for kind in ("udp", "tcp") for a in addresses]
    users = [f'\t$sht(users=>{user.name}) = "{user.password}";' for user in USERS.values()]
    text = (HERE / "kamailio.cfg").read_text(encoding="utf-8")
    for blank, value in {
        "@RUN@": str(RUN),
        "@DOMAIN@": DOMAIN,
        "@NONCE_SECONDS@": str(NONCE_SECONDS),
        "@LISTEN@": "\n".join(listen),
        "@USERS@": "\n".join(users),
    }.items():
        text = text.replace(blank, value)
    return text


def start_kamailio() -> subprocess.Popen[bytes]:
    """Start Kamailio and wait until it answers."""
    path = RUN / "kamailio.cfg"
    path.write_text(configuration(), encoding="utf-8")
    CONTROL.unlink(missing_ok=True)
    command = ("kamailio", "-DD", "-E", "-f", str(path), "-P", str(PIDFILE), "-w", str(RUN))
    process = start("kamailio", SERVER, (*command, "-m", "64", "-M", "8"))
    wait_for("kamailio", process, CONTROL.is_socket)
    return process


def start_capture() -> subprocess.Popen[bytes]:
    """Start tcpdump where the server's traffic passes, and wait until it listens."""
    # ICMP errors quote SIP requests and would be read as requests: the filter keeps them out.
    wanted = f"(udp or tcp) and portrange {SIP_PORTS}"
    command = ("tcpdump", "-Z", "root", "-i", "eth0", "-s", "0", "-n", "-U", "-B", "16384")
    process = start("tcpdump", SERVER, (*command, "-w", str(CAPTURE), wanted))
    wait_for("tcpdump", process, lambda: b"listening on" in log("tcpdump").read_bytes())
    return process


def wait_for(name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    """Wait up to ten seconds until `ready()`."""
    for _ in range(100):
        if process.poll() is not None:
            break
        if ready():
            time.sleep(0.3)  # the control socket is there before the last worker
            return
        time.sleep(0.1)
    raise LabError(f"{name} did not start: {log(name).read_text(errors='replace')[-800:].strip()}")


def end_kept_kamailio() -> None:
    """End a Kamailio that an earlier run left up, if its pid is still that Kamailio."""
    if not PIDFILE.exists():
        return
    pid = int(PIDFILE.read_text())
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return
    if str(RUN).encode() in command:  # the number may belong to somebody else by now
        os.kill(pid, signal.SIGTERM)
