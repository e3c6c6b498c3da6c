"""Who is asking: the peer of the connection, or whom a trusted proxy says it speaks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from starlette.requests import Request

from zt.errors import InputError
from zt.values.address import parse_address

Network = IPv4Network | IPv6Network


def parse_networks(texts: Iterable[str]) -> list[Network]:
    """Networks as people write them, as 10.0.0.0/8; one address is a network too.

    Raises:
        InputError: one is none.
    """
    networks = []
    for text in texts:
        try:
            networks.append(ip_network(text))
        except ValueError:
            raise InputError(
                f"{text!r} is no network", "write one as 10.0.0.0/8 or 2001:db8::/32"
            ) from None
    return networks


class Sources:
    """Finds out who sent a request.

    Anybody can write an `X-Forwarded-For`, so it counts only where the peer is a proxy that was
    named. It is read from the end: each proxy appends whom it spoke with, and what stands before
    the first address that is no proxy was written by that client, and is worth nothing.

    Args:
        proxies: networks of the proxies; none: the header is never looked at.
    """

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = proxies

    def source(self, peer: str, forwarded: Sequence[bytes]) -> str:
        """The address that a request comes from, in canonical text.

        Args:
            peer: the address at the other end of the connection.
            forwarded: the values of all `X-Forwarded-For` headers, in order.
        """
        found = _address(peer)
        if found is None:  # as on a socket of Unix
            return peer
        if self._proxies and self._is_proxy(found):
            texts = b",".join(forwarded).decode("latin-1").split(",")
            for text in reversed(texts[-_MAX_HOPS:]):
                address = _address(text.strip())
                if address is None:
                    break  # nobody knows what a proxy meant by it
                found = address
                if not self._is_proxy(address):
                    break
        return str(found)

    def of(self, request: Request) -> str:
        """The address that an HTTP request comes from; `unknown` on a socket without any."""
        peer = request.client.host if request.client is not None else "unknown"
        return self.source(
            peer, [value for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
        )

    def is_proxy(self, peer: str) -> bool:
        """Whether many clients may stand behind this peer."""
        address = _address(peer) if self._proxies else None
        return address is not None and self._is_proxy(address)

    def _is_proxy(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._proxies)


_MAX_HOPS = 16


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, whatever its zone."""
    return parse_address(text.partition("%")[0])
