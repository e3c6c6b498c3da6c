"""The sockets that agents send to."""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import ip_address

from zt.errors import InputError

Endpoint = tuple[str, int]  # a literal address, and a port; 0 lets the kernel choose one

_BACKLOG = 64
_MAX_PORT = 65_535
# Linux only, and not in every Python: asm-generic/socket.h
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO = struct.Struct("=9I")  # SK_MEMINFO_*; the last is what was dropped
_MEMINFO_DROPS = 8


def udp(endpoint: Endpoint, receive_buffer: int) -> socket.socket:
    """A socket for datagrams.

    Args:
        endpoint: where to listen.
        receive_buffer: bytes that the kernel may hold; without CAP_NET_ADMIN no more than the
            system's net.core.rmem_max.

    Raises:
        InputError: the address can't be used.
    """
    opened = _bound(endpoint, socket.SOCK_DGRAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    return opened


def tcp(endpoint: Endpoint) -> socket.socket:
    """A socket that takes connections.

    Raises:
        InputError: the address can't be used.
    """
    opened = _bound(endpoint, socket.SOCK_STREAM)
    opened.listen(_BACKLOG)
    return opened


def dropped(opened: socket.socket) -> int:
    """Datagrams that the kernel dropped since its receive buffer was full; 0 where unknown."""
    try:
        memory = opened.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
    except OSError:
        return 0
    if len(memory) < _MEMINFO.size:
        return 0
    drops: int = _MEMINFO.unpack(memory)[_MEMINFO_DROPS]
    return drops


def _bound(endpoint: Endpoint, kind: socket.SocketKind) -> socket.socket:
    host, port = endpoint
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    family = _family(host)
    if family is None or not 0 <= port <= _MAX_PORT:
        raise InputError(
            f"can't listen for HEP on {shown}: not an address and a port",
            "write 192.0.2.1:9060 or [2001:db8::1]:9060; 0.0.0.0 and [::] are all addresses",
        )
    opened = socket.socket(family, kind)
    try:
        opened.setblocking(False)
        if kind == socket.SOCK_STREAM:
            # A restart must not wait for the connections of the process before it.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # IPv4 comes by a socket of its own: agents keep the addresses they are known by.
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise InputError(f"can't listen for HEP on {shown}: {_why(error)}", _hint(error)) from error
    return opened


def _family(host: str) -> socket.AddressFamily | None:
    try:
        return socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    except ValueError:
        return None


def _why(error: OSError) -> str:
    return (error.strerror or "the system refuses").lower()


def _hint(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another program listens there: end it, or choose another port"
        case errno.EADDRNOTAVAIL:
            return "no interface has this address; `ip address` lists those that there are"
        case errno.EACCES:
            return "ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one"
        case _:
            return "choose another address or port"
