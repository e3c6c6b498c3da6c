"""HEP, the Homer Encapsulation Protocol: how SIP servers mirror their messages to a collector.

    v2, v3        bytes of one message -> what it says (version 1 is version 2 without a time)
    transports    its number of a transport -> the probe's name
    decoder       keys, payload types, clocks, duplicates -> a datagram, or a counted refusal
    framing       messages in a TCP stream
    sockets, connections   where agents send to
    source        all of this together: `HepSource`

Spoken by Kamailio (siptrace), OpenSIPS (proto_hep), Asterisk (res_hep), FreeSWITCH (Sofia-SIP) and
many capture agents. Each byte is hostile: nothing here raises on any, and memory does not depend
on what is sent.
"""

from __future__ import annotations

from zt.sip.hep.counters import HepCounters
from zt.sip.hep.decoder import HepDecoder
from zt.sip.hep.settings import HepSettings
from zt.sip.hep.sockets import Endpoint
from zt.sip.hep.source import HepSource

__all__ = ["Endpoint", "HepCounters", "HepDecoder", "HepSettings", "HepSource"]
