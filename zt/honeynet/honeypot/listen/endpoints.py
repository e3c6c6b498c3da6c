"""Where a honeypot listens: `udp:0.0.0.0:5060`, `tcp:[::]:5060`, `tls:192.0.2.1:5061`."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Final, NamedTuple

from zt.errors import InputError
from zt.sockets import connections, datagrams

TRANSPORTS: Final = ("udp", "tcp", "tls")

_BACKLOG: Final = 512
# Linux, netinet/in.h; Python names it from 3.12 on only
IP_PKTINFO: Final = 8


class Endpoint(NamedTuple):
    """One socket to listen on.

    Attributes:
        transport: one of `TRANSPORTS`.
        host: a literal address; 0.0.0.0 and :: are all of their family.
        port: 0 lets the kernel choose one.
    """

    transport: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}:{self.port}"


def parse_endpoint(text: str) -> Endpoint:
    """Reads `TRANSPORT:ADDRESS:PORT`, with an IPv6 address in brackets.

    Raises:
        InputError: it is none.
    """
    transport, _, place = text.partition(":")
    host, colon, port = place.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    try:
        address = ip_address(host)
        number = int(port) if port.isascii() and port.isdigit() and len(port) < 6 else -1
        good = transport in TRANSPORTS and colon and 0 <= number <= 65_535
        if good and is_bracketed == (address.version == 6):
            return Endpoint(transport, str(address), number)
    except ValueError:
        pass
    raise InputError(
        f"can't listen on {text!r}: not TRANSPORT:ADDRESS:PORT",
        "write udp:0.0.0.0:5060, tcp:[::]:5060 or tls:192.0.2.1:5061",
    )


def open_endpoint(endpoint: Endpoint, receive_buffer: int) -> socket.socket:
    """Its socket, which listens from now on and does not block.

    One for datagrams tells, of each, the local address that it came to, so that it is answered
    from there also where it listens on all.

    Args:
        endpoint: where.
        receive_buffer: bytes of datagrams that the kernel may hold; see `zt.sockets.datagrams`.

    Raises:
        InputError: the address can't be used.
    """
    if endpoint.transport != "udp":
        return connections(endpoint.host, endpoint.port, "SIP", _BACKLOG)
    opened = datagrams(endpoint.host, endpoint.port, "SIP", receive_buffer)
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    else:
        opened.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    return opened
