"""What happens in the lab, and in which order.

Ordinary users come before, between, beside and after the attacks, so that no detection can pass by
looking at the time alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import commands as do
from config import (
    ATTACKERS,
    MISTYPED,
    NOBODY,
    NUMBERS_HIT,
    NUMBERS_MISS,
    USERS,
    Attacker,
    User,
    passwords_to_try,
    words,
)

# SIPVicious ends with 0 when it found nothing, 40 when it found something, and 30 when an address
# did not answer; all three are ordinary outcomes, so what it prints is checked as well.
SIPVICIOUS_CODES = (0, 30, 40)


@dataclass(frozen=True)
class Phase:
    """One program run by one party."""

    name: str
    kind: Literal["good", "bad"]
    source: str
    does: str  # for the ground truth: what it is, in one line
    command: list[str]
    codes: tuple[int, ...] = (0,)
    prints: str = ""  # must occur in its output
    beside: bool = False  # goes on while later stages run


def good(does: str, user: User, command: list[str], beside: bool = False) -> Phase:
    """A phase of an ordinary user; sipp itself checks every answer against the scenario."""
    name = f"{does.split(':')[0].replace(' ', '-')}-{user.name.lstrip('+')}"
    return Phase(name, "good", user.address, does, command, beside=beside)


def bad(
    name: str, does: str, attacker: Attacker, command: list[str], prints: str, beside: bool = False
) -> Phase:
    """A phase of an attacker who uses SIPVicious."""
    codes = SIPVICIOUS_CODES
    return Phase(name, "bad", attacker.address, does, command, codes, prints, beside)


def registrations(does: str) -> list[Phase]:
    """Every ordinary user registers once."""
    return [good(does, user, do.register(user)) for user in USERS.values()]


def plan() -> list[list[Phase]]:
    """The stages; the phases of a stage run side by side."""
    u, a = USERS, ATTACKERS
    return [
        registrations("register: 401, then 200"),
        [
            good("refresh: seven times", u["desk"], do.register(u["desk"], 7, 4), beside=True),
            good(
                "refresh again: six times", u["london"], do.register(u["london"], 6, 5), beside=True
            ),
            good(
                "expired nonce: 401, then 200", u["sleeper"], do.expire(u["sleeper"]), beside=True
            ),
            Phase(
                "slow-guesser",
                "bad",
                a["creeper"].address,
                "twelve wrong passwords for one user, one in 2.5 s, with a phone's User-Agent",
                do.creep(a["creeper"].address, u["caller"], u["weak"], every=2.5),
                beside=True,
            ),
            good("call: answered", u["caller"], do.call(u["caller"], u["desk"].name, talk=1.5)),
            good("call IPv6 to IPv4: answered", u["six"], do.call(u["six"], u["berlin"].name)),
        ],
        [
            bad(
                "svmap-v4",
                "OPTIONS to ten ports of eight addresses, three of which exist",
                a["sweeper"],
                do.svmap(a["sweeper"].address, "198.51.100.8/29"),
                prints="198.51.100.12:5060",
            ),
            good("mistype: wrong password, once", u["typist"], do.mistype(u["typist"], MISTYPED)),
            good("keepalive TCP: CRLF", u["tcp"], do.keepalive(u["tcp"])),
        ],
        [
            good("retry: right password, 200", u["typist"], do.register(u["typist"])),
            good("call UDP to TCP: answered", u["berlin"], do.call(u["berlin"], u["tcp"].name)),
        ],
        [
            bad(
                "svwar-numbers",
                "70 phone numbers, one of which exists",
                a["dialler"],
                do.svwar_numbers(a["dialler"].address, *NUMBERS_HIT),
                prints=u["berlin"].name,
            ),
            good("keepalive UDP: CRLF", u["typist"], do.keepalive(u["typist"])),
            good(
                "call busy: 486", u["caller"], do.call(u["caller"], u["london"].name, "call_busy")
            ),
        ],
        [
            good("call nobody: 404", u["six"], do.call(u["six"], NOBODY, "call_nobody")),
            good(
                "call cancelled: 487",
                u["tcp"],
                do.call(u["tcp"], u["washington"].name, "call_cancelled"),
            ),
            bad(
                "svcrack-one-nonce",
                "a dictionary of passwords for one user, all with one nonce; none is right",
                a["hammer"],
                do.svcrack(a["hammer"].address, u["desk"], words("passwords"), "-n"),
                prints="found nothing",
                beside=True,  # svcrack waits ten seconds before it gives up
            ),
        ],
        [
            bad(
                "svmap-v6",
                "OPTIONS to ten ports of two IPv6 addresses",
                a["six"],
                do.svmap(a["six"].address, "2001:db8:51::10", "2001:db8:51::11"),
                prints="2001:db8:51::11",
            ),
            bad(
                "svwar-names",
                "a dictionary of names, one of which exists",
                a["burglar"],
                do.svwar_names(a["burglar"].address),
                prints=u["desk"].name,
            ),
            good("call from office: answered", u["weak"], do.call(u["weak"], u["desk"].name)),
        ],
        [
            bad(
                "svwar-v6",
                "64 phone numbers over IPv6, none of which exists",
                a["six"],
                do.svwar_numbers(a["six"].address, *NUMBERS_MISS),
                prints="found nothing",
            ),
            good("call IPv4 to IPv6: answered", u["caller"], do.call(u["caller"], u["six"].name)),
        ],
        [
            bad(
                "svcrack-found",
                "a dictionary of passwords for one user; the last one is right",
                a["burglar"],
                do.svcrack(a["burglar"].address, u["weak"], passwords_to_try()),
                prints=u["weak"].password,
            ),
            good("register over TCP: 401, then 200", u["tcp"], do.register(u["tcp"])),
        ],
        [
            good("call TCP to IPv4: answered", u["tcp"], do.call(u["tcp"], u["desk"].name)),
            good("call after: answered", u["washington"], do.call(u["washington"], u["six"].name)),
            good(
                "busy again: 486", u["caller"], do.call(u["caller"], u["london"].name, "call_busy")
            ),
        ],
        # desk and london are still refreshing from the same port
        [
            good("re-register: 401, then 200", user, do.register(user))
            for name, user in u.items()
            if name not in ("desk", "london")
        ],
    ]
