"""Sockets that listen, and errors that say why one can't."""

from __future__ import annotations

import errno
import socket
import struct
from ipaddress import ip_address
from typing import Final

from zt.errors import InputError

_MAX_PORT: Final = 65_535
# Linux only, and not in every Python: asm-generic/socket.h
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_MEMINFO: Final = struct.Struct("=9I")  # SK_MEMINFO_*; the last is what was dropped
_MEMINFO_DROPS: Final = 8


def datagrams(host: str, port: int, purpose: str, receive_buffer: int) -> socket.socket:
    """A socket that takes datagrams; see `_bound`.

    Args:
        receive_buffer: bytes that the kernel may hold; without CAP_NET_ADMIN no more than the
            system's net.core.rmem_max.
    """
    opened = _bound(host, port, purpose, backlog=None)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    return opened


def connections(host: str, port: int, purpose: str, backlog: int) -> socket.socket:
    """A socket that takes connections; see `_bound`.

    Args:
        backlog: connections that the kernel may hold until they are accepted.
    """
    return _bound(host, port, purpose, backlog=backlog)


def _bound(host: str, port: int, purpose: str, *, backlog: int | None) -> socket.socket:
    """A socket that listens and does not block; one of IPv6 takes no IPv4.

    IPv4 comes by a socket of its own, so that senders keep the addresses they are known by.

    Args:
        host: a literal address; 0.0.0.0 and :: are all.
        port: 0 lets the kernel choose one.
        purpose: what is listened for, in messages.
        backlog: of connections; None: datagrams.

    Raises:
        InputError: the address can't be used.
    """
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    family = _family(host)
    if family is None or not 0 <= port <= _MAX_PORT:
        raise InputError(
            f"can't listen for {purpose} on {shown}: not an address and a port",
            "write 192.0.2.1:9060 or [2001:db8::1]:9060; 0.0.0.0 and [::] are all addresses",
        )
    kind = socket.SOCK_DGRAM if backlog is None else socket.SOCK_STREAM
    try:
        opened = socket.socket(family, kind)
    except OSError as error:  # IPv6 may be turned off
        raise InputError(
            f"can't listen for {purpose} on {shown}: {_why(error)}", _hint(error)
        ) from error
    try:
        opened.setblocking(False)
        if backlog is not None:
            # A restart must not wait for the connections of the process before it.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        opened.bind((host, port))
        if backlog is not None:
            opened.listen(backlog)
    except OSError as error:
        opened.close()
        raise InputError(
            f"can't listen for {purpose} on {shown}: {_why(error)}", _hint(error)
        ) from error
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
