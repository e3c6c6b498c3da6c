"""Runs classic BPF programs as the kernel does, so that filters are tested without root.

Written from Documentation/networking/filter.rst of Linux, apart from the assembler: what it does
not know, it refuses.
"""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_ANCILLARY = 0xFFFFF000


def run(
    program: bytes, packet: bytes, *, protocol: int = 0, packet_type: int = 0, hardware: int = 1
) -> int:
    """What the program returns: the bytes of the packet that are kept, 0 if it is dropped.

    Args:
        program: an array of `struct sock_filter`.
        packet: what the filter sees; with a link header, or without for cooked sockets.
        protocol: EtherType that the kernel knows the packet by.
        packet_type: PACKET_HOST 0, PACKET_OUTGOING 4.
        hardware: ARPHRD_ number of the interface.
    """
    code: list[tuple[int, int, int, int]] = list(struct.iter_unpack("=HBBI", program))
    known = {_ANCILLARY: protocol, _ANCILLARY + 4: packet_type, _ANCILLARY + 28: hardware}
    a = x = position = 0
    for _ in range(len(code)):  # jumps go forward only: each instruction runs at most once
        operation, then, otherwise, k = code[position]
        position += 1
        match operation:
            case 0x20 | 0x28 | 0x30 if k in known:
                a = known[k]
            case 0x20 | 0x28 | 0x30 | 0x48 | 0x50:
                at = k + (x if operation in (0x48, 0x50) else 0)
                size = {0x20: 4, 0x28: 2, 0x48: 2, 0x30: 1, 0x50: 1}[operation]
                if at + size > len(packet):
                    return 0
                a = int.from_bytes(packet[at : at + size], "big")
            case 0x01:
                x = k
            case 0x04:
                a = (a + k) & _MASK
            case 0x0C:
                a = (a + x) & _MASK
            case 0x54:
                a &= k
            case 0x64:
                a = (a << k) & _MASK
            case 0x07:
                x = a
            case 0x87:
                a = x
            case 0x05:
                position += k
            case 0x15:
                position += then if a == k else otherwise
            case 0x25:
                position += then if a > k else otherwise
            case 0x35:
                position += then if a >= k else otherwise
            case 0x45:
                position += then if a & k else otherwise
            case 0x06:
                return k
            case _:
                raise AssertionError(f"unknown instruction {operation:#x}")
    raise AssertionError("the program has no end")
