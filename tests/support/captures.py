"""Altering captures; for classic pcap files with Ethernet frames, as the demo's is."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from pathlib import Path


def without_addresses(source: Path, target: Path, addresses: set[str]) -> None:
    """Copy a capture without the packets from or to the addresses."""
    data = source.read_bytes()
    unwanted = {ip_address(address).packed for address in addresses}
    kept, at = [data[:24]], 24
    while at < len(data):
        _, _, captured, _ = struct.unpack("<IIII", data[at : at + 16])
        frame = data[at + 16 : at + 16 + captured]
        if not _addresses(frame) & unwanted:
            kept.append(data[at : at + 16 + captured])
        at += 16 + captured
    target.write_bytes(b"".join(kept))


def _addresses(frame: bytes) -> set[bytes]:
    match frame[12:14]:
        case b"\x08\x00":
            return {frame[26:30], frame[30:34]}
        case b"\x86\xdd":
            return {frame[22:38], frame[38:54]}
    return set()
