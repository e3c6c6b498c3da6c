"""Events made to confuse or to exhaust the encoder and the decoder."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder.input import read_event, read_events
from zt.errors import EventError
from zt.profile import Profile, load_profile

PATTERNS = Profile.model_validate({"name": "x", "fields": {"a.*": {"scheme": "det"}}})

TWICE: list[tuple[Profile, Any]] = [
    (PATTERNS, {'a."': "X", "a": {'"': "Y"}}),
    (PATTERNS, {'a."': ["X", "Z"], "a": {'"': "Y"}}),
    (PATTERNS, {'a."': "X", "a": {'"': ["Y", "Z"]}}),
    (PATTERNS, {"a.\\": 1, "a": {"\\": 2}}),
    (load_profile("ecs"), {'a."_ip': "192.0.2.1", "a": {'"_ip': "192.0.2.9"}}),
]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("profile", "event"), TWICE)
def test_a_path_in_two_spellings_is_refused_and_ends_no_stream(
    shared_ring: Ring, profile: Profile, event: Any, workers: int
) -> None:
    lines = [b'{"n":%d}\n' % n for n in range(3)]
    lines.insert(1, msgspec.json.encode(event) + b"\n")
    reasons: list[str] = []
    encoder = Encoder(
        shared_ring,
        profile,
        workers=workers,
        on_reject=lambda reject: reasons.append(reject.reason),
    )
    wire = list(encoder.encrypt(lines))
    assert reasons == ["a path stands twice, nested and dotted"]
    assert list(Decoder(shared_ring).decrypt(wire)) == [{"n": n} for n in range(3)]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a.b":1,"a":{"b":2}}',
        b'{"a.b" : 1, "a":{"b":2}}',
        b'{"a\\u002eb":1,"a":{"b":2}}',
        b'{"x":[{"a.b":1,"a":{"b":2}}]}',
        b'{"a..b":1,"a.":{"b":2}}',
    ],
)
def test_dots_in_keys_are_seen_however_they_are_written(raw: bytes) -> None:
    with pytest.raises(EventError, match="twice"):
        read_event(raw)


ODD = [b'{"a.b":1,"a":{"b":2}}', b'{"zt":1}', b'{"zt.id":1}', b"[]", b'{"a":1,"a":2}', b"x", b"{"]


@pytest.mark.parametrize("odd", [*ODD, b'{"a":"\\u005a"}', b"{}", b'{"c.d":1}'])
def test_events_that_are_read_together_are_those_read_alone(odd: bytes) -> None:
    lines = [b'{"a":{"b":1}}', odd, b'{"c.d":"x\\ty"}', odd, b'{"d":[1]}']
    for line, event in zip(lines, read_events(lines), strict=True):
        if isinstance(event, EventError):
            with pytest.raises(EventError) as error:
                read_event(line)
            assert str(error.value) == str(event)
        else:
            assert event == read_event(line)
    assert sum(isinstance(event, EventError) for event in read_events(lines)) == 2 * (odd in ODD)


def peak(work: Callable[[], object]) -> int:
    """The bytes that were held at once, beyond those before; slow."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def held(work: Callable[[], object]) -> int:
    """The bytes that are still held after it."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


MIB = 1024 * 1024


def test_a_long_dotted_key_takes_no_more_than_some_copies(shared_ring: Ring) -> None:
    line = b'{"%s1":1}' % (b"a." * 50_000)
    encoder = Encoder(shared_ring, PATTERNS)
    assert peak(lambda: list(encoder.encrypt([line]))) < 30 * MIB


@pytest.mark.parametrize(
    "line",
    [
        b'{"x":"%s"}' % (b"." * 300_000),
        b'{"x":"%s"}' % (b'.\\"' * 300_000),
        b'{"x":"%s"}' % (b'\\"' * 300_000),
        b'{"%s":1}' % (b"." * 100_000),
    ],
    ids=["dots", "dots and quotes", "quotes", "dots in a key"],
)
def test_long_texts_are_read_once(shared_ring: Ring, line: bytes) -> None:
    """In a time that grows with their length; its square would take minutes here."""
    wire = list(Encoder(shared_ring, PATTERNS).encrypt([line]))
    assert list(Decoder(shared_ring).decrypt(wire)) == [msgspec.json.decode(line)]


def test_shapes_that_never_come_again_are_forgotten(shared_ring: Ring) -> None:
    lines = [msgspec.json.encode({f"k{n}-{i}": 1 for i in range(2000)}) + b"\n" for n in range(60)]
    encoder = Encoder(shared_ring, PATTERNS)
    assert held(lambda: encoder.report.events + sum(1 for _ in encoder.encrypt(lines))) < 30 * MIB


URIS = Profile.model_validate(
    {
        "name": "uris",
        "derive": {"host": {"from": "u", "part": "host"}},
        "fields": {"u": {"scheme": "uri"}, "host": {"scheme": "det"}},
    }
)


def test_values_with_long_originals_are_not_carried_for_ever(
    shared_ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zt.encoder.batch.CARRIED", 2 * MIB)
    monkeypatch.setattr("zt.encoder.encrypt.BATCH_EVENTS", 100)
    lines = [b'{"u":"sip:u%d@h;p=%s"}\n' % (n, b"A" * 7000) for n in range(2000)]
    encoder = Encoder(shared_ring, URIS)
    # up to twice what is carried, a batch, and what the interpreter keeps
    assert held(lambda: sum(map(len, encoder.encrypt(iter(lines))))) < 12 * MIB
    decoder = Decoder(shared_ring)
    wire = list(encoder.encrypt(lines))
    assert held(lambda: sum(1 for _ in decoder.decrypt(wire))) < 12 * MIB
