"""Builds SIP messages, frames and captures by hand, so that tests show every byte they mean."""

from __future__ import annotations

import io
import socket
import struct
from collections.abc import Iterable, Sequence

from zt.sip import Agent, Datagram, Event, Limits, Probe

AGENT = Agent(name="edge-1", version="0.1.0")
PHONE, OTHER_PHONE, SERVER, CALLEE = "203.0.113.5", "203.0.113.6", "198.51.100.10", "203.0.113.9"
START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z in microseconds

Step = tuple[float, str, str, str | bytes]  # seconds after START, from, to, payload


def ask(
    method: str,
    *,
    user: str = "alice",
    to: str = "",
    n: int = 1,
    call: str = "call-1",
    tag: str = "caller",
    to_tag: str = "",
    branch: str = "",
    cseq: int = 0,
    extra: Sequence[str] = (),
    agent: str = "Phone 1.0",
) -> str:
    """A request; `n` numbers both branch and CSeq, REGISTER goes to the user's own address."""
    target = to or (user if method == "REGISTER" else "bob")
    uri = "sip:pbx.example" if method == "REGISTER" else f"sip:{target}@pbx.example"
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {PHONE}:5060;branch={branch or f'z9hG4bK-{call}-{method}-{n}'};rport",
        f'From: "{user.title()}, <tester>" <sip:{user}@pbx.example>;tag={tag}',
        f"To: <sip:{target}@pbx.example>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call}",
        f"CSeq: {cseq or n} {method}",
        f"Contact: <sip:{user}@{PHONE}:5060>",
        f"User-Agent: {agent}",
        *extra,
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


def answer(request: str, status: int, *, tag: str = "", extra: Sequence[str] = ()) -> str:
    """The response to a request, with what RFC 3261 section 8.2.6 has it repeat."""
    lines = [f"SIP/2.0 {status} Reason {status}"]
    for line in request.split("\r\n"):
        name = line.partition(":")[0]
        if name == "To" and tag and ";tag=" not in line:
            line = f"{line};tag={tag}"
        if name in ("Via", "From", "To", "Call-ID", "CSeq"):
            lines.append(line)
    lines += ["Server: PBX 2.0", *extra, "Content-Length: 0"]
    return "\r\n".join(lines) + "\r\n\r\n"


def credentials(nonce: str, user: str = "alice", header: str = "Authorization") -> str:
    """A header with digest credentials."""
    return (
        f'{header}: Digest username="{user}", realm="pbx.example", nonce="{nonce}", '
        f'uri="sip:pbx.example", response="0123456789abcdef0123456789abcdef", algorithm=MD5'
    )


def challenge(nonce: str, *, stale: bool = False, header: str = "WWW-Authenticate") -> str:
    """A header with a digest challenge."""
    return f'{header}: Digest realm="pbx.example", nonce="{nonce}", stale={str(stale).lower()}'


def packed(address: str) -> bytes:
    """An address as the probe holds it."""
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def datagram(
    seconds: float, src: str, dst: str, payload: str | bytes, transport: str = "UDP"
) -> Datagram:
    """One message; addresses may carry a port after a slash, the default is 5060.

    Whatever is no UDP comes over an established connection.
    """
    (src_ip, src_port), (dst_ip, dst_port) = _endpoint(src), _endpoint(dst)
    data = payload.encode() if isinstance(payload, str) else payload
    time = START + round(seconds * 1_000_000)
    return Datagram(
        time,
        packed(src_ip),
        src_port,
        packed(dst_ip),
        dst_port,
        data,
        transport,
        connected=transport != "UDP",
    )


def _endpoint(text: str) -> tuple[str, int]:
    address, _, port = text.partition("/")
    return address, int(port or 5060)


def play(
    *steps: Step, transport: str = "UDP", limits: Limits | None = None, end: bool = True
) -> list[Event]:
    """Feeds a new probe, ends the capture, and gives all events."""
    probe = Probe(AGENT, limits)
    events = [event for step in steps for event in probe.feed(datagram(*step, transport=transport))]
    return events + (probe.finish() if end else [])


def types(events: Iterable[Event]) -> list[str]:
    """The types, in the order of emission."""
    return [event["type"] for event in events]


def udp(payload: bytes, src_port: int = 5060, dst_port: int = 5060) -> bytes:
    """A UDP datagram without checksum."""
    return struct.pack(">HHHH", src_port, dst_port, 8 + len(payload), 0) + payload


def ipv4(payload: bytes, *, protocol: int = 17, fragment: int = 0) -> bytes:
    """An IPv4 packet from PHONE to SERVER."""
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x45,
        0,
        20 + len(payload),
        1,
        fragment,
        64,
        protocol,
        0,
        packed(PHONE),
        packed(SERVER),
    )
    return header + payload


def ipv6(payload: bytes, *, next_header: int = 17) -> bytes:
    """An IPv6 packet from 2001:db8::5 to 2001:db8::10."""
    head = struct.pack(">IHBB", 0x60000000, len(payload), next_header, 64)
    return head + packed("2001:db8::5") + packed("2001:db8::10") + payload


def ethernet(packet: bytes, kind: int = 0x0800, tags: Sequence[tuple[int, int]] = ()) -> bytes:
    """An Ethernet frame, with VLAN tags as (type, id)."""
    vlan = b"".join(struct.pack(">HH", tag, number) for tag, number in tags)
    return bytes(12) + vlan + struct.pack(">H", kind) + packet


def pcap(
    frames: Sequence[bytes], *, order: str = "<", nano: bool = False, link_type: int = 1
) -> bytes:
    """A classic capture, one frame a millisecond from START on."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link_type)]
    for number, frame in enumerate(frames):
        fraction = number * 1_000 * (1_000 if nano else 1)
        head = struct.pack(order + "IIII", START // 1_000_000, fraction, len(frame), len(frame))
        out.append(head + frame)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """One pcapng block, padded."""
    body += bytes(-len(body) % 4)
    length = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    """A pcapng section header."""
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(order: str = "<", *, link_type: int = 1, tsresol: int | None = None) -> bytes:
    """A pcapng interface description."""
    options = b""
    if tsresol is not None:
        options = struct.pack(order + "HHB3x", 9, 1, tsresol) + bytes(4)
    return block(1, struct.pack(order + "HHI", link_type, 0, 0) + options, order)


def enhanced(frame: bytes, ticks: int, order: str = "<", number: int = 0) -> bytes:
    """A pcapng enhanced packet block."""
    head = struct.pack(
        order + "IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), len(frame)
    )
    return block(6, head + frame, order)


def stream(data: bytes) -> io.BytesIO:
    """A capture as an open file."""
    return io.BytesIO(data)
