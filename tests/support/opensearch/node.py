"""One node of OpenSearch, with data, ports and a process group of its own, on loopback only."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from support.opensearch.distribution import distribution, java_home

GUARD = Path(__file__).with_name("guard.py")
STARTING = 300  # seconds; about 15 on an idle machine
STOPPING = 60  # seconds

# Below the ports that systems give to clients: a client that retries on such a port while the
# node is down could come to be connected with itself.
PORTS = {"http.port": "21000-21999", "transport.port": "22000-22999"}

SETTINGS: dict[str, Any] = {
    "network.host": "127.0.0.1",
    "node.portsfile": True,
    "action.auto_create_index": False,  # a store creates what it needs
    "cluster.routing.allocation.disk.threshold_enabled": False,  # a full disk here is no defect
}

QUICK = "-XX:TieredStopAtLevel=1"
"""Java's option that halves what a start costs, at the price of a lower speed later."""

ALONE: dict[str, Any] = {
    "discovery.type": "single-node",
    "cluster.default_number_of_replicas": 0,
}


class Node:
    """A node; as a context it runs, and nothing of it is left afterwards.

    `stop` and `kill` leave its data and its ports, with which `start` goes on. It ends when this
    process does, even by SIGKILL, unless another process holds the lock too; see `guard`.

    Args:
        settings: of opensearch.yml, beside and above `SETTINGS` and `ALONE`.
        heap: as Java's -Xmx wants it.
        java: more of Java's options; what is measured wants none of `QUICK`.
        alone: whether the node is a cluster by itself.
        lock: a file on which every user of the node holds a shared lock; one of its own if None.
    """

    def __init__(
        self,
        settings: Mapping[str, Any] | None = None,
        *,
        heap: str = "512m",
        java: str = QUICK,
        alone: bool = True,
        lock: Path | None = None,
    ) -> None:
        base, self._java = distribution(), java_home()
        self._settings = {**SETTINGS, **PORTS, **(ALONE if alone else {}), **(settings or {})}
        self._options = f"-Xms{heap} -Xmx{heap} {java}"
        self._process: subprocess.Popen[bytes] | None = None
        # Not below pytest's folders, which another user may not enter.
        self.home = Path(tempfile.mkdtemp(prefix="zt-opensearch-"))
        self._lock = (lock or self.home / "lock").open("a")
        fcntl.flock(self._lock, fcntl.LOCK_SH)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", GUARD, self._lock.name, self.home],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for pytest
        )
        shutil.copytree(base, self.home, copy_function=_link, dirs_exist_ok=True)
        (self.home / "tmp").mkdir()
        self._user = _give_away(self.home) if os.geteuid() == 0 else {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process, which is also the process group."""
        assert self._process is not None, "the node was not started"
        return self._process.pid

    @property
    def url(self) -> str:
        """Where it answers; the same after a restart."""
        return f"http://127.0.0.1:{self._settings['http.port']}"

    @property
    def transport(self) -> str:
        """Where other nodes find it; the same after a restart."""
        return f"127.0.0.1:{self._settings['transport.port']}"

    def start(self) -> None:
        """Start it, or start it again, and wait until it answers."""
        self.spawn()
        self.wait()

    def spawn(self) -> None:
        """Start it without waiting."""
        assert self._process is None, "the node runs already"
        config = self.home / "config" / "opensearch.yml"
        config.unlink(missing_ok=True)  # the link, not what the cache holds
        lines = (f"{name}: {json.dumps(value)}\n" for name, value in self._settings.items())
        config.write_text("".join(lines))
        for name in ("http.ports", "transport.ports"):
            (self.home / "logs" / name).unlink(missing_ok=True)
        with (self.home / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [self.home / "bin" / "opensearch"],
                cwd=self.home,
                env={
                    "PATH": os.defpath,
                    "OPENSEARCH_JAVA_HOME": str(self._java),
                    "OPENSEARCH_JAVA_OPTS": self._options,
                    "OPENSEARCH_TMPDIR": str(self.home / "tmp"),
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._user,
            )
        (self.home / "process").write_text(str(self._process.pid))

    def wait(self, nodes: int = 1) -> None:
        """Wait until it answers and knows of so many nodes."""
        deadline = time.monotonic() + STARTING
        while not self._is_ready(nodes):
            assert self._process is not None, "the node was not started"
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"OpenSearch does not start:\n{self.output()[-4000:]}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it in good order, its data kept."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would, its data kept."""
        self._end(signal.SIGKILL)

    def output(self) -> str:
        """What it has written to its log."""
        return (self.home / "output").read_text(errors="replace")

    def release(self) -> None:
        """Leave it to those who hold the lock too; the last one's end is its end."""
        self._lock.close()

    def close(self) -> None:
        """Stop it and remove all of it."""
        self.stop()
        self.release()
        self._guard.wait(STOPPING)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)
        try:
            self._process.wait(STOPPING)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(STOPPING)
        (self.home / "process").unlink()
        self._process = None

    def _is_ready(self, nodes: int) -> bool:
        for setting, name in (("http.port", "http.ports"), ("transport.port", "transport.ports")):
            with suppress(FileNotFoundError):
                _, _, port = (self.home / "logs" / name).read_text().strip().rpartition(":")
                if port:
                    self._settings[setting] = int(port)
        port = self._settings["http.port"]
        if not isinstance(port, int):
            return False
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as http:
            try:
                http.request("GET", f"/_cluster/health?wait_for_nodes=>={nodes}&timeout=2s")
                answer = http.getresponse()
                return answer.status == 200 and not json.loads(answer.read())["timed_out"]
            except (OSError, HTTPException, ValueError):
                return False


def _link(source: str, target: str) -> None:
    """One more name of the file, or a copy where it is on another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def _give_away(home: Path) -> dict[str, Any]:
    """Make a tree's folders an unprivileged user's, since OpenSearch refuses to run as root.

    Returns:
        The arguments by which a process is run as that user.
    """
    user = pwd.getpwnam("nobody")
    for folder, _, _ in os.walk(home):
        os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
