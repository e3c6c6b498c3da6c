"""Packets without their link header, as a cooked socket gives them: where does IP begin?

The kernel says the protocol apart from the data, but with VLAN tags it is not of one mind: data may
begin at a tag or behind all of them, and the protocol may be the tag's or the innermost one. So the
data themselves decide: a chain of tags that leads to an IP header of the version announced.
"""

from __future__ import annotations

from zt.sip.capture import Frame

LINK_RAW, LINK_COOKED = 101, 113  # LINKTYPE_ numbers

_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS = frozenset({0x8100, 0x88A8, 0x9100})
_VERSIONS = {_IPV4: 4, _IPV6: 6}
_MAX_TAGS = 3


def frame(time: int, protocol: int, data: bytes, cut: bool) -> Frame:
    """A packet of any protocol as a frame that the decoder understands.

    Args:
        time: microseconds since 1970.
        protocol: the EtherType that the kernel says.
        data: what it gave.
        cut: some of the bytes were not captured.
    """
    if protocol in _VERSIONS or protocol in _TAGS:
        start = _behind_tags(data)
        if start or (data[:1] and data[0] >> 4 in (4, 6)):
            return Frame(time, LINK_RAW, data[start:] if start else data, cut)
    return Frame(time, LINK_COOKED, bytes(14) + protocol.to_bytes(2, "big") + data, cut)


def _behind_tags(data: bytes) -> int:
    """Where IP begins behind tags; 0 if the data don't begin with a tag.

    A packet of IP is not taken for a tag: its length would have to be 2,048 or more with the
    version's digits in the middle of other fields, or a random label would have to fit.
    """
    position = 0
    for _ in range(_MAX_TAGS):
        kind = int.from_bytes(data[position + 2 : position + 4], "big")
        position += 4
        if kind in _VERSIONS:
            found = len(data) > position and data[position] >> 4 == _VERSIONS[kind]
            return position if found else 0
        if kind not in _TAGS:
            break
    return 0
