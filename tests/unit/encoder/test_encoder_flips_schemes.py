"""Every single byte of lines that use every scheme: altered, it is noticed or harmless."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.every_scheme import PROFILE

from analytics.wire import WireError
from keys import KeysError, Ring
from zt.encoder import Decoder
from zt.errors import ZtError

EVENT: dict[str, Any] = {
    "time": "2026-01-02T03:04:05Z",
    "n": 1e5,
    "flag": {"set": [True, None, "a"]},
    "note": "n",
    "user": "Bob",
    "device.mac": 1,
    "sip": {"from": "SIP:alice@example.org:5060", "to": ["tel:+4930123456", "urn:x:y"]},
    "phone": "+4930123456",
    "account": 49301234,
    "client": {"ip": "192.0.2.1"},
    "peer.ip": "2001:db8::1",
    "trunk.ip": "192.0.2.1",
    "seen": "2026-01-02T03:04:05Z",
    "size": 12345,
    "hidden": {"x": 1},
}


def read(ring: Ring, lines: list[bytes]) -> tuple[list[Any], int]:
    """The events that come out, and how many lines were refused."""
    decoder = Decoder(ring)
    events: list[Any] = []
    try:
        events.extend(decoder.decrypt(b"".join(lines).splitlines(keepends=True)))
    except (ZtError, KeysError, WireError):
        return events, 1
    return events, decoder.report.rejected


@pytest.mark.parametrize("how", ["flipped", "case", "missing"])
def test_every_byte_counts(
    shared_ring: Ring, encrypt: Any, exact: Callable[[Any], Any], how: str
) -> None:
    wire = encrypt([EVENT], profile=PROFILE)
    assert len(wire) > 10
    harmless = 0
    for number, line in enumerate(wire):
        # a line alone behind its header; the header with the event
        head, tail = ([], wire[-1:]) if number == 0 else (wire[:1], [])
        for place in range(len(line)):
            changed = bytearray(line)
            if how == "missing":
                del changed[place]
            else:
                changed[place] ^= {"flipped": 0x01, "case": 0x20}[how]
            events, refused = read(shared_ring, [*head, bytes(changed), *tail])
            if refused:
                assert events == [] or exact(events[0]) == exact(EVENT)
                continue
            harmless += 1
            expected = [] if 0 < number < len(wire) - 1 else [exact(EVENT)]
            assert [exact(event) for event in events] == expected
    # the ends of lines, and an exponent's E, large or small
    assert harmless <= (len(wire) if how == "missing" else 2 * len(wire))


def test_a_leaf_of_each_scheme_is_bound_to_its_field(shared_ring: Ring, encrypt: Any) -> None:
    """What one field shows, moved to another: nothing comes out."""
    import msgspec

    wire = encrypt([EVENT], profile=PROFILE)
    body = msgspec.json.decode(wire[-1])
    flat = {"peer.ip": "trunk.ip", "phone": "account", "user": "note", "seen": "time"}
    for one, other in flat.items():
        moved = {**body, one: body[other], other: body[one]}
        events, refused = read(shared_ring, [*wire[:-1], msgspec.json.encode(moved)])
        assert (events, refused) == ([], 1)
    for path in (*flat, "size", "device.mac", "from_host", "net6"):
        assert path in body
        for value in (None, 5, "x", [body[path]], {"x": 1}):
            forged = {**body, path: value}
            events, refused = read(shared_ring, [*wire[:-1], msgspec.json.encode(forged)])
            assert (events, refused) == ([], 1)
        without = {key: value for key, value in body.items() if key != path}
        assert read(shared_ring, [*wire[:-1], msgspec.json.encode(without)]) == ([], 1)
