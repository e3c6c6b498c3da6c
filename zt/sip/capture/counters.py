"""What the capture layer has seen and what became of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CaptureCounters:
    """Counters of one `Decoder`. Every frame is in exactly one of the first group.

    Attributes:
        carried: frames that completed a datagram, or several.
        not_ip, other_transport: frames without UDP or TCP (ICMP too, whatever it quotes).
        malformed: headers that contradict themselves.
        cut_short: frames that the snap length cut inside a header.
        unsupported_link: frames of a link type that is not understood.
        duplicates: datagrams captured twice, of which one counts.
        fragments: fragments that completed nothing: kept, or dropped with their datagram.
        tcp_without_data: segments that brought no new data: control, repetitions, out of window.
        tcp_foreign: data of connections that speak no SIP.
        tcp_kept: data that completed no message: the rest has to come, or a body passed by.

        reassembled: datagrams put together from fragments.
        fragments_refused: datagrams whose fragments overlap or contradict each other.
        fragments_expired: datagrams that were not complete in time.
        fragments_evicted: datagrams given up because there were too many, or too many bytes.
        tcp_messages: messages found in streams, over WebSocket too.
        tcp_gaps: places where bytes of a stream were not captured.
        tcp_evicted: connections given up because there were too many, or too many bytes.
    """

    frames: int = 0
    carried: int = 0
    not_ip: int = 0
    other_transport: int = 0
    malformed: int = 0
    cut_short: int = 0
    unsupported_link: int = 0
    duplicates: int = 0
    fragments: int = 0
    tcp_without_data: int = 0
    tcp_foreign: int = 0
    tcp_kept: int = 0

    reassembled: int = 0
    fragments_refused: int = 0
    fragments_expired: int = 0
    fragments_evicted: int = 0
    tcp_messages: int = 0
    tcp_gaps: int = 0
    tcp_evicted: int = 0
