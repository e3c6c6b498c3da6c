"""From captured frames to the messages in them.

    read_frames   a pcap or pcapng file -> frames (time, link type, bytes)
    Decoder       frames -> datagrams, through the following
    link          where the IP header starts in a frame
    ip            IP headers, extension headers, tunnels
    fragments     packets put together
    tcp/          SIP in TCP streams and WebSockets
    duplicates    what was captured twice counts once
    shares        the memory of fragments and connections: bounded, and nobody has it alone

Every byte is hostile: a length is checked before it is believed, what is held is bounded
(`CaptureLimits`), and nothing but `CaptureError` is raised, by `read_frames` only. Not handled:
TLS, SCTP, MPLS, 802.3 frames without an EtherType, GRE with source routes.
"""

from __future__ import annotations

from zt.sip.capture.counters import CaptureCounters
from zt.sip.capture.datagram import Datagram
from zt.sip.capture.decoder import Decoder
from zt.sip.capture.duplicates import Duplicates
from zt.sip.capture.limits import CaptureLimits
from zt.sip.capture.link import LINK_TYPES
from zt.sip.capture.read import read_frames
from zt.sip.capture.source import Frame

__all__ = [
    "LINK_TYPES",
    "CaptureCounters",
    "CaptureLimits",
    "Datagram",
    "Decoder",
    "Duplicates",
    "Frame",
    "read_frames",
]
