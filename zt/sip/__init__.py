"""The SIP probe: traffic in, security events out.

    capture/       pcap and pcapng files, frames, fragments and streams -> datagrams
    live/, hep/    the same from interfaces, and from what proxies mirror (source: what they share)
    parse          one datagram -> the needed headers of one SIP message (parts, headers: grammar)
    transactions   messages -> requests with one outcome each; timers on capture time
    auth           nonces and challenges: wrong passwords
    proofs         proven addresses
    calls, registrations, keepalives   what lasts longer than a transaction
    subject        what of a request is remembered for events
    scanners, fingerprint   signatures, as data; habits of software
    geoip          where addresses are, by the user's own file
    events         the events and their fields (schema: the same as a JSON schema)
    rules          which outcome is which event, and which is none
    throttle/      what keeps a flood from becoming a flood of events, and counters
    probe          all of this together
    replay         one capture file from beginning to end
    watch          a source for as long as it runs (load: how much to shed, settings, figures)
    stats, timers  limits and counters; how long to wait
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
from zt.sip.throttle import Rates, SamplerSettings, ThrottleSettings
from zt.sip.timers import Timers

__all__ = [
    "Agent",
    "CaptureEvents",
    "Datagram",
    "Event",
    "Limits",
    "Probe",
    "Rates",
    "SamplerSettings",
    "Stats",
    "ThrottleSettings",
    "Timers",
    "probe_capture",
]
