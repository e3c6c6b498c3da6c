"""How much the probe may remember, and what it has seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from zt.errors import InputError
from zt.sip.capture import CaptureCounters


@dataclass(frozen=True, slots=True)
class Limits:
    """How much the probe remembers at most; the oldest leaves first.

    The defaults hold a busy site. An open transaction takes about 1.5 kB beside the bytes of its
    request. A call or binding takes 2 kB normally, and at most about 6 kB if its sender fills every
    text up; the other entries are smaller.

    Attributes:
        transactions: in each of five rooms; a thousand new ones each second.
        challenges: not yet answered.
        request_bytes: of the requests of transactions, in each of these rooms, and of challenges.
        calls: open at the same time.
        registrations: bindings.
        nonces: given out, and accepted.
        proofs: pairs of a proven client and its server.
        keep_alives: what is polled.
        parse_errors: distinct broken messages, to absorb their repeats.

    Raises:
        InputError: a limit below 1.
    """

    transactions: int = 32_768
    challenges: int = 32_768
    request_bytes: int = 64 << 20
    calls: int = 131_072
    registrations: int = 131_072
    nonces: int = 131_072
    proofs: int = 131_072
    keep_alives: int = 32_768
    parse_errors: int = 4_096

    def __post_init__(self) -> None:
        for one in fields(self):
            if getattr(self, one.name) < 1:
                raise InputError(
                    f"the limit {one.name} of the probe is {getattr(self, one.name)}",
                    "give at least 1; the defaults hold a busy site",
                )


@dataclass(slots=True)
class Stats:
    """What was seen and what became of it.

    Attributes:
        capture: the counters of frames.
        datagrams: what came from captures and elsewhere; the following are parts of them.
        cut: datagrams that the snap length cut.
        cut_unusable: of these, those with too little left.
        not_sip: pings, STUN, RTP and everything else that does not claim to be SIP.
        pings: of these, keep-alives of empty lines or zeros (RFC 5626 section 3.5.1).
        parse_errors: broken SIP, repeats included.
        requests, responses: SIP messages.
        retransmissions: of these, repeats that were absorbed.
        unmatched_responses: of these, responses to requests that were not seen.
        keep_alives: outcomes of polling that were no news.
        calls_forgotten: calls that left because there were too many.
        calls_timed_out: calls that ended without BYE.
        bindings_forgotten: bindings that left because there were too many.
        events: events by type.
    """

    capture: CaptureCounters = field(default_factory=CaptureCounters)
    datagrams: int = 0
    cut: int = 0
    cut_unusable: int = 0
    not_sip: int = 0
    pings: int = 0
    parse_errors: int = 0
    requests: int = 0
    responses: int = 0
    retransmissions: int = 0
    unmatched_responses: int = 0
    keep_alives: int = 0
    calls_forgotten: int = 0
    calls_timed_out: int = 0
    bindings_forgotten: int = 0
    events: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """All counters, for display."""
        return asdict(self)
