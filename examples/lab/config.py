"""Who takes part in the lab: the server, the ordinary users, the attackers.

Every name is fixed and random-looking, at least eight characters long, so that a test can search
encrypted output for it and take an absence as proof. Addresses come from the documentation ranges
(RFC 5737, RFC 3849), phone numbers from ranges set aside for fiction, so nothing here is anybody's.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUN = HERE / "run"  # everything temporary; git-ignored
SCENARIOS = HERE / "scenarios"
WORDS = HERE / "words"

DOMAIN = "hv3kxq9wbn.example"
SIPVICIOUS = "sipvicious==0.3.8"
NONCE_SECONDS = 5  # short, so that a nonce can expire within the run
SIP_PORTS = "5060-5079"  # all ports that phones and scanners use; what the capture keeps

# The server has several addresses, as a provider's front has, so that a sweep meets some of them.
SERVER_V4 = ("198.51.100.10", "198.51.100.11", "198.51.100.12")
SERVER_V6 = ("2001:db8:51::10", "2001:db8:51::11")


def server_for(address: str) -> str:
    """The server's first address in the family of `address`."""
    return SERVER_V6[0] if ip_address(address).version == 6 else SERVER_V4[0]


def bracketed(address: str) -> str:
    """`address` as it stands in a URI or in front of a port."""
    return f"[{address}]" if ip_address(address).version == 6 else address


@dataclass(frozen=True)
class User:
    """An ordinary subscriber and the phone he uses.

    `port` is where the phone listens for calls; it registers and calls out from `port + 10`,
    because sipp can't play a client and a server on one socket.
    """

    name: str
    password: str
    display: str
    agent: str
    header: str
    address: str
    port: int = 5060
    transport: str = "udp"
    answers: str = ""  # the scenario of the phone that waits for calls; none does without

    @property
    def client_port(self) -> int:
        return self.port + 10


@dataclass(frozen=True)
class Attacker:
    """A source of attacks; `kinds` is what a detection should say about it (see truth.KINDS)."""

    address: str
    kinds: tuple[str, ...]


OFFICE = "203.0.113.40"  # three users behind one address: many users there are no enumeration

USERS = {
    "desk": User(
        name="tq7mzkw2pd",
        password="Wq8-tundra-Zk41vm",
        display="Qivorelm Tashkend",
        agent="Veltronix-VX420/7.31.9-k2mq",
        header="X-Kd83-Device: 7f3mzq0vlt",
        address="203.0.113.21",
        answers="answer",
    ),
    "caller": User(
        name="bx4nvhr8ck",
        password="nEv5r0lm/pydQ72x",
        display="Oshrade Blimmquist",
        agent="Morphone Deskset 3110 (fw 2.18.5-pz6t)",
        header="X-Kd83-Device: 2c9hwn5rxb",
        address="203.0.113.22",
    ),
    "tcp": User(
        name="jw9fyq3ltz",
        password="ju7Kpl.okre33Lmn",
        display="Ferzanik Ulmhorst",
        agent="Sablecom-Softphone/11.0.4 qr8v",
        header="P-Wq8x-Location: vk5bzm-floor3-rnq7",
        address="203.0.113.23",
        transport="tcp",
        answers="answer",
    ),
    "six": User(
        name="gm6rdpx5ah",
        password="Ptz93-ulkom-Bq0d",
        display="Yarlunde Kvistoom",
        agent="Pelikaan-6/0.9.44-mzt1",
        header="X-Kd83-Device: 9z1qtk8ydm",
        address="2001:db8:7a21::24",
        answers="answer",
    ),
    "typist": User(
        name="zk2cwtn7vy",
        password="Hx6trelby_84Zuqo",
        display="Ingvarth Pelosquin",
        agent="Veltronix-VX110/5.02.2-h8wn",
        header="X-Kd83-Device: 5p7vjc3xgq",
        address="203.0.113.25",
    ),
    "sleeper": User(
        name="ph8lsjq4fe",
        password="c4Drumlin%Voq91s",
        display="Tamsolen Drekwater",
        agent="Morphone Deskset 2050 (fw 1.77.0-bq3x)",
        header="P-Wq8x-Location: hs2wtf-annex1-lpk4",
        address="198.51.100.126",
    ),
    "weak": User(
        name="xd5vgbm9ru",
        password="sommer2019-rq",
        display="Wilbrecht Oonagher",
        agent="Tallowfield ATA-2/3.3.17-c5ye",
        header="X-Kd83-Device: 8n4kfs6pza",
        address=OFFICE,
        port=5062,
    ),
    "berlin": User(
        name="+493023125417",
        password="Zs1-kofta-8Mwple",
        display="Brunhalde Zessnik",
        agent="Tallowfield ATA-8/4.0.1-w7dj",
        header="X-Kd83-Device: 3d8ymh1tvk",
        address=OFFICE,
        answers="answer",
    ),
    "london": User(
        name="+442079460358",
        password="aQ50-Yelmark-tr7",
        display="Crispwell Fanthorne",
        agent="Tallowfield ATA-8/4.0.1-w7dj",
        header="X-Kd83-Device: 6w0bxr2njs",
        address=OFFICE,
        port=5061,
        answers="busy",
    ),
    "washington": User(
        name="+12025550147",
        password="vB3kindrel*71Pog",
        display="Delphira Stonnequay",
        agent="Pelikaan-6/0.9.41-xq8c",
        header="P-Wq8x-Location: zt9gnb-dock7-wfv2",
        address="2001:db8:7a21::33",
        answers="ring",
    ),
}

MISTYPED = "Hx6trelby_84Zuqp"  # the typist's password, last letter missed by one key
NOBODY = "qf3yhwz8nk"  # an ordinary user dials this name, which does not exist

ATTACKERS = {
    "sweeper": Attacker("198.51.100.77", ("probe",)),
    "dialler": Attacker("203.0.113.91", ("scan",)),
    "burglar": Attacker("198.51.100.83", ("scan", "guess")),
    "hammer": Attacker("203.0.113.164", ("guess",)),
    "creeper": Attacker("203.0.113.58", ("guess",)),
    "wanderer": Attacker("2001:db8:c0de::66", ("probe", "scan")),
}

# Address -> name of the host there. Each host gets a network namespace of its own.
HOSTS = {user.address: role for role, user in USERS.items()}
HOSTS |= {attacker.address: role for role, attacker in ATTACKERS.items()}
HOSTS[OFFICE] = "office"

# svwar's numbers: a block around the Berlin user, and a block of which nobody has a number.
NUMBERS_HIT = ("+493023125%03d", "380-449")
NUMBERS_MISS = ("+493023125%03d", "700-763")


def words(name: str) -> list[str]:
    """The lines of a word list in `words/`."""
    return (WORDS / f"{name}.txt").read_text(encoding="ascii").split()


def names_to_try() -> list[str]:
    """svwar's dictionary: common names, and in the middle one that exists."""
    names = words("names")
    middle = len(names) // 2
    return [*names[:middle], USERS["desk"].name, *names[middle:]]


def passwords_to_try() -> list[str]:
    """svcrack's dictionary; the weak user's password is the last, after many failures."""
    return [*words("passwords"), USERS["weak"].password]


def passwords_to_creep() -> list[str]:
    """The slow guesser's dozen; none is right."""
    return words("passwords")[:12]
