"""Two hosts with a cable between them, for tests of what the probe hears there.

`near` is where the probe listens: the test itself enters that namespace, so that its sockets are
there. Names are unique to the process, nothing is added to the root namespace, and all ends with
the `Cable`.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from zt.sip import Event

NEAR, FAR = "198.51.100.10", "198.51.100.20"
NEAR6, FAR6 = "2001:db8:1::10", "2001:db8:1::20"

_MEASURED = {
    "sip": {"pdd", "ring_time"},
    "event": {"call_start", "duration", "duration2", "lifetime"},
}
_NEW_NET = 0x40000000  # CLONE_NEWNET
_libc = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count()


class Cable:
    """The two namespaces; `eth0` of each is an end of the cable.

    Args:
        folder: for what programs print.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        prefix = f"ztsrc{os.getpid()}x{next(_numbers)}-"
        self.near, self.far = prefix + "near", prefix + "far"
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Cable:
        try:
            for namespace in (self.near, self.far):
                call("ip", "netns", "add", namespace)
                call("ip", "-n", namespace, "link", "set", "lo", "up")
            self.plug("eth0")
            self.address("eth0", (NEAR, NEAR6), (FAR, FAR6))
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def plug(self, device: str) -> None:
        """Adds a cable whose ends have the same name on both sides, up and without offloads."""
        call(
            "ip", "-n", self.near, "link", "add", device, "type", "veth",
            "peer", "name", device, "netns", self.far,
        )  # fmt: skip
        for namespace in (self.near, self.far):
            # With offloads a capture holds segments that no wire carries.
            words = [word for one in ("tx", "rx", "tso", "gso", "gro") for word in (one, "off")]
            call("ip", "netns", "exec", namespace, "ethtool", "-K", device, *words)
            call("ip", "-n", namespace, "link", "set", device, "up")

    def address(self, device: str, near: tuple[str, ...], far: tuple[str, ...]) -> None:
        """Gives both ends of a cable, or of what stands on it, addresses."""
        for namespace, addresses in ((self.near, near), (self.far, far)):
            for address in addresses:
                size, flags = ("64", ["nodad"]) if ":" in address else ("24", [])
                add = ("addr", "add", f"{address}/{size}", "dev", device)
                call("ip", "-n", namespace, *add, *flags)

    def start(
        self, namespace: str, *command: str, ready: Callable[[str], bool] = lambda said: True
    ) -> subprocess.Popen[bytes]:
        """Starts a program and waits until `ready` likes what it has printed."""
        said = self.folder / f"{next(_numbers)}.log"
        with said.open("wb") as out:
            process = subprocess.Popen(
                ["ip", "netns", "exec", namespace, *command],
                cwd=self.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        self._running.append(process)
        deadline = time.monotonic() + 20
        while not ready(text := said.read_text(errors="replace")):
            assert process.poll() is None, f"{command[0]} ended: {text[-2_000:]}"
            assert time.monotonic() < deadline, f"{command[0]} is not ready: {text[-2_000:]}"
            time.sleep(0.05)
        return process

    def tcpdump(self, device: str, file: Path, *words: str) -> subprocess.Popen[bytes]:
        """Starts a capture on the near side."""
        return self.start(
            self.near, "tcpdump", "-Z", "root", "-i", device, "-s", "0", "-n", "-U", "-B", "8192",
            "-w", str(file), *words, ready=lambda said: "listening on" in said,
        )  # fmt: skip

    def _remove(self) -> None:
        for process in reversed(self._running):
            end(process)
        for namespace in (self.near, self.far):
            subprocess.run(["ip", "netns", "delete", namespace], capture_output=True, check=False)


def timeless(event: Event) -> Event:
    """A copy of an event without what depends on who looked at the clock."""
    kept = {name: value for name, value in event.items() if name != "@timestamp"}
    for part, measured in _MEASURED.items():
        fields = kept.get(part, {}).items()
        kept[part] = {name: value for name, value in fields if name not in measured}
    return kept


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that was started: asks, waits, insists."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def call(*command: str) -> str:
    """Runs a command that has to succeed; gives its stdout."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}"
    return done.stdout


@contextlib.contextmanager
def entered(namespace: str) -> Iterator[None]:
    """Puts this thread into a network namespace; sockets made there stay there."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            _set(there)
        finally:
            os.close(there)
        try:
            yield
        finally:
            _set(home)
    finally:
        os.close(home)


def _set(namespace: int) -> None:
    if _libc.setns(namespace, _NEW_NET):
        raise OSError(ctypes.get_errno(), "setns failed")
