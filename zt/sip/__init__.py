"""The SIP probe: traffic in, security events out.

    capture/       pcap and pcapng files, link layers -> datagrams
    parse          one datagram -> the needed headers of one SIP message (headers: their grammar)
    transactions   messages -> requests with one outcome each; timers on capture time
    auth           nonces, challenges, proven addresses
    calls, registrations   what lasts longer than a transaction
    scanners       signatures, as data
    events         the events and their fields
    rules          which outcome is which event, and which is none
    probe          all of this together
    replay         one capture file from beginning to end
    stats          limits and counters
    tables         the one kind of memory that all of this has

`probe_capture` reads one file; a `Probe` is fed datagrams from anywhere. All bytes are hostile:
memory is bounded (`Limits`), time is linear, and `CaptureError` is the only exception.
"""

from __future__ import annotations

from zt.sip.capture import Datagram
from zt.sip.events import Agent, Event
from zt.sip.probe import Probe
from zt.sip.replay import CaptureEvents, probe_capture
from zt.sip.stats import Limits, Stats

__all__ = [
    "Agent",
    "CaptureEvents",
    "Datagram",
    "Event",
    "Limits",
    "Probe",
    "Stats",
    "probe_capture",
]
