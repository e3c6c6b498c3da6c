"""What a listening honeypot counts, and how it shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_TRANSPORTS: Final = ("UDP", "TCP", "TLS")
REFUSALS: Final = ("address", "broadcast", "port", "self")
LIMITS: Final = ("source", "all", "bytes")


@dataclass(slots=True)
class ListenCounters:
    """Numbers that only grow.

    Attributes:
        messages: that came, by transport, also those that are no SIP.
        foreign: of these, those that are no SIP, or no whole message.
        responses: of these, responses, which are never answered.
        replies: that were sent, by transport.
        received_bytes, sent_bytes: payloads of both, without headers of lower layers.
        refused: messages not answered, by what is wrong with their addresses (`refusal`).
        limited: messages not answered, or replies not sent, by the limit that forbade it.
        withheld: replies that would have been more than a source that is not proven had sent.
        overflowed: replies that found no place to wait for their time.
        unsent: replies that the system did not take, or whose connection had ended.
        errors: of sockets, mostly by ICMP.
        connections: that were accepted.
        hurried: of these, closed at once, since their source, or handshakes in all, came too fast.
        evicted: of these, those that gave way to a new one.
        timed_out: of these, those that were silent or slow for too long.
        broken: of these, those that spoke no SIP, or failed in their handshake.
        exhausted: how often the system had no file descriptor for a new connection.
    """

    messages: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TRANSPORTS, 0))
    foreign: int = 0
    responses: int = 0
    replies: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_TRANSPORTS, 0))
    received_bytes: int = 0
    sent_bytes: int = 0
    refused: dict[str, int] = field(default_factory=lambda: dict.fromkeys(REFUSALS, 0))
    limited: dict[str, int] = field(default_factory=lambda: dict.fromkeys(LIMITS, 0))
    withheld: int = 0
    overflowed: int = 0
    unsent: int = 0
    errors: int = 0
    connections: int = 0
    hurried: int = 0
    evicted: int = 0
    timed_out: int = 0
    broken: int = 0
    exhausted: int = 0


MEANINGS: Final = {
    "messages": "Messages that came.",
    "foreign": "Messages that are no SIP, or not whole.",
    "responses": "Responses that came, which are never answered.",
    "replies": "Replies sent.",
    "received_bytes": "Bytes of messages that came.",
    "sent_bytes": "Bytes of replies.",
    "refused": "Messages not answered for their addresses.",
    "limited": "Messages and replies dropped by a limit.",
    "withheld": "Replies larger than what an unproven source had sent.",
    "overflowed": "Replies that found no place to wait.",
    "unsent": "Replies that could not be sent.",
    "errors": "Errors of sockets.",
    "connections": "Connections accepted.",
    "hurried": "Connections closed at once, since too many came.",
    "evicted": "Connections that gave way to a new one.",
    "timed_out": "Connections closed since they were silent or slow.",
    "broken": "Connections that spoke no SIP.",
    "exhausted": "Times that no file descriptor was left.",
}
LABELS: Final = {"messages": "transport", "replies": "transport", "refused": "reason",
                 "limited": "limit"}  # fmt: skip
