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
    SERVER_V6,
    USERS,
    passwords_to_try,
    words,
)


@dataclass(frozen=True)
class Phase:
    """One program run by one party."""

    name: str
    kind: Literal["good", "bad"]
    source: str
    does: str  # for the ground truth: what it is, in one line
    command: list[str]
    codes: tuple[int, ...] = (0,)  # exit codes that mean it went as planned
    prints: str = ""  # must occur in its output
    beside: bool = False  # goes on while later stages run


def good(name: str, role: str, does: str, command: list[str], beside: bool = False) -> Phase:
    """A phase of an ordinary user; sipp itself checks every answer against the scenario."""
    return Phase(f"{role}-{name}", "good", USERS[role].address, does, command, beside=beside)


def bad(
    name: str, role: str, does: str, command: list[str], prints: str = "", beside: bool = False
) -> Phase:
    """A phase of an attacker.

    SIPVicious ends with 0 when it found nothing, 40 when it found something, and 30 when an address
    did not answer. All three are ordinary outcomes, so what it prints is checked as well.
    """
    return Phase(name, "bad", ATTACKERS[role].address, does, command, (0, 30, 40), prints, beside)


def plan() -> list[list[Phase]]:
    """The stages; the phases of a stage run side by side, and the last stage after all others."""
    return [before(), *between(), after()]


def before() -> list[Phase]:
    """Everybody's phone registers."""
    return [
        good("register", role, "401, then 200", do.register(user)) for role, user in USERS.items()
    ]


def after() -> list[Phase]:
    """Everybody's phone registers again, all attacks being over."""
    return [
        good("re-register", role, "401, then 200", do.register(user))
        for role, user in USERS.items()
    ]


def between() -> list[list[Phase]]:
    """Attacks, and ordinary traffic beside them. One phone does one thing at a time."""
    u = USERS
    a = {role: attacker.address for role, attacker in ATTACKERS.items()}
    return [
        [
            *long_lasting(),
            good("call", "caller", "answered", do.call(u["caller"], u["desk"].name, talk=1.5)),
            good("call", "six", "IPv6 to IPv4, answered", do.call(u["six"], u["berlin"].name)),
        ],
        [
            bad(
                "svmap-v4",
                "sweeper",
                "OPTIONS to ten ports of eight addresses, three of which exist",
                do.svmap(a["sweeper"], "198.51.100.8/29"),
                prints="198.51.100.12:5060",
            ),
            good("mistype", "typist", "wrong password, once", do.mistype(u["typist"], MISTYPED)),
            good("keepalive", "tcp", "CRLF over TCP", do.keepalive(u["tcp"])),
        ],
        [
            good("retry", "typist", "right password, 200", do.register(u["typist"])),
            good("call", "berlin", "UDP to TCP, answered", do.call(u["berlin"], u["tcp"].name)),
        ],
        [
            bad(
                "svwar-numbers",
                "dialler",
                "REGISTER for 70 phone numbers, one of which exists",
                do.svwar_numbers(a["dialler"], *NUMBERS_HIT),
                prints=u["berlin"].name,
            ),
            good("keepalive", "typist", "CRLF over UDP", do.keepalive(u["typist"])),
            good("busy", "caller", "486", do.call(u["caller"], u["london"].name, "call_busy")),
        ],
        [
            bad(
                "svcrack-one-nonce",
                "hammer",
                "74 passwords for one user, all with one nonce; none is right",
                do.svcrack(a["hammer"], u["desk"], words("passwords"), "-n"),
                prints="found nothing",
                beside=True,  # svcrack waits ten seconds before it gives up
            ),
            good("nobody", "six", "404", do.call(u["six"], NOBODY, "call_nobody")),
            good("cancel", "tcp", "487", do.call(u["tcp"], u["washington"].name, "call_cancelled")),
        ],
        [
            bad(
                "svmap-v6",
                "wanderer",
                "OPTIONS to ten ports of two IPv6 addresses",
                do.svmap(a["wanderer"], *SERVER_V6),
                prints=SERVER_V6[1],
            ),
            bad(
                "svwar-names",
                "burglar",
                "REGISTER for 69 names, one of which exists",
                do.svwar_names(a["burglar"]),
                prints=u["desk"].name,
            ),
            good("call", "weak", "answered", do.call(u["weak"], u["desk"].name)),
        ],
        [
            bad(
                "svwar-v6",
                "wanderer",
                "REGISTER for 64 phone numbers over IPv6, none of which exists",
                do.svwar_numbers(a["wanderer"], *NUMBERS_MISS),
                prints="found nothing",
            ),
            good("call-v6", "caller", "IPv4 to IPv6", do.call(u["caller"], u["six"].name)),
        ],
        [
            bad(
                "svcrack-found",
                "burglar",
                "75 passwords for one user; the last one is right",
                do.svcrack(a["burglar"], u["weak"], passwords_to_try()),
                prints=u["weak"].password,
            ),
            good("register-beside", "tcp", "401, then 200", do.register(u["tcp"])),
        ],
        [
            good("call", "tcp", "TCP to UDP, answered", do.call(u["tcp"], u["desk"].name)),
            good("call", "washington", "answered", do.call(u["washington"], u["six"].name)),
            good(
                "busy-again", "caller", "486", do.call(u["caller"], u["london"].name, "call_busy")
            ),
        ],
    ]


def long_lasting() -> list[Phase]:
    """What goes on for most of the run."""
    u = USERS
    return [
        good("refresh", "desk", "seven times 401, then 200", do.register(u["desk"], 7, 4), True),
        good("refresh", "london", "six times 401, then 200", do.register(u["london"], 6, 5), True),
        good("expired", "sleeper", "expired nonce: 401, then 200", do.expire(u["sleeper"]), True),
        bad(
            "slow-guesser",
            "creeper",
            "12 wrong passwords for one user, one in two seconds, with a phone's User-Agent",
            do.creep(ATTACKERS["creeper"].address, u["caller"], u["weak"], every=2),
            beside=True,
        ),
    ]
