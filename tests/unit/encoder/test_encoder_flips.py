"""Every single byte of a wire file flipped: it is noticed, or it makes no difference."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from analytics.wire import WireError
from keys import KeysError, Ring
from zt.encoder import Decoder
from zt.encoder.decrypt import DecryptReject
from zt.errors import ZtError

EVENTS: list[dict[str, Any]] = [
    {
        "@timestamp": "2026-11-24T00:13:14.793697Z",
        "type": "auth-failed",
        "sip": {"from": "sip:alice@example.org", "response.status": 401},
        "rate.ex_diff": 1e5,
        "hidden": 1,
    },
    {"type": "call-start", "sip.call_id": "x"},
    {"type": ["other-ok", None]},
]


def assert_noticed_or_harmless(
    ring: Ring, wire: list[bytes], exact: Callable[[Any], Any], harmless: list[int]
) -> None:
    """Nothing altered comes out, and what is missing is told."""
    genuine = [exact(event) for event in EVENTS]
    rejects: list[DecryptReject] = []
    opened: list[Any] = []
    lines = b"".join(wire).splitlines(keepends=True)
    try:
        opened.extend(map(exact, Decoder(ring, on_reject=rejects.append).decrypt(lines)))
    except (ZtError, KeysError, WireError):
        told = True
    else:
        told = bool(rejects)
    assert all(event in genuine for event in opened)
    assert told or opened == genuine
    harmless.append(not told)
    assert not any("alice" in reject.reason for reject in rejects)


@pytest.mark.parametrize("mask", [0x01, 0x20])
@pytest.mark.parametrize("line", [0, 1, 2, 3, 4], ids=["header", "record", "one", "two", "three"])
def test_flipped_bytes(shared_ring: Ring, encrypt: Any, exact: Any, line: int, mask: int) -> None:
    wire = encrypt(EVENTS)
    assert len(wire) == 5
    harmless: list[int] = []
    for place in range(len(wire[line])):
        altered = bytearray(wire[line])
        altered[place] ^= mask
        broken = [*wire[:line], bytes(altered), *wire[line + 1 :]]
        assert_noticed_or_harmless(shared_ring, broken, exact, harmless)
    # an exponent's E may be large or small; a line's end may vanish behind the last line
    assert sum(harmless) <= 2


@pytest.mark.parametrize("line", [0, 1, 2, 3, 4], ids=["header", "record", "one", "two", "three"])
def test_missing_bytes(shared_ring: Ring, encrypt: Any, exact: Any, line: int) -> None:
    wire = encrypt(EVENTS)
    harmless: list[int] = []
    for place in range(len(wire[line])):
        cut = wire[line][:place] + wire[line][place + 1 :]
        broken = [*wire[:line], cut, *wire[line + 1 :]]
        assert_noticed_or_harmless(shared_ring, broken, exact, harmless)
    assert sum(harmless) <= 1


def test_lines_cut_off_or_left_out(shared_ring: Ring, encrypt: Any, exact: Any) -> None:
    wire = encrypt(EVENTS)
    for place in range(0, len(wire[-1]) - 1, 7):
        assert_noticed_or_harmless(shared_ring, [*wire[:-1], wire[-1][:place] + b"}"], exact, [])
    without_header = Decoder(shared_ring).decrypt(wire[1:])
    with pytest.raises(ZtError, match="batch header is missing"):
        list(without_header)
