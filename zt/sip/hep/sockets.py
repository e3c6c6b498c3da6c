"""The sockets that agents send to."""

from __future__ import annotations

import socket

from zt.sockets import connections, datagrams

Endpoint = tuple[str, int]  # a literal address, and a port; 0 lets the kernel choose one

_BACKLOG = 64


def udp(endpoint: Endpoint, receive_buffer: int) -> socket.socket:
    """A socket for datagrams.

    Args:
        endpoint: where to listen.
        receive_buffer: bytes that the kernel may hold; see `zt.sockets.datagrams`.

    Raises:
        InputError: the address can't be used.
    """
    return datagrams(*endpoint, "HEP", receive_buffer)


def tcp(endpoint: Endpoint) -> socket.socket:
    """A socket that takes connections.

    Raises:
        InputError: the address can't be used.
    """
    return connections(*endpoint, "HEP", _BACKLOG)
