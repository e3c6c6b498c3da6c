"""A small network for a test: hosts with addresses of their own, and what runs on them.

Every host is a network namespace with one interface, `eth0`, on a bridge that has a namespace too.
Names are unique to the process, the root namespace gets nothing, there is no default route, and
every wait is bounded: a `Network` that is left has ended its processes by their pids and removed
its namespaces, however the test ended.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

_STEP = 30  # seconds that a command which sets something up may take
_END = 20  # seconds that a process has to end when asked to
_numbers = itertools.count()


class Running:
    """A program that runs on a host.

    Attributes:
        out, err: files of what it printed.
    """

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self._process = process
        self.out, self.err = out, err

    @property
    def pid(self) -> int:
        """Of the program itself: `ip netns exec` becomes what it starts."""
        return self._process.pid

    def ready(self, test: Callable[[], bool], seconds: float = _STEP) -> None:
        """Wait until the test holds.

        Raises:
            AssertionError: the program ended, or the time was over.
        """
        deadline = time.monotonic() + seconds
        while not test():
            assert self._process.poll() is None, f"it ended: {self.said()}"
            assert time.monotonic() < deadline, f"not ready after {seconds} s: {self.said()}"
            time.sleep(0.05)

    @property
    def runs(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """Its exit code.

        Raises:
            AssertionError: it did not end in time; then it was killed.
        """
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"it did not end within {seconds} s: {self.said()}") from None

    def end(self, how: signal.Signals = signal.SIGTERM, seconds: float = _END) -> int:
        """Ask it to end, and wait for its exit code."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self.wait(seconds)

    def kill(self) -> None:
        """End it at once; for one that has ended already this does nothing."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(_END)

    def said(self) -> str:
        """The end of what it printed on stderr, or else on stdout."""
        texts = (path.read_text(errors="replace").strip() for path in (self.err, self.out))
        return next((text[-2_000:] for text in texts if text), "nothing was printed")


class Host:
    """One namespace of a network, with `eth0`; `address` is its first one."""

    def __init__(self, network: Network, namespace: str, addresses: Sequence[str]) -> None:
        self._network = network
        self.namespace = namespace
        self.address = addresses[0]

    def inside(self, *command: str | Path) -> list[str]:
        """The command as it runs on this host."""
        return ["ip", "netns", "exec", self.namespace, *map(str, command)]

    def run(self, *command: str | Path, stdin: str = "", seconds: float = _STEP) -> str:
        """Run a command that has to succeed, and give its stdout."""
        return _run(*self.inside(*command), stdin=stdin, seconds=seconds)

    def start(self, *command: str | Path, name: str, cwd: Path | None = None) -> Running:
        """Start a program; the network ends it, if nobody does before.

        Args:
            command: what to start.
            name: of the files that it prints into.
            cwd: its working folder; the network's, if it needs none of its own.
        """
        folder = self._network.folder
        stem = f"{next(_numbers)}-{name}"
        out, err = folder / f"{stem}.out", folder / f"{stem}.err"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                self.inside(*command),
                cwd=cwd or folder,
                env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C reaches the test, which then ends things in order
            )  # fmt: skip
        running = Running(process, out, err)
        self._network.processes.append(running)
        return running

    def mac(self) -> bytes:
        """The hardware address of `eth0`."""
        text = self.run("cat", "/sys/class/net/eth0/address")
        return bytes.fromhex(text.strip().replace(":", ""))


class Network:
    """Hosts on one bridge, all of them on one link: 198.51.100.0/24, 203.0.113.0/24, 10.0.0.0/8.

    Args:
        folder: for everything that its processes write.
    """

    NETWORKS: ClassVar[tuple[str, ...]] = ("198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[Running] = []
        self._prefix = f"ztt{os.getpid()}x{next(_numbers)}-"
        self._namespaces: list[str] = []

    def __enter__(self) -> Self:
        try:
            switch = self._add("switch")
            _run("ip", "-n", switch, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0")
            _run("ip", "-n", switch, "link", "set", "br0", "up")
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

    def host(self, name: str, *addresses: str) -> Host:
        """Add a host; its name has at most 15 characters, as an interface's has."""
        switch, namespace = self._namespaces[0], self._add(name)
        link = ("type", "veth", "peer", "name", "eth0", "netns", namespace)
        _run("ip", "-n", switch, "link", "add", name, *link)
        _run("ip", "-n", switch, "link", "set", name, "master", "br0", "up")
        # With offloads a capture holds unfinished checksums and joined segments.
        offloads = [word for one in ("tx", "rx", "tso", "gso", "gro") for word in (one, "off")]
        _run("ip", "netns", "exec", namespace, "ethtool", "-K", "eth0", *offloads)
        for device in ("lo", "eth0"):
            _run("ip", "-n", namespace, "link", "set", device, "up")
        for address in addresses:
            _run("ip", "-n", namespace, "addr", "add", address, "dev", "eth0")
        for network in self.NETWORKS:
            _run("ip", "-n", namespace, "route", "add", network, "dev", "eth0")
        return Host(self, namespace, addresses)

    def _add(self, name: str) -> str:
        namespace = self._prefix + name
        _run("ip", "netns", "add", namespace)
        self._namespaces.append(namespace)
        # Without IPv6 nobody, the bridge included, says what the test did not ask for.
        for interfaces in ("all", "default"):
            setting = f"/proc/sys/net/ipv6/conf/{interfaces}/disable_ipv6"
            _run("ip", "netns", "exec", namespace, "tee", setting, stdin="1")
        return namespace

    def _remove(self) -> None:
        for process in reversed(self.processes):
            process.kill()
        for namespace in reversed(self._namespaces):  # its links go with it
            with contextlib.suppress(AssertionError):
                _run("ip", "netns", "delete", namespace)


def _run(*command: str, stdin: str = "", seconds: float = _STEP) -> str:
    done = subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stderr or done.stdout).strip()}"
    return done.stdout
