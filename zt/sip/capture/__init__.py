"""Capture files and link layers: from bytes of a file to UDP datagrams.

    read_frames   a pcap or pcapng file -> frames (time, link type, bytes)
    decode        one frame -> a `Datagram`, or the reason why there is none

Both treat every byte as hostile: a length is checked before it is believed, one frame is held in
memory at a time, and nothing but `CaptureError` is raised. Not handled yet, but counted: TCP and
fragments. Not handled at all: tunnels (GRE, IP in IP, MPLS) and 802.3 frames without an
EtherType.
"""

from __future__ import annotations

from zt.sip.capture.counters import CaptureCounters
from zt.sip.capture.decoder import Decoder
from zt.sip.capture.link import LINK_TYPES, Datagram, Skip, decode
from zt.sip.capture.read import read_frames
from zt.sip.capture.source import Frame

__all__ = [
    "LINK_TYPES",
    "CaptureCounters",
    "Datagram",
    "Decoder",
    "Frame",
    "Skip",
    "decode",
    "read_frames",
]
