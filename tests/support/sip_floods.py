"""Events and datagrams in masses, and what is left of them after the throttle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from support.sip_packets import AGENT, SERVER, START, packed
from zt.sip import Datagram, Event
from zt.sip.throttle import Throttle, ThrottleSettings

SECOND = 1_000_000
REGISTER = (
    "REGISTER sip:pbx.example SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK-{n}\r\n"
    "From: <sip:{n}@pbx.example>;tag={n}\r\nTo: <sip:{n}@pbx.example>\r\n"
    "Call-ID: flood-{n}\r\nCSeq: 1 REGISTER\r\nContent-Length: 0\r\n\r\n"
)


def made(
    seconds: float, source: str = "192.0.2.1", kind: str = "auth-failed", *, proven: bool = False
) -> tuple[int, Event]:
    """An event as the rules make it, and when; only what the throttle looks at."""
    time = START + round(seconds * SECOND)
    client = {"ip": source, "port": 5060, "transport": "UDP", "proven": proven}
    return time, {"@timestamp": f"at {seconds}", "type": kind, "client": client}


def address(number: int) -> str:
    """One of sixteen million IPv4 addresses."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def throttled(
    events: Iterable[tuple[int, Event]],
    settings: ThrottleSettings | None = None,
    throttle: Throttle | None = None,
    *,
    end: bool = True,
) -> list[Event]:
    """What is sent of events; time is let pass once a second."""
    throttle = throttle or Throttle(settings or ThrottleSettings(), AGENT)
    sent: list[Event] = []
    second = 0
    for time, event in events:
        if time // SECOND != second:
            second = time // SECOND
            sent += throttle.advance(time)
        sent += throttle.take([event], time)
    return sent + (throttle.finish() if end else [])


def weight(event: Event) -> int:
    """How many events one stands for."""
    others = event.get("rate", {}).get("ex_diff", 0)
    assert type(others) is int
    return 1 + others


def weights(events: Iterable[Event]) -> Counter[str]:
    """How many events of each type these stand for."""
    found: Counter[str] = Counter()
    for event in events:
        found[event["type"]] += weight(event)
    return found


def of_source(events: Iterable[Event], source: str) -> list[Event]:
    """The events that name a source."""
    return [event for event in events if event.get("client", {}).get("ip") == source]


def rates(events: Iterable[Event], field: str) -> list[Any]:
    """One of the fields of `rate`, where there is one."""
    return [event["rate"][field] for event in events if "rate" in event]


def registers(number: int, sources: list[str], per_second: int = 20_000) -> Iterator[Datagram]:
    """A flood of REGISTERs that nobody answers, from sources in turn."""
    addresses = [packed(source) for source in sources]
    server = packed(SERVER)
    for n in range(number):
        time = START + n * SECOND // per_second
        payload = REGISTER.format(n=n).encode()
        yield Datagram(time, addresses[n % len(addresses)], 5060, server, 5060, payload, "UDP")
