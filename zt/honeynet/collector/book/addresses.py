"""Addresses as the book keeps them: 4 or 16 bytes in network order."""

from __future__ import annotations

import socket
from typing import Final

from zt.honeynet.collector.book.model import Family

_MAPPED: Final = bytes(10) + b"\xff\xff"


def pack(text: str) -> bytes | None:
    """An address from its text; None if it is none. A v4-mapped IPv6 address is its IPv4 one."""
    try:
        if ":" not in text:
            return socket.inet_pton(socket.AF_INET, text)
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):  # ValueError: a zero byte, or no ASCII
        return None
    return packed[12:] if packed.startswith(_MAPPED) else packed


def spell(packed: bytes) -> str:
    """An address in canonical text (RFC 5952)."""
    return socket.inet_ntop(socket.AF_INET if len(packed) == 4 else socket.AF_INET6, packed)


def family_of(packed: bytes) -> Family:
    """4 or 6."""
    return 4 if len(packed) == 4 else 6
