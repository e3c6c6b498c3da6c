"""What the HEP source has seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class HepCounters:
    """What came from agents and what became of it. Each message is in exactly one of the groups.

    Attributes:
        messages: HEP messages, of any version and over any transport.
        datagrams: of these, those that gave a datagram for the probe.
        malformed: headers or chunks that contradict themselves, or a version that is unknown.
        other_payload: no SIP inside (RTCP, logs, keep-alives), or nothing at all.
        unauthorised: the key is missing or wrong.
        oversized: compressed payloads that would grow beyond what a SIP message may be.
        duplicates: the same message was seen already.
        strangers: datagrams and connections from addresses that are no agent's.
        clock_corrected: of the datagrams, those whose time was absurd: that of arrival counts.
        connections: TCP connections that were taken.
        connections_refused: those that came while too many were open.
        connections_broken: those that were closed because what came was no HEP.
        connections_evicted: those that were silent and gave way to new ones.
    """

    messages: int = 0
    datagrams: int = 0
    malformed: int = 0
    other_payload: int = 0
    unauthorised: int = 0
    oversized: int = 0
    duplicates: int = 0
    strangers: int = 0
    clock_corrected: int = 0
    connections: int = 0
    connections_refused: int = 0
    connections_broken: int = 0
    connections_evicted: int = 0
