"""Messages of whole calls and registrations, for tests of the probe's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from support.sip_packets import AGENT, PHONE, SERVER, Step, answer, ask, datagram
from zt.sip import Event, Limits, Probe, Timers


def run(
    *steps: Step,
    limits: Limits | None = None,
    timers: Timers | None = None,
    until: float = 0,
    end: bool = False,
) -> tuple[list[Event], Probe]:
    """Feeds a probe that holds nothing back, lets time pass; gives its events and itself."""
    probe = Probe(AGENT, limits, timers=timers, throttle=None)
    events = [event for step in steps for event in probe.feed(datagram(*step))]
    if until:
        events += probe.advance(datagram(until, PHONE, SERVER, "").time)
    if end:
        events += probe.finish()
    return events, probe


def exchange(
    at: float,
    method: str,
    status: int,
    *,
    client: str = PHONE,
    server: str = SERVER,
    answer_tag: str = "callee",
    extra: Sequence[str] = (),
    response: Sequence[str] = (),
    **more: Any,
) -> list[Step]:
    """A request and its answer 10 ms later."""
    request = ask(method, extra=extra, **more)
    return [
        (at, client, server, request),
        (at + 0.01, server, client, answer(request, status, tag=answer_tag, extra=response)),
    ]


def call(at: float = 0, *, session: int = 0, acknowledged: bool = True, **more: Any) -> list[Step]:
    """An INVITE that rings after 0.5 s and is answered 2 s later."""
    invite = ask("INVITE", **more)
    extra = [f"Session-Expires: {session};refresher=uac"] if session else []
    steps: list[Step] = [
        (at, PHONE, SERVER, invite),
        (at + 0.1, SERVER, PHONE, answer(invite, 100)),
        (at + 0.5, SERVER, PHONE, answer(invite, 180, tag="callee")),
        (at + 2.5, SERVER, PHONE, answer(invite, 200, tag="callee", extra=extra)),
    ]
    if acknowledged:
        steps.append((at + 2.6, PHONE, SERVER, acknowledge(**more)))
    return steps


def acknowledge(*, to_tag: str = "callee", **more: Any) -> str:
    """The ACK of a 2xx: a branch of its own, the CSeq of the INVITE."""
    return ask("ACK", to_tag=to_tag, branch="z9hG4bK-ack", **more)


def bye(at: float, status: int = 200, **more: Any) -> list[Step]:
    """The caller hangs up."""
    return exchange(at, "BYE", status, to_tag="callee", n=9, **more)
