"""Lines that can't be encrypted: named by number and reason, quoted nowhere, kept encrypted."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from analytics.wire import write_line
from keys import Ring, UnknownEpochError
from zt.encoder import Encoder, group
from zt.encoder import input as module
from zt.encoder.encrypt import Reject
from zt.encoder.rejects import open_rejects, seal_reject
from zt.errors import InputError, IntegrityError
from zt.profile import Profile

SECRET = "S3CRET"
BAD = {
    b'{"S3CRET":1,"S3CRET":2}': "a key stands twice in one object",
    rb'{"S3CRET\u003a":1,"S3CRET:":2}': "a key stands twice in one object",
    b'{"a":[{"S3CRET":1,"S3CRET":2}]}': "a key stands twice in one object",
    b'{"zt":"S3CRET"}': "it has a key `zt`: encrypted already?",
    b'{"zt":null,"a":"S3CRET"}': "it has a key `zt`: encrypted already?",
    b'{"sip":{"from":"S3CRET"},"sip.from":1}': "a path stands twice, nested and dotted",
    b'{"S3CRET":{"b":{"c":1}},"S3CRET.b.c":2}': "a path stands twice, nested and dotted",
    b'{"x":[[{"S3CRET.b":1,"S3CRET":{"b":2}}]]}': "a path stands twice, nested and dotted",
    b'{"a":"S3CRET"': "not valid JSON",
    b"S3CRET": "not valid JSON",
    b'{"a":S3CRET}': "not valid JSON",
    b'{"a":NaN,"b":"S3CRET"}': "not valid JSON",
    rb'{"a":"S3CRET\ud800"}': "not valid JSON",
    rb'{"S3CRET":"\udc00 "}': "not valid JSON",
    b'{"a":"S3CRET\xed\xa0\x80"}': "not valid UTF-8",
    b'{"a":"S3CRET\xff"}': "not valid UTF-8",
    b'{"S3CRET":1e999}': "a number is out of range",
    b'["S3CRET"]': "no JSON object",
    b'"S3CRET"': "no JSON object",
    b"17": "no JSON object",
    b"null": "no JSON object",
    b'{"S3CRET":' + b"[" * 200 + b"]" * 200 + b"}": "nested too deeply",
    b'{"S3CRET.x":' * 900 + b"1" + b"}" * 900: "nested too deeply",
}


def run(ring: Ring, profile: Profile, lines: list[bytes]) -> tuple[list[bytes], list[Reject]]:
    rejects: list[Reject] = []
    encoder = Encoder(ring, profile, stream="s", on_reject=rejects.append)
    wire = list(encoder.encrypt(lines))
    assert encoder.report.rejected == len(rejects)
    return wire, rejects


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad[:40].decode(errors="replace"))
def test_bad_lines_are_rejected_with_their_number(
    shared_ring: Ring, profile: Profile, decrypt: Any, bad: bytes
) -> None:
    good = b'{"type":"a"}\n'
    wire, rejects = run(shared_ring, profile, [good, b"\n", bad + b"\r\n", good])
    assert [(reject.line, reject.raw) for reject in rejects] == [(3, bad)]
    assert rejects[0].reason == BAD[bad]
    assert SECRET not in rejects[0].reason
    assert SECRET.encode() not in b"".join(wire)
    assert decrypt(wire).events == [{"type": "a"}] * 2


def test_good_lines_between_bad_ones_all_come_out(
    shared_ring: Ring, profile: Profile, decrypt: Any
) -> None:
    lines, expected = [], []
    for number, bad in enumerate(BAD):
        lines += [bad + b"\n", b'{"n":%d}\n' % number]
        expected.append({"n": number})
    wire, rejects = run(shared_ring, profile, lines)
    assert [reject.line for reject in rejects] == [2 * n + 1 for n in range(len(BAD))]
    assert decrypt(wire).events == expected


def test_a_rejected_line_moves_no_other_id(shared_ring: Ring, profile: Profile) -> None:
    def ids(lines: list[bytes]) -> list[str]:
        wire, _ = run(shared_ring, profile, lines)
        return [msgspec.json.decode(line)["zt"]["id"] for line in wire[1:]]

    assert ids([b'{"a":1}\n', b'{"b":1}\n'])[1] == ids([b'{"a":x}\n', b'{"b":1}\n'])[0]


def test_too_large_events_are_rejected(
    shared_ring: Ring, profile: Profile, decrypt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_EVENT", 100)
    fits = b'{"a":"' + b"x" * 92 + b'"}'
    assert len(fits) == 100
    wire, rejects = run(shared_ring, profile, [fits + b"\n", fits[:-2] + b'x"}\n'])
    assert [(reject.line, reject.reason) for reject in rejects] == [(2, "longer than 100 bytes")]
    assert decrypt(wire).events == [{"a": "x" * 92}]


def test_events_that_outgrow_a_line_of_the_wire_are_rejected(
    shared_ring: Ring, profile: Profile, decrypt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is too long in wire form no store or decoder takes; of equal shape, one fits."""
    monkeypatch.setattr(group, "MAX_LINE", 2000)
    fits, long = ({"sip.contact": ["sip:a@b.example"] * count} for count in (2, 40))
    wire, rejects = run(shared_ring, profile, [msgspec.json.encode(e) for e in (long, fits)])
    assert [(reject.line, reject.raw) for reject in rejects] == [(1, msgspec.json.encode(long))]
    assert rejects[0].reason == "longer than 2000 bytes once it is encrypted"
    assert decrypt(wire).events == [fits]


def test_the_largest_event_fits_the_wire(shared_ring: Ring, profile: Profile, decrypt: Any) -> None:
    for key in ("type", "hidden"):
        line = b'{"%s":"%s"}' % (key.encode(), b"x" * (module.MAX_EVENT - 7 - len(key)))
        assert len(line) == module.MAX_EVENT
        wire, rejects = run(shared_ring, profile, [line])
        assert rejects == []
        assert len(decrypt(wire).events[0][key]) == len(line) - 7 - len(key)


def test_reject_files_open_with_the_ring_only(shared_ring: Ring, other_ring: Ring) -> None:
    rejects = [Reject(n, "not valid JSON", bad) for n, bad in enumerate(BAD, 1)]
    lines = [write_line(seal_reject(reject, shared_ring.active)) for reject in rejects]
    assert SECRET.encode() not in b"".join(lines)
    opened = list(open_rejects([*lines, b"\n"], shared_ring))
    assert opened == [(reject.line, reject.reason, reject.raw) for reject in rejects]
    with pytest.raises(UnknownEpochError):
        list(open_rejects(lines, other_ring))


def test_empty_rejected_lines_can_be_kept(shared_ring: Ring) -> None:
    line = write_line(seal_reject(Reject(1, "why", b""), shared_ring.active))
    assert list(open_rejects([line], shared_ring)) == [(1, "why", b"")]


def test_altered_reject_files_do_not_open(shared_ring: Ring) -> None:
    one, two = (
        msgspec.json.decode(write_line(seal_reject(Reject(n, "why", raw), shared_ring.active)))
        for n, raw in ((1, b"one"), (2, b"two"))
    )
    for change in ({"line": 2}, {"opaque": two["zt"]["opaque"]}):
        altered = msgspec.json.encode({"zt": {**one["zt"], **change}})
        with pytest.raises(IntegrityError):
            list(open_rejects([altered], shared_ring))
    for bad in (b"x", b"[]", b"{}", b'{"zt":1}', b'{"zt":{"kind":"reject"}}'):
        with pytest.raises(InputError, match="line 1 is no line of a reject file"):
            list(open_rejects([bad], shared_ring))
    with pytest.raises(InputError):
        list(open_rejects([msgspec.json.encode({"zt": {**one["zt"], "more": 1}})], shared_ring))


def test_reject_blobs_and_event_blobs_are_not_interchangeable(
    shared_ring: Ring, encrypt: Any, decrypt: Any
) -> None:
    event = msgspec.json.decode(encrypt([{"hidden": 1}])[-1])
    reject = msgspec.json.decode(write_line(seal_reject(Reject(1, "", b"x"), shared_ring.active)))
    altered = {"zt": {**reject["zt"], "opaque": event["zt"]["opaque"]}}
    with pytest.raises(IntegrityError):
        list(open_rejects([msgspec.json.encode(altered)], shared_ring))
