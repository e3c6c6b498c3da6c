"""A honeynet on the hosts of a `netns.Network`: a collector, honeypots, and who asks for its lists.

All are the real commands, each in a namespace of its own, and speak TLS with each other. Each
honeypot has a ring and a store of its own, as it would have at another site.
"""

from __future__ import annotations

import re
import shutil
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, ClassVar

import httpx
import yaml

from keys import init_ring
from support.certificates import Authority
from support.commands import ok
from support.netns import Host, Network, Running
from support.probe_net import entered
from support.probing import Event, read_events

COLLECTOR, CUSTOMER = "198.51.100.5", "198.51.100.6"
ATTACKERS = "192.31.196.0/24"
"""Where attackers are: AS112's network (RFC 7535). No host of anybody's, and yet an address that
the collector shares; those for documentation and private ones it refuses."""
ATTACKERS6 = "2d00:a112:6::/64"
"""The same of IPv6: global unicast that nobody was given."""

EXTENSIONS = ("101", "104", "117", "120")
WEAK, PASSWORD = "104", "104104"
"""The extension whose password can be guessed, and the password."""

_PORT = 8443
_RATE = "1000/1s"  # a test asks more often than the default permits
_BAN = 30.0  # seconds to wait for one; a test that hopes for less says so itself
_PAUSE = 0.02  # seconds from one question to the next
_TOOLS = ("ip", "ethtool", "tcpdump", "sipp")
_MODULE = (sys.executable, "-m", "zt")


def require_tools(require: Callable[[object, str], None]) -> None:
    """Skip, or fail, where programs are missing that this needs."""
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    require(not missing, f"a honeynet in namespaces needs {', '.join(missing)}")


class Honeynet(Network):
    """A network whose hosts reach attackers too."""

    NETWORKS: ClassVar[tuple[str, ...]] = (*Network.NETWORKS, ATTACKERS)


@dataclass
class Collector:
    """`zt honeynet serve` at work.

    Attributes:
        host: where it runs.
        folder: of its database.
        authority: signed its certificate.
        customer: from where its lists are asked for.
    """

    host: Host
    folder: Path
    authority: Authority
    customer: Host
    key: str = ""
    running: Running = field(init=False)

    @property
    def database(self) -> Path:
        return self.folder / "honeynet.db"

    @property
    def url(self) -> str:
        return f"https://{self.host.address}:{_PORT}"

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it answers."""
        if not self.key:
            added = ok("zt", "honeynet", "keys", "add", "customer", *self._db, "--rate", _RATE)
            self.key = _secret(added.out)
        certificate, key = self._certificate()
        self.running = self.host.start(
            *_MODULE, "honeynet", "serve", *self._db, "--listen", f"{self.host.address}:{_PORT}",
            "--tls-certificate", certificate, "--tls-key", key,
            name="collector",
        )  # fmt: skip
        self.running.ready(self._answers)

    def admit(self, name: str, region: str, owner: str) -> str:
        """The token of a honeypot that may report from now on."""
        about = ("--region", region, "--owner", owner)
        added = ok("zt", "honeynet", "honeypots", "add", name, *about, *self._db)
        return _secret(added.out)

    def get(self, path: str, *, keyed: bool = False) -> httpx.Response:
        """What a customer's GET brings, with his key as Bearer or without."""
        headers = {"authorization": f"Bearer {self.key}"} if keyed else {}
        with entered(self.customer.namespace), self._client() as client:
            return client.get(path, headers=headers)

    def banned(self) -> list[str]:
        """All addresses of the APIBAN list, in its order, asked for as its clients do."""
        found: list[str] = []
        last = "100"
        with entered(self.customer.namespace), self._client() as client:
            while last != "none":
                answer = client.get(f"/api/{self.key}/banned/{last}").json()
                last = answer["ID"]
                if last != "none":
                    found += answer["ipaddress"]
        return found

    def when_banned(self, address: str, seconds: float = _BAN) -> int:
        """Wait until a customer's question finds the address banned.

        Returns:
            The time of the answer, in microseconds since 1970.

        Raises:
            AssertionError: that did not come about in time.
        """
        deadline = time.monotonic() + seconds
        with entered(self.customer.namespace), self._client() as client:
            while True:
                answer = client.get(f"/api/{self.key}/check/{address}").json()
                now = time.time_ns() // 1_000
                if answer["ID"] != "none":
                    assert answer["ipaddress"] == [address]
                    return now
                assert time.monotonic() < deadline, f"{address} was not banned in {seconds} s"
                time.sleep(_PAUSE)

    @property
    def _db(self) -> tuple[str | Path, ...]:
        return ("--db", self.database)

    def _certificate(self) -> tuple[Path, Path]:
        return self.authority.issue("collector", address=self.host.address)

    def _client(self) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=str(self.authority.ca))
        return httpx.Client(base_url=self.url, verify=trusted, timeout=20)

    def _answers(self) -> bool:
        try:
            return self.get("/healthz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@dataclass
class Honeypot:
    """`zt honeypot run` at work.

    Attributes:
        host: where it runs.
        folder: of its settings, ring, store and spool.
        settings: its file of settings.
        has_store: its events go into a store within its process; else they go out as wire.
    """

    host: Host
    folder: Path
    settings: dict[str, Any]
    has_store: bool = True
    running: Running = field(init=False)

    @property
    def address(self) -> str:
        return self.host.address

    @property
    def ring(self) -> Path:
        return self.folder / "ring.json"

    @property
    def database(self) -> Path:
        return self.folder / "honeypot.duckdb"

    @property
    def _sent(self) -> tuple[str | Path, ...]:
        store = ("-s", f"duckdb:{self.database}") if self.has_store else ()
        return ("-k", self.ring, *store)

    def start(self, *options: str) -> None:
        """Start it, for the first time or again, and wait until its sockets are open."""
        self.folder.mkdir(exist_ok=True)
        if not self.ring.exists():
            init_ring(self.ring, "honeynet", "file:ring.key")
        path = self.folder / "honeypot.yaml"
        path.write_text(yaml.safe_dump(self.settings))
        self.running = self.host.start(
            *_MODULE, "honeypot", "run", "-c", path, *self._sent, "-p", "honeynet",
            "--spool", self.folder / "spool", "--statistics", "1s", *options,
            name="honeypot",
        )  # fmt: skip
        self.running.ready(self._listens)

    def resident(self) -> int:
        """Its memory in kB (VmRSS)."""
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        found = re.search(r"^VmRSS:\s*([0-9]+) kB$", status, re.MULTILINE)
        assert found, "it has ended"
        return int(found[1])

    def has_read_all(self) -> bool:
        """Whether the kernel holds no more datagrams for it."""
        lines = self.host.run("ss", "--no-header", "-nlu").splitlines()
        return all(int(line.split()[1]) == 0 for line in lines)

    def log(self) -> str:
        """All that it said."""
        return self.running.err.read_text()

    def complaints(self) -> list[str]:
        """Lines of its log that no honeypot should write."""
        bad = re.compile(r"traceback|exception|error|warning|never retrieved", re.IGNORECASE)
        figures = "statistics "
        lines = (line for line in self.log().splitlines() if figures not in line)
        return [line for line in lines if bad.search(line)]

    def end(self) -> None:
        """End it in good order: what it has goes into the store first."""
        assert self.running.end() == 0, self.running.said()

    def search(self, query: str) -> list[Event]:
        """Events of its store that a question finds, opened and verified; it must have ended.

        Those that tell only how the honeypot is doing are left out.
        """
        return read_events(ok("zt", "search", *self._sent, query, "--limit", "100000").out)

    def _listens(self) -> bool:
        return ":5060 " in self.host.run("ss", "-nlu")


def collector(network: Network, folder: Path) -> Collector:
    """Start a collector on a host of its own, and add a customer of it."""
    made = Collector(
        network.host("collector", COLLECTOR),
        folder / "collector",
        Authority(folder / "authority"),
        network.host("customer", CUSTOMER),
    )
    made.folder.mkdir()
    made.start()
    return made


def honeypot(
    network: Network,
    folder: Path,
    name: str,
    address: str,
    *,
    region: str = "eu-north",
    owner: str = "",
    reports_to: Collector | None = None,
    prepare: Callable[[Host], object] = id,
    has_store: bool = True,
    **settings: Any,
) -> Honeypot:
    """Start a honeypot on a host of its own.

    Args:
        network: where.
        folder: for a folder of its own.
        name: of the honeypot and its host.
        address: of its host, IPv4.
        region: where it claims to stand.
        owner: who runs it, to the collector.
        reports_to: the collector that hears of its sightings.
        prepare: what is done with its host before it starts.
        has_store: see `Honeypot`.
        settings: more sections of its file of settings.
    """
    host = network.host(name, address)
    prepare(host)
    home = folder / name
    home.mkdir()
    file: dict[str, Any] = {
        "name": name,
        "region": region,
        "listen": [f"udp:{address}:5060", f"tcp:{address}:5060"],
        "personality": "asterisk",
        "lure": {
            "extensions": ", ".join(EXTENSIONS),
            "guessable": {WEAK: PASSWORD},
            "ring": 1,
            "unanswered": 0,
        },
    } | settings
    if reports_to is not None:
        token = home / "token"
        token.touch(mode=0o600)
        token.write_text(reports_to.admit(name, region, owner))
        file["report"] = {
            "url": reports_to.url,
            "token_file": str(token),
            "ca_file": str(reports_to.authority.ca),
        }
    made = Honeypot(host, home, file, has_store)
    made.start()
    return made


def six(host: Host, address: str) -> str:
    """Give a host an IPv6 address; the hosts of a network have none by themselves."""
    assert ip_address(address).version == 6
    for interface in ("all", "default", "eth0"):
        setting = f"/proc/sys/net/ipv6/conf/{interface}/disable_ipv6"
        host.run("tee", setting, stdin="0")
    host.run("ip", "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
    return address


def plaintexts(path: Path, words: Iterable[str]) -> Iterator[str]:
    """The words that stand somewhere in a file as they are."""
    data = path.read_bytes()
    return (word for word in words if word.encode() in data)


def _secret(out: bytes) -> str:
    """The secret that a command printed, once and alone on stdout."""
    (line,) = out.decode().splitlines()
    return line.strip()
