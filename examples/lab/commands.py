"""How the programs are called that play the users and the attackers."""

from __future__ import annotations

import sys

from config import (
    DOMAIN,
    HERE,
    NONCE_SECONDS,
    RUN,
    SCENARIOS,
    User,
    bracketed,
    names_to_try,
    passwords_to_creep,
    server_for,
)
from tools import sipvicious


def sipp(user: User, scenario: str, port: int, *options: str) -> list[str]:
    """One sipp process: a phone of `user` that plays a scenario."""
    keys = {
        "user": user.name,
        "domain": DOMAIN,
        "display": user.display,
        "agent": user.agent,
        "extra": user.header,
        "contact_port": str(user.port),
        "transport_name": user.transport,
        "session": f"{user.name}-{port}",
    }
    command = ["sipp", "-nostdin", "-sf", str(SCENARIOS / f"{scenario}.xml")]
    command += [
        "-i",
        user.address,
        "-p",
        str(port),
        "-t",
        {"udp": "u1", "tcp": "t1"}[user.transport],
    ]
    for name, value in keys.items():
        command += ["-key", name, value]
    return [*command, *options]


def listen(user: User) -> list[str]:
    """The phone of `user` waits for calls."""
    return sipp(user, user.answers, user.port)


def client(user: User, scenario: str, *options: str, password: str | None = None) -> list[str]:
    """The phone of `user` acts, once unless `options` say otherwise."""
    target = f"{bracketed(server_for(user.address))}:5060"
    account = ["-au", user.name, "-ap", password or user.password, "-auth_uri", DOMAIN]
    return [*sipp(user, scenario, user.client_port), *account, "-m", "1", *options, target]


def register(user: User, rounds: int = 1, pause: float = 0) -> list[str]:
    """Register; with more rounds, again and again with a pause in between."""
    return client(user, "register", "-key", "rounds", str(rounds), "-d", milliseconds(pause))


def call(caller: User, callee: str, scenario: str = "call", talk: float = 1.0) -> list[str]:
    """Call `callee`; the scenario says how it goes."""
    return client(caller, scenario, "-key", "callee", callee, "-d", milliseconds(talk))


def expire(user: User) -> list[str]:
    """Refresh with a nonce that has expired, two seconds ago at the least."""
    return client(user, "expired", "-d", milliseconds(NONCE_SECONDS + 2))


def mistype(user: User, password: str) -> list[str]:
    """Register with a wrong password, once."""
    return client(user, "wrong", "-inf", injection("mistype", user, [password]))


def creep(address: str, victim: User, phone: User, every: float) -> list[str]:
    """Slow guessing with sipp: one wrong password in `every` seconds, disguised as `phone`."""
    guesses = passwords_to_creep()
    disguise = User(victim.name, "", phone.display, phone.agent, phone.header, address)
    pace = ["-m", str(len(guesses)), "-r", "1", "-rp", milliseconds(every)]
    return client(disguise, "wrong", "-inf", injection("creep", victim, guesses), *pace)


def injection(name: str, user: User, passwords: list[str]) -> str:
    """A sipp injection file of one credential per line; returns its path."""
    path = RUN / f"{name}.csv"
    lines = [f"[authentication username={user.name} password={word}]" for word in passwords]
    path.write_text("\n".join(["SEQUENTIAL", *lines, ""]), encoding="ascii")
    return str(path)


def keepalive(user: User) -> list[str]:
    """Send what keeps a hole in a NAT open."""
    server = server_for(user.address)
    source = [user.address, str(user.client_port)]
    return [sys.executable, str(HERE / "keepalive.py"), user.transport, *source, server]


def svmap(address: str, *targets: str) -> list[str]:
    """Look for SIP servers: an OPTIONS to ten ports of each target."""
    return [*scanner("svmap", address), "-b", address, "-p", "5060-5069", *targets]


def svwar_numbers(address: str, template: str, numbers: str) -> list[str]:
    """Look for users in a block of phone numbers."""
    return [*scanner("svwar", address), "-T", template, "-e", numbers, server_for(address)]


def svwar_names(address: str) -> list[str]:
    """Look for users by a dictionary of names."""
    return [
        *scanner("svwar", address),
        "-d",
        dictionary("names", names_to_try()),
        server_for(address),
    ]


def svcrack(address: str, victim: User, passwords: list[str], *options: str) -> list[str]:
    """Guess the password of one user."""
    listed = dictionary(f"passwords-{len(passwords)}", passwords)
    guess = ["-b", address, "-u", victim.name, "-d", listed]
    return [*scanner("svcrack", address), *guess, *options, server_for(address)]


def scanner(program: str, address: str) -> list[str]:
    """What all three SIPVicious programs are told.

    -x: without it they look up the name of this machine and put its address into every Via. They
    put it there as it is, and Kamailio drops a Via with an IPv6 address that has no brackets.
    """
    family = ["-6"] if ":" in address else []
    return [str(sipvicious(program)), "-v", "-x", bracketed(address), *family]


def dictionary(name: str, entries: list[str]) -> str:
    """Write a dictionary for SIPVicious; returns its path."""
    path = RUN / f"{name}.dictionary"
    path.write_text("\n".join([*entries, ""]), encoding="ascii")
    return str(path)


def milliseconds(seconds: float) -> str:
    """A duration as sipp takes it."""
    return str(round(seconds * 1000))
