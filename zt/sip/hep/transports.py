"""HEP's number for a payload's transport -> the probe's name.

The number is that of the IP protocol, but TLS and WebSocket have none: Kamailio calls all of TLS,
WS and WSS 22, FreeSWITCH calls WS and WSS 6. The topmost Via of a message names the transport of
the very hop that it was captured on (RFC 3261, section 18.1.1), and tells them apart.
"""

from __future__ import annotations

import re

_UDP, _TCP, _IDP, _SCTP = 17, 6, 22, 132
_STREAMS = {_TCP: "TCP", _IDP: "TLS", _SCTP: "SCTP"}
_MAY_BE_WEBSOCKET = frozenset({_TCP, _IDP})
_HEAD = 4_096  # bytes of a message in which its first Via is looked for
_VIA = re.compile(rb"^(?:via|v)[ \t]*:[ \t]*sip[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*(\w+)", re.I | re.M)


def transport_of(protocol: int, payload: bytes) -> str:
    """The transport's name; UDP, which proves nothing about its sender, where it is unknown.

    Args:
        protocol: what the agent said.
        payload: the SIP message.
    """
    if protocol == _UDP:
        return "UDP"
    if protocol in _MAY_BE_WEBSOCKET and (via := _VIA.search(payload, 0, _HEAD)):
        said = via[1].upper()
        if said in (b"WS", b"WSS"):
            return said.decode()
    return _STREAMS.get(protocol, "UDP")
