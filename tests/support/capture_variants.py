"""Says the same traffic in many ways: each variant of a capture must give the same events."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Callable, Iterator, Sequence

from support.capture_packets import (
    FRAGMENT,
    TCP,
    Timed,
    cooked,
    cooked_v2,
    ethernet,
    gre_over,
    header_size,
    ip_over,
    loopback,
    payload,
    pcap_file,
    pcapng_file,
    pppoe,
    protocol,
    qinq,
    raw,
    version,
    vlan,
    with_payload,
    with_smaller_ttl,
)
from support.capture_streams import as_tcp, as_websocket

Variant = Callable[[list[Timed]], bytes]
_Rewrite = Callable[[Sequence[Timed]], Iterator[Timed]]
_PIECE = 64  # bytes of a fragment
_SEGMENT = 9  # bytes of a segment


def framed(link_type: int, frame: Callable[[bytes], bytes]) -> Variant:
    """Another link layer."""
    return lambda found: pcap_file((Timed(t, frame(p)) for t, p in found), link_type)


def rewritten(rewrite: _Rewrite) -> Variant:
    """Other packets, in Ethernet."""
    return lambda found: pcap_file((Timed(t, ethernet(p)) for t, p in rewrite(found)), 1)


def each(change: Callable[[bytes], bytes]) -> Variant:
    """Each packet changed."""
    return rewritten(lambda found: (Timed(t, change(p)) for t, p in found))


def filed(order: str, *, nano: bool) -> Variant:
    """Another byte order or clock of the classic format."""
    return lambda found: pcap_file(
        (Timed(t, ethernet(p)) for t, p in found), 1, order=order, nano=nano
    )


def pcapng(order: str) -> Variant:
    """The newer format, with three interfaces of different link layers and clocks."""
    links = [(1, ethernet), (101, raw), (276, cooked_v2)]

    def variant(found: list[Timed]) -> bytes:
        frames = (
            (number % 3, Timed(t, links[number % 3][1](p))) for number, (t, p) in enumerate(found)
        )
        return pcapng_file(frames, [link_type for link_type, _ in links], order=order)

    return variant


def pieces(found: Sequence[Timed]) -> Iterator[list[Timed]]:
    """The fragments of each packet."""
    for number, (time, packet) in enumerate(found, 1):
        data = payload(packet)
        parts = [(at, data[at : at + _PIECE]) for at in range(0, len(data), _PIECE)] or [(0, b"")]
        out = []
        for offset, part in parts:
            more = offset + len(part) < len(data)
            if len(parts) == 1:
                out.append(Timed(time, packet))
            elif version(packet) == 4:
                one = bytearray(with_payload(packet, part))
                struct.pack_into(">HH", one, 4, number & 0xFFFF, more << 13 | offset // 8)
                out.append(Timed(time, bytes(one)))
            else:
                head = struct.pack(">BBHI", protocol(packet), 0, offset | more, number)
                out.append(Timed(time, with_payload(packet, head + part, carries=FRAGMENT)))
        yield out


def fragmented(found: Sequence[Timed]) -> Iterator[Timed]:
    return itertools.chain.from_iterable(pieces(found))


def fragmented_backwards(found: Sequence[Timed]) -> Iterator[Timed]:
    return itertools.chain.from_iterable(reversed(one) for one in pieces(found))


def fragmented_twice_in_disorder(found: Sequence[Timed]) -> Iterator[Timed]:
    chance = random.Random(5)
    for one in pieces(found):
        both = one * 2 if len(one) > 1 else one
        yield from chance.sample(both, len(both))


def mirrored(found: Sequence[Timed]) -> Iterator[Timed]:
    """Before and behind a router, a millisecond apart at most."""
    for time, packet in found:
        yield Timed(time, packet)
        yield Timed(time, with_smaller_ttl(packet))


def mirrored_late(found: Sequence[Timed]) -> Iterator[Timed]:
    """Copies come after the next packets, as from a second mirror port."""
    copies = [Timed(time + 2_000, with_smaller_ttl(packet)) for time, packet in found]
    return iter(sorted([*found, *copies], key=lambda one: one.time))


def segments(found: Sequence[Timed], overlap: int = 0) -> Iterator[list[Timed]]:
    """The data of each TCP segment in small ones, each repeating some bytes of the one before."""
    for time, packet in found:
        data = payload(packet)
        if protocol(packet) != TCP or len(data) < 20:
            yield [Timed(time, packet)]
            continue
        size = (data[12] >> 4) * 4
        head, body = data[:size], data[size:]
        if len(body) <= _SEGMENT:
            yield [Timed(time, packet)]
            continue
        step = max(_SEGMENT, len(body) // 200)
        out = []
        for at in range(0, len(body), step):
            begin, last = max(0, at - overlap), at + step >= len(body)
            one = bytearray(head)
            sequence = struct.unpack_from(">I", head, 4)[0] + begin
            struct.pack_into(">I", one, 4, sequence & 0xFFFFFFFF)
            one[13] &= 0xFF if last else 0xFE  # FIN stands in the last one
            out.append(Timed(time, with_payload(packet, bytes(one) + body[begin : at + step])))
        yield out


def segmented(found: Sequence[Timed]) -> Iterator[Timed]:
    return itertools.chain.from_iterable(segments(found))


def segmented_with_overlaps(found: Sequence[Timed]) -> Iterator[Timed]:
    return itertools.chain.from_iterable(segments(found, overlap=5))


def segmented_in_disorder(found: Sequence[Timed]) -> Iterator[Timed]:
    chance = random.Random(6)
    for one in segments(found):
        if len(one) > 2:  # what carries FIN stays last: it is sent last
            one = [*chance.sample(one[:-1], len(one) - 1), one[-1]]
        yield from one


def segments_repeated(found: Sequence[Timed]) -> Iterator[Timed]:
    """Each segment is sent again before the next one."""
    for one in segments(found):
        for segment in one:
            yield segment
            if protocol(segment.data) == TCP:
                yield segment


def wrapping_sequence_numbers(found: Sequence[Timed]) -> Iterator[Timed]:
    """All sequence numbers moved so that those of each connection pass 2^32."""
    moves: dict[tuple[bytes, bytes], int] = {}
    for time, packet in found:
        data = bytearray(payload(packet))
        if protocol(packet) == TCP and len(data) >= 20:
            start = header_size(packet) - (8 if version(packet) == 4 else 32)
            ends = packet[start : header_size(packet)]
            half = len(ends) // 2
            src, dst = ends[:half] + bytes(data[:2]), ends[half:] + bytes(data[2:4])
            sequence, acknowledged = struct.unpack_from(">II", data, 4)
            move = moves.setdefault((src, dst), -100 - sequence)
            back = moves.setdefault((dst, src), -100 - acknowledged)
            struct.pack_into(
                ">II", data, 4, sequence + move & 0xFFFFFFFF, acknowledged + back & 0xFFFFFFFF
            )
        yield Timed(time, with_payload(packet, bytes(data)))


VARIANTS: dict[str, Variant] = {
    "ethernet": framed(1, ethernet),
    "vlan": framed(1, vlan),
    "qinq": framed(1, qinq),
    "pppoe": framed(1, pppoe),
    "cooked": framed(113, cooked),
    "cooked-v2": framed(276, cooked_v2),
    "raw": framed(101, raw),
    "raw-of-old-writers": framed(12, raw),
    "loopback": framed(0, loopback("<")),
    "loopback-of-a-big-endian-host": framed(0, loopback(">")),
    "loopback-of-openbsd": framed(108, loopback(">")),
    "pcap-big-endian": filed(">", nano=False),
    "pcap-nanoseconds": filed("<", nano=True),
    "pcap-nanoseconds-big-endian": filed(">", nano=True),
    "pcapng": pcapng("<"),
    "pcapng-big-endian": pcapng(">"),
    "ip-in-ipv4": each(lambda packet: ip_over(packet, outer=4)),
    "ip-in-ipv6": each(lambda packet: ip_over(packet, outer=6)),
    "two-tunnels": each(lambda packet: ip_over(ip_over(packet, outer=4), outer=6)),
    "gre": each(lambda packet: gre_over(packet, outer=4)),
    "gre-over-ipv6": each(lambda packet: gre_over(packet, outer=6)),
    "fragmented": rewritten(fragmented),
    "fragmented-backwards": rewritten(fragmented_backwards),
    "fragmented-twice-in-disorder": rewritten(fragmented_twice_in_disorder),
    "fragments-in-a-tunnel": rewritten(
        lambda found: (Timed(t, ip_over(p, outer=4)) for t, p in fragmented(found))
    ),
    "a-tunnel-in-fragments": rewritten(
        lambda found: fragmented([Timed(t, ip_over(p, outer=6)) for t, p in found])
    ),
    "fragments-in-a-tunnel-in-fragments": rewritten(
        lambda found: fragmented([Timed(t, ip_over(p, outer=4)) for t, p in fragmented(found)])
    ),
    "mirrored": rewritten(mirrored),
    "mirrored-late": rewritten(mirrored_late),
    "tcp-segmented": rewritten(segmented),
    "tcp-segmented-with-overlaps": rewritten(segmented_with_overlaps),
    "tcp-segmented-in-disorder": rewritten(segmented_in_disorder),
    "tcp-segments-repeated": rewritten(segments_repeated),
    "tcp-sequence-numbers-wrap-around": rewritten(wrapping_sequence_numbers),
}

# Another transport: the events say so, and that the sender is proven. All else is the same.
OTHER_TRANSPORTS: dict[str, Variant] = {
    "udp-as-tcp": rewritten(lambda found: iter(as_tcp(found))),
    "udp-as-tcp-in-small-segments": rewritten(lambda found: segmented(as_tcp(found))),
    "udp-as-websocket": rewritten(lambda found: iter(as_websocket(found))),
    "udp-as-websocket-in-small-segments": rewritten(lambda found: segmented(as_websocket(found))),
}
