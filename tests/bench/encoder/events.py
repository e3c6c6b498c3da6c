"""SIP events as a busy edge sees them, and the profiles that the benchmarks encrypt them under.

Nested, of 40 fields and about 1 KB. What names one dialog (Call-ID, branch, tags) is distinct in
every event; callers, callees and their addresses come from pools; servers and user agents are
few. The same number of events is always the same events.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from typing import Any, NamedTuple

import msgspec

from zt.profile import Profile

CALLERS = 5_000
CALLEES = 20_000
MEDIA = 60  # addresses of media relays
SHARE_OF_IPV6 = 0.1

FORTY_FIELDS = Profile.model_validate(
    {
        "name": "bench-forty-fields",
        "time": "@timestamp",
        "fields": {
            "@timestamp": {"scheme": "clear", "kind": "time"},
            "type": {"scheme": "clear"},
            "sip.from": {"scheme": "det", "keyspace": "identity", "search": ["gram"]},
            "sip.to": {"scheme": "det", "keyspace": "identity", "search": ["gram"]},
            "user_agent.original": {"scheme": "det", "search": ["gram"]},
            "uas.original": {"scheme": "det"},
            "sip.call_id": {"scheme": "det"},
            "sip.contact": {"scheme": "det"},
            "sip.auth.username": {"scheme": "det"},
            "sip.auth.realm": {"scheme": "det"},
            "sip.caller": {"scheme": "fpe", "keyspace": "number"},
            "sip.callee": {"scheme": "fpe", "keyspace": "number"},
            "client.ip": {"scheme": "ip", "keyspace": "address"},
            "server.ip": {"scheme": "ip", "keyspace": "address"},
            "media.ip": {"scheme": "ip", "keyspace": "address"},
        },
    }
)
"""8 det fields, 3 of them searched, 2 fpe, 3 ip; 2 clear, since stores need a time and jobs a
type; what is not named, 25 fields, is opaque. The det fields are those that the preset
sip-balanced shows: what people group by."""

DET_FIELDS = tuple(path for path, rule in FORTY_FIELDS.fields.items() if rule.scheme == "det")
SEARCHED = tuple(path for path, rule in FORTY_FIELDS.fields.items() if rule.search)
NUMBERS = ("sip.caller", "sip.callee")
ADDRESSES = ("client.ip", "server.ip", "media.ip")
CLEAR = ("@timestamp", "type")

DET_ONLY = Profile.model_validate(
    {"name": "bench-det-only", "fields": {path: {"scheme": "det"} for path in DET_FIELDS}}
)
"""8 det fields, each a keyspace of its own, and nothing else."""


class _Party(NamedTuple):
    uri: str
    number: str
    address: str


def sip_lines(count: int) -> list[bytes]:
    """That many events as lines of JSON, each with its end."""
    return [msgspec.json.encode(event) + b"\n" for event in sip_events(count)]


def det_lines(count: int) -> list[bytes]:
    """Flat events of the 8 fields of `DET_ONLY`, with the values that `sip_events` gives them."""
    return [
        msgspec.json.encode({path: value_at(event, path) for path in DET_FIELDS}) + b"\n"
        for event in sip_events(count)
    ]


def value_at(event: dict[str, Any], path: str) -> Any:
    """The value at a dotted path of a nested event."""
    value: Any = event
    for key in path.split("."):
        value = value[key]
    return value


def sip_events(count: int) -> Iterator[dict[str, Any]]:
    """That many events in the order of time."""
    draw = random.Random(6)
    callers = [_party(draw, number) for number in range(CALLERS)]
    callees = [_party(draw, number) for number in range(CALLERS, CALLERS + CALLEES)]
    media = [_address(draw) for _ in range(MEDIA)]
    start = datetime(2026, 3, 1, tzinfo=UTC)
    for number in range(count):
        time = start + timedelta(milliseconds=3 * number)
        yield _event(draw, time, draw.choice(callers), draw.choice(callees), draw.choice(media))


def _event(
    draw: random.Random, time: datetime, caller: _Party, callee: _Party, media: str
) -> dict[str, Any]:
    """One call that ended: 40 leaves."""
    host = caller.uri.partition("@")[2]
    status = draw.choice(_STATUS)
    seconds = draw.randrange(1, 600_000) / 1000
    packets = int(seconds * 50)
    return {
        "@timestamp": _text(time),
        "type": "call-end" if status == 200 else "call-failed",
        "sip": {
            "from": caller.uri,
            "to": callee.uri,
            "caller": caller.number,
            "callee": callee.number,
            "call_id": f"{draw.randbytes(16).hex()}@{host}",
            "from_tag": draw.randbytes(6).hex(),
            "to_tag": draw.randbytes(6).hex(),
            "via": {"branch": f"z9hG4bK{draw.randbytes(10).hex()}", "hops": draw.randrange(1, 5)},
            "cseq": draw.randrange(1, 9),
            "max_forwards": 70,
            "contact": f"sip:{caller.number}@{_host(caller.address)}",
            "allow": "INVITE, ACK, BYE, REFER",
            "request": {"method": "INVITE"},
            "response": {"status": status, "reason": _REASON[status]},
            "auth": {"username": caller.number, "realm": host},
            "originator": draw.choice(("caller-terminated", "callee-terminated")),
        },
        "client": {
            "ip": caller.address,
            "port": draw.randrange(1024, 65536),
            "transport": "UDP",
            "proven": True,
        },
        "server": {"ip": draw.choice(_SERVERS), "port": 5060},
        "media": {
            "ip": media,
            "codec": draw.choice(("PCMA", "PCMU", "opus", "G722")),
            "packets": packets,
            "lost": draw.randrange(0, 1 + packets // 100),
            "jitter": draw.randrange(0, 4000) / 100,
        },
        "uri": {"original": callee.uri},
        "user_agent": {"original": draw.choice(_USER_AGENTS)},
        "uas": {"original": draw.choice(_USER_AGENTS)},
        "event": {
            "messages": draw.randrange(4, 12),
            "call_start": _text(time - timedelta(seconds=seconds)),
            "duration": seconds,
        },
        "agent": {"type": "zt-probe", "name": "edge-1"},
    }


def _party(draw: random.Random, index: int) -> _Party:
    number = f"{draw.choice(('4930', '44207', '331', '1212'))}{draw.randrange(10**7, 10**8)}"
    host = f"pbx{index % 200}.example.net"
    return _Party(f"sip:+{number}@{host}", number, _address(draw))


def _address(draw: random.Random) -> str:
    if draw.random() < SHARE_OF_IPV6:
        return str(IPv6Address(0x20010DB8 << 96 | draw.getrandbits(96)))
    return str(IPv4Address(10 << 24 | draw.getrandbits(24)))


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _text(time: datetime) -> str:
    return time.isoformat(timespec="microseconds").replace("+00:00", "Z")


_STATUS = (200, 200, 200, 200, 486, 404, 487)
_REASON = {200: "OK", 486: "Busy Here", 404: "Not Found", 487: "Request Terminated"}
_SERVERS = ("192.0.2.10", "192.0.2.11", "198.51.100.10", "2001:db8:51::10")
_USER_AGENTS = tuple(
    f"{make}/{major}.{minor}.0"
    for make in ("Pelikaan-6", "Tallowfield ATA-8", "Quillbank-PBX", "Fernbrook SBC")
    for major in (3, 4)
    for minor in range(5)
)
