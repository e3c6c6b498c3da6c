"""A telephone server, telephones, attackers and observers for hosts of a `netns.Network`.

The server is a real Kamailio, configured as examples/lab has it; telephones are sipp with the
dialogues of examples/lab/scenarios and of `scenarios` beside this file; attackers are SIPVicious.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.netns import Host, Running

TOOLS = ("kamailio", "sipp", "tcpdump", "nft", "ip", "ethtool")
LAB = Path(__file__).parents[2] / "examples" / "lab"
DOMAIN = "telephony.example"
SERVER = "198.51.100.10"
_SCENARIOS = (Path(__file__).parent / "scenarios", LAB / "scenarios")
_NONCE_SECONDS = 600


def require_tools(require: Callable[[object, str], None]) -> None:
    """Skip, or fail, where programs are missing that this needs."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    require(not missing, f"telephony in namespaces needs {', '.join(missing)}")


@dataclass(frozen=True)
class Phone:
    """A subscriber's telephone: it waits for calls on 5060, registers and calls from 5070."""

    host: Host
    user: str
    password: str
    agent: str = "Morphone Deskset 3110 (fw 2.18.5)"
    transport: str = "udp"

    def listen(self, scenario: str = "answer", *options: str) -> Running:
        """Wait for calls, and play the scenario for each of them."""
        return self._sipp(scenario, self.host.address, 5060, *options)

    def act(self, scenario: str, *options: str, target: str = SERVER) -> Running:
        """Play a scenario with the server; `-m` says how often, once without."""
        account = ("-au", self.user, "-ap", self.password, "-auth_uri", DOMAIN)
        times = () if "-m" in options else ("-m", "1")
        end = (*times, *options, f"{target}:5060")
        return self._sipp(scenario, self.host.address, 5070, *account, *end)

    def _sipp(self, scenario: str, address: str, port: int, *options: str) -> Running:
        return sipp(
            self.host, scenario, address, port, *options,
            user=self.user, display=self.user, agent=self.agent, transport_name=self.transport,
        )  # fmt: skip


def sipp(host: Host, scenario: str, address: str, port: int, *options: str, **keys: str) -> Running:
    """Start sipp with a scenario by its name; `keys` fill in what the scenario leaves open."""
    file = next(
        folder / f"{scenario}.xml"
        for folder in _SCENARIOS
        if (folder / f"{scenario}.xml").is_file()
    )
    filled = {
        "domain": DOMAIN,
        "extra": "X-Lab: telephony",
        "contact_port": "5060",
        "transport_name": "udp",
        "session": "telephony",
    } | keys
    socket = {"udp": "u1", "tcp": "t1"}[filled["transport_name"]]
    named = [word for name, value in filled.items() for word in ("-key", name, value)]
    command = ("sipp", "-nostdin", "-sf", file, "-i", address, "-p", str(port), "-t", socket)
    return host.start(*command, *named, *options, name=f"sipp-{scenario}")


def kamailio(host: Host, folder: Path, phones: list[Phone]) -> Running:
    """Start the server, and wait until it answers."""
    text = (LAB / "kamailio.cfg").read_text()
    users = [f'\t$sht(users=>{phone.user}) = "{phone.password}";' for phone in phones]
    for blank, value in {
        "@RUN@": str(folder),
        "@DOMAIN@": DOMAIN,
        "@NONCE_SECONDS@": str(_NONCE_SECONDS),
        "@LISTEN@": f"listen=udp:{SERVER}:5060\nlisten=tcp:{SERVER}:5060",
        "@USERS@": "\n".join(users),
    }.items():
        text = text.replace(blank, value)
    path = folder / "kamailio.cfg"
    path.write_text(text)
    control = folder / "kamailio_ctl"
    command = ("kamailio", "-DD", "-E", "-f", path, "-P", folder / "kamailio.pid", "-w", folder)
    running = host.start(*command, "-m", "64", "-M", "8", name="kamailio")
    running.ready(control.is_socket)
    # The socket is there before the workers are.
    ping = ("kamcmd", "-s", f"unix:{control}", "core.version")
    running.ready(lambda: _succeeds(host, *ping))
    return running


def _succeeds(host: Host, *command: str) -> bool:
    try:
        host.run(*command)
    except AssertionError:
        return False
    return True


@contextmanager
def recorded(host: Host, path: Path) -> Iterator[Path]:
    """What passes the host's interface, as a capture that is complete after the block."""
    # ICMP errors quote SIP requests, and dissectors count the quotations.
    wanted = "(udp or tcp) and port 5060"
    command = ("tcpdump", "-Z", "root", "-i", "eth0", "-s", "0", "-n", "-U", "--immediate-mode")
    running = host.start(*command, "-w", path, wanted, name="tcpdump")
    running.ready(lambda: "listening on" in running.said())
    try:
        yield path
    finally:
        running.end(signal.SIGINT)


@contextmanager
def deaf(host: Host, every: int) -> Iterator[None]:
    """One of so many SIP packets to this host is lost, and those from it are not."""
    table = "lossy"
    rule = f"udp sport 5060 numgen inc mod {every} 0 drop"
    chain = f"chain input {{\ntype filter hook input priority 0;\n{rule}\n}}"
    host.run("nft", "-f", "-", stdin=f"table inet {table} {{\n{chain}\n}}\n")
    try:
        yield
    finally:
        host.run("nft", "delete", "table", "inet", table)


def sipvicious(program: str) -> Path:
    """Path of `svmap`, `svwar` or `svcrack`, installed as the lab does on its first run."""
    code = (
        "import config, tools; config.RUN.mkdir(exist_ok=True); tools.install_sipvicious(); "
        f"print(tools.sipvicious({program!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=LAB, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def attack(host: Host, program: str, *options: str) -> None:
    """Run one of SIPVicious' programs to its end; it ends with 30 or 40 where it found things."""
    # -x: without it they look up the name of this machine and put its address into every Via.
    command = (str(sipvicious(program)), "-v", "-x", host.address, *options)
    running = host.start(*command, name=program)
    code = running.wait(60)
    assert code in (0, 30, 40), running.said()
