"""Wrong keys are told apart, before anything comes out; damage stops a run when it is systemic."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.twins import twin_of

from analytics.wire import HeaderLine, parse_line, write_line
from keys import KeyCheckError, Ring, RingError, UnknownEpochError
from zt.encoder import Decoder, Encoder
from zt.encoder import decrypt as module
from zt.encoder.decrypt import DecryptReject
from zt.encoder.pieces import CHUNK
from zt.encoder.plan import seal_profile
from zt.encoder.seal import HeaderTag
from zt.errors import IntegrityError, ProfileError, SystemicError
from zt.profile import Profile

EVENTS = [{"type": "a", "sip.from": "alice", "n": n} for n in range(10)]


def outcome(
    ring: Ring, wire: list[bytes], error: type[Exception]
) -> tuple[list[dict[str, Any]], str]:
    """What came out before the error, and what the error says."""
    opened: list[dict[str, Any]] = []
    with pytest.raises(error) as caught:
        opened.extend(Decoder(ring).decrypt(wire))
    return opened, str(caught.value)


def test_another_ring_opens_nothing(encrypt: Any, other_ring: Ring, shared_ring: Ring) -> None:
    opened, told = outcome(other_ring, encrypt(EVENTS), UnknownEpochError)
    assert opened == []
    assert shared_ring.active.kid.hex() in told
    assert other_ring.active.kid.hex() in told


@pytest.mark.parametrize("skipped", [1, 2, 5])
def test_another_ring_is_noticed_without_a_header_too(
    encrypt: Any, other_ring: Ring, skipped: int
) -> None:
    assert outcome(other_ring, encrypt(EVENTS)[skipped:], UnknownEpochError)[0] == []


def test_one_event_of_an_unknown_epoch_is_refused_alone(
    encrypt: Any, decrypt: Any, other_ring: Ring
) -> None:
    wire = encrypt(EVENTS)
    kid = f'"kid":"{other_ring.active.kid.hex()}"'.encode()
    own = wire[-1][wire[-1].index(b'"kid"') :][: len(kid)]
    opened, rejects = decrypt([*wire[:-1], wire[-1].replace(own, kid)])
    assert opened == EVENTS[:-1]
    assert [reject.line for reject in rejects] == [len(wire)]
    assert "does not hold" in rejects[0].reason


def test_the_good_epoch_comes_out_beside_an_unknown_one(
    encrypt: Any, decrypt: Any, other_ring: Ring
) -> None:
    foreign = encrypt(EVENTS[:4], ring=other_ring)
    opened, rejects = decrypt([*encrypt(EVENTS), *foreign])
    assert opened == EVENTS
    assert len(rejects) == len(foreign)


def test_more_unknown_events_than_known_ones_stop_the_run(
    encrypt: Any, shared_ring: Ring, other_ring: Ring
) -> None:
    wire = [*encrypt(EVENTS[:2]), *encrypt(EVENTS, ring=other_ring)]
    _, told = outcome(shared_ring, wire, SystemicError)
    assert "10 of 12 events failed" in told


def test_a_header_of_an_unknown_epoch_without_events(encrypt: Any, other_ring: Ring) -> None:
    assert outcome(other_ring, encrypt(EVENTS)[:1], UnknownEpochError)[0] == []


def test_a_twin_of_the_epoch_is_told_by_its_check_value(
    encrypt: Any, shared_ring: Ring, tmp_path: Path
) -> None:
    twin = twin_of(shared_ring, tmp_path / "twin.json")
    kid = shared_ring.active.kid.hex()
    for writer, reader in ((shared_ring, twin), (twin, shared_ring)):
        opened, told = outcome(reader, encrypt(EVENTS, ring=writer), KeyCheckError)
        assert opened == []
        assert f"has an epoch {kid}, but it is another key" in told


def test_a_twin_without_its_header_opens_nothing(
    encrypt: Any, shared_ring: Ring, tmp_path: Path
) -> None:
    """A header of the right ring, then events of the twin: the seals tell."""
    twin = twin_of(shared_ring, tmp_path / "twin.json")
    mixed = [encrypt(EVENTS)[0], *encrypt(EVENTS, ring=twin)[1:]]
    assert outcome(shared_ring, mixed, SystemicError)[0] == []


def test_a_header_of_another_tenant_is_refused(
    shared_ring: Ring, encrypt: Any, profile: Profile
) -> None:
    """Even with a genuine tag, as if two tenants had been given one root."""
    line = parse_line(encrypt(EVENTS)[0].rstrip())
    assert isinstance(line, HeaderLine)
    forged = line.header.model_copy(update={"tenant": "other"})
    tag = HeaderTag(shared_ring.active).compute(forged)
    with pytest.raises(IntegrityError, match="of tenant 'other'"):
        Decoder(shared_ring).header(forged.model_copy(update={"tag": tag}))


def test_a_profile_of_a_newer_release_is_named(shared_ring: Ring, encrypt: Any) -> None:
    line = parse_line(encrypt(EVENTS)[0].rstrip())
    assert isinstance(line, HeaderLine)

    class Newer:
        def normalised(self) -> bytes:
            return b'{"name":"x","fields":{"a":{"scheme":"quantum"}}}'

    edge = seal_profile(shared_ring.active, Newer())  # type: ignore[arg-type]
    forged = line.header.model_copy(update={"edge": edge})
    tag = HeaderTag(shared_ring.active).compute(forged)
    with pytest.raises(ProfileError, match="newer release"):
        Decoder(shared_ring).header(forged.model_copy(update={"tag": tag}))


def damage(wire: list[bytes], numbers: range) -> list[bytes]:
    """Alter the clear type of some events, counted from 0."""
    first = next(n for n, line in enumerate(wire) if b'"zt":{"id"' in line)
    altered = list(wire)
    for number in numbers:
        altered[first + number] = wire[first + number].replace(b'"type":"a"', b'"type":"b"')
    return altered


@pytest.mark.parametrize("bad", [0, 1, 4, 5])
def test_up_to_half_damaged_the_good_ones_come_out(encrypt: Any, decrypt: Any, bad: int) -> None:
    wire = damage(encrypt(EVENTS), range(bad))
    opened, rejects = decrypt(wire)
    assert opened == EVENTS[bad:]
    assert [reject.line for reject in rejects] == list(range(3, 3 + bad))
    assert all(wire[reject.line - 1].rstrip() == reject.raw for reject in rejects)


@pytest.mark.parametrize("bad", [6, 10])
def test_more_than_half_damaged_is_systemic(encrypt: Any, shared_ring: Ring, bad: int) -> None:
    wire = damage(encrypt(EVENTS), range(bad))
    _, told = outcome(shared_ring, wire, SystemicError)
    assert f"{bad} of 10 events failed" in told
    assert "seal does not verify" in told


def test_a_long_damaged_run_stops_early(encrypt: Any, shared_ring: Ring) -> None:
    events = [{"type": "a", "n": n} for n in range(2 * CHUNK)]
    rejects: list[DecryptReject] = []
    wire = damage(encrypt(events), range(2 * CHUNK))
    given = iter(wire)
    with pytest.raises(SystemicError):
        list(Decoder(shared_ring, on_reject=rejects.append).decrypt(given))
    assert len(rejects) == module.SYSTEMIC_AFTER
    assert len(list(given)) == len(wire) - CHUNK, "no more was read"


def test_lines_that_are_no_events_count_as_failed(encrypt: Any, decrypt: Any) -> None:
    wire = encrypt(EVENTS)
    opened, rejects = decrypt([*wire, *[b"x"] * 10])
    assert len(opened) == len(rejects) == 10
    with pytest.raises(SystemicError, match="11 of 21"):
        decrypt([*wire, *[b"x"] * 11])


def test_damaged_records_do_not_stop_events(encrypt: Any, decrypt: Any) -> None:
    wire = encrypt(EVENTS)
    broken = wire[1].replace(b'"tokens":[', b'"tokens":[0,')
    opened, rejects = decrypt([wire[0], *[broken] * 50, *wire[2:]])
    assert opened == EVENTS
    assert len(rejects) == 50


def test_the_report_counts(encrypt: Any, shared_ring: Ring) -> None:
    decoder = Decoder(shared_ring)
    list(decoder.decrypt(damage(encrypt(EVENTS), range(2))))
    report = decoder.report
    assert (report.events, report.failed_events, report.rejected) == (8, 2, 2)


def test_headers_taken_in_beforehand_serve_a_cut_stream(encrypt: Any, shared_ring: Ring) -> None:
    wire = encrypt(EVENTS)
    header = parse_line(wire[0].rstrip())
    assert isinstance(header, HeaderLine)
    decoder = Decoder(shared_ring)
    decoder.header(header.header)
    assert list(decoder.decrypt(wire[4:])) == EVENTS[2:]
    assert [plan.profile_id for plan in decoder.plans()] == [header.header.profile]
    assert write_line(header.header) == wire[0]


def test_a_ring_without_an_active_epoch_encrypts_nothing(ring: Ring, profile: Profile) -> None:
    ring.epochs = [msgspec.structs.replace(ring.epochs[0], state="retired")]
    with pytest.raises(RingError, match="no epoch"):
        Encoder(ring, profile)
