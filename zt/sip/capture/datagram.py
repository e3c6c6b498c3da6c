"""What every source of traffic gives the probe."""

from __future__ import annotations

import msgspec


class Datagram(msgspec.Struct, gc=False):  # it holds no containers
    """One message on the network, whatever carried it here (capture, live interface, HEP).

    Attributes:
        time: microseconds since 1970 (UTC).
        src: packed address of the sender, 4 or 16 bytes; `dst` likewise.
        transport: "UDP", "TCP", "TLS", "WS", "WSS" or "SCTP".
        cut: some of the payload's bytes were not captured.
        connected: the sender spoke over an established connection: its address is no mere claim.
    """

    time: int
    src: bytes
    src_port: int
    dst: bytes
    dst_port: int
    payload: bytes
    transport: str = "UDP"
    cut: bool = False
    connected: bool = False
