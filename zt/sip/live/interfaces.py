"""Network interfaces: which there are, whether they are up, and what their frames look like."""

from __future__ import annotations

import fcntl
import socket
import struct
from typing import NamedTuple

from zt.errors import InputError

ANY = "any"  # all interfaces, also those that come later

_ETHERNET_HEADER = 14  # bytes
_LINK_ETHERNET, _LINK_RAW, _LINK_COOKED = 1, 101, 113  # LINKTYPE_ numbers
# Interface flags and requests of linux/if.h and linux/sockios.h.
_UP = 0x1
_GET_FLAGS, _GET_HARDWARE_TYPE = 0x8913, 0x8927
_MAX_NAME = 15  # bytes, IFNAMSIZ less the zero
_REQUEST = struct.Struct("16sH22x")  # struct ifreq: name, flags or hardware type
# ARPHRD_ numbers of linux/if_arp.h. Ethernet, and loopback, which has empty Ethernet headers.
_WITH_ETHERNET = frozenset({1, 772})
# No link header: tunnels (IPv4 and IPv6 in IP, sit), TUN and WireGuard, raw IP of modems.
_WITHOUT_HEADER = frozenset({768, 769, 776, 65534, 519})


class Link(NamedTuple):
    """How frames of an interface begin.

    Attributes:
        header: bytes in front of the IP header; None: the kernel cooks the packets, that is,
            takes the header off and says the protocol apart from the data.
        link_type: LINKTYPE_ number of the frames for `zt.sip.capture`.
    """

    header: int | None
    link_type: int


COOKED = Link(None, _LINK_COOKED)


class Interface(NamedTuple):
    """One interface as it is now; number 0 stands for all."""

    name: str
    number: int
    up: bool
    link: Link


def find(name: str) -> Interface | None:
    """Looks an interface up; None if there is none of this name."""
    if name == ANY:
        return Interface(ANY, 0, True, COOKED)
    if len(name.encode()) > _MAX_NAME:
        return None
    try:
        number = socket.if_nametoindex(name)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            flags = _ask(any_socket, _GET_FLAGS, name)
            hardware = _ask(any_socket, _GET_HARDWARE_TYPE, name)
    except OSError:  # also where it left between these calls
        return None
    if hardware in _WITH_ETHERNET:
        link = Link(_ETHERNET_HEADER, _LINK_ETHERNET)
    elif hardware in _WITHOUT_HEADER:
        link = Link(0, _LINK_RAW)
    else:
        link = COOKED
    return Interface(name, number, bool(flags & _UP), link)


def require(name: str) -> Interface:
    """An interface that frames can come from now.

    Raises:
        InputError: there is none of this name, or it is down.
    """
    interface = find(name)
    if interface is None:
        others = ", ".join(sorted(other for _, other in socket.if_nameindex()))
        raise InputError(
            f"there is no network interface {name}", f"there are: {others}; or `{ANY}` for all"
        )
    if not interface.up:
        raise InputError(
            f"the network interface {name} is down", f"`ip link set {name} up` brings it up"
        )
    return interface


def _ask(any_socket: socket.socket, request: int, name: str) -> int:
    answer = fcntl.ioctl(any_socket, request, _REQUEST.pack(name.encode(), 0))
    value: int = _REQUEST.unpack(answer)[1]
    return value
