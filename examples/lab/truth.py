"""The ground truth of a run, computed from the configuration and the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from config import (
    ATTACKERS,
    DOMAIN,
    MISTYPED,
    NOBODY,
    SERVER_V4,
    SERVER_V6,
    USERS,
    User,
    names_to_try,
    passwords_to_try,
)
from plan import Phase

KINDS = {
    "probe": "looks for SIP servers: OPTIONS to many addresses and ports (svmap)",
    "scan": "looks for users: REGISTER for many names or numbers (svwar)",
    "guess": "looks for a password: many credentials for one user (svcrack, a slow guesser)",
}


@dataclass(frozen=True)
class Record:
    """A phase that has run."""

    phase: Phase
    start: float
    end: float


def truth(records: list[Record], versions: dict[str, str]) -> dict[str, object]:
    """Everything a test needs to judge a detection, or to search for leaked plaintext."""
    users: dict[str, list[str]] = {}
    for user in USERS.values():
        users.setdefault(user.address, []).append(user.name)
    return {
        "capture": {"from": iso(records[0].start), "to": iso(max(r.end for r in records))},
        "server": {"addresses": [*SERVER_V4, *SERVER_V6], "domain": DOMAIN, "port": 5060},
        "kinds": KINDS,
        "attackers": {attacker.address: list(attacker.kinds) for attacker in ATTACKERS.values()},
        "ordinary": users,
        "phases": [described(record) for record in sorted(records, key=lambda r: r.start)],
        "users": [account(user) for user in USERS.values()],
        "passwords": sorted(
            {MISTYPED, *passwords_to_try(), *(user.password for user in USERS.values())}
        ),
        "names_tried": names_to_try(),
        "unknown_callee": NOBODY,
        "tools": versions,
    }


def described(record: Record) -> dict[str, object]:
    phase = record.phase
    return {
        "name": phase.name,
        "kind": phase.kind,
        "source": phase.source,
        "does": phase.does,
        "start": iso(record.start),
        "end": iso(record.end),
    }


def account(user: User) -> dict[str, str]:
    """A user's plaintext as it stands in messages; the password never does."""
    return {
        "name": user.name,
        "display": user.display,
        "agent": user.agent,
        "header": user.header,
        "address": user.address,
        "transport": user.transport,
    }


def iso(moment: float) -> str:
    """ISO 8601 in UTC, with microseconds, as in 2024-05-06T07:08:09.123456Z."""
    return (
        datetime.fromtimestamp(moment, UTC)
        .isoformat(timespec="microseconds")
        .replace("+00:00", "Z")
    )
