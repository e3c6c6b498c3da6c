"""For any events the suggested profile loads, encrypts them, gives them back, and is no alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from properties.event_strategies import events, is_ambiguous, is_encrypted, merge, nest
from properties.test_prop_lossless import odd_events, without_dropped
from support.every_scheme import PROFILE
from support.surveys import Event, lines_of, loaded, pass_through, suggested_text
from support.thorough import examples

from keys import Ring
from zt.encoder import Encoder
from zt.profile import Profile, load_profile, preset_names
from zt.survey import explain
from zt.survey.names import _BY_WORDS

Exact = Callable[[Any], Any]
GENERIC = load_profile("generic")
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

NAMES = sorted("_".join(words) for words in _BY_WORDS)
SECRET = "s3cret"
VALUES = [
    "alice", "bob", "alert", "GET", "", "-", "Alice Keller", 200, 404, 5, 1.5, -3, True, None,
    f"{SECRET}@example.org", f"sip:{SECRET}@example.org", f"https://{SECRET}.example.org/",
    f"user {SECRET}@example.org failed", f"/home/{SECRET}/x.txt", f"Bearer {SECRET}a1B2c3D4e5F6g7",
    "192.0.2.1", "2001:db8::1", "192.0.2.1, 192.0.2.2", "192.0.2.0/24", "+493012345678",
    "493012345678", 493012345678, "00:16:3e:00:00:01", "2026-01-02T03:04:05Z", "2026-01-02",
    1767319592, "550e8400-e29b-41d4-a716-446655440000", "d41d8cd98f00b204e9800998ecf8427e", [], {},
    "x" * 9000, 2**70, "0.003", "TLS 1.3", "curl/8.5.0", "*", "zt:event",
]  # fmt: skip
values = st.sampled_from(VALUES)


@st.composite
def named_events(draw: st.DrawFn) -> Event:
    """Fields with names that say something, below others or not, of whatever values."""
    event: Event = {}
    for path in draw(
        st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2), max_size=6)
    ):
        value = draw(values | st.lists(values, max_size=3) | st.just([{"a": SECRET}]))
        event = merge(event, nest(".".join(path), draw(st.integers(0, 1)), value))
    return event


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """A few events that are all alike, one that is not, and repeats."""
    shape = draw(named_events())
    alike = [
        {
            key: draw(values) if not isinstance(value, dict) else value
            for key, value in shape.items()
        }
        for _ in range(draw(st.integers(1, 4)))
    ]
    found = [*alike * draw(st.sampled_from([1, 8])), draw(named_events()), draw(events)]
    return [e for e in found if not is_encrypted(e) and not is_ambiguous(e)] or [{"a": 1}]


def accepted(ring: Ring, profile: Profile, lines: list[bytes]) -> set[int]:
    """The numbers of the lines that a profile takes."""
    return {*range(1, len(lines) + 1)} - {
        r.line for r in pass_through(ring, profile, lines).rejected
    }


@settings(max_examples=examples(120), suppress_health_check=SLOW)
@given(logs())
def test_a_suggested_profile_fits_its_sample(
    shared_ring: Ring, exact: Exact, given: list[Event]
) -> None:
    lines = lines_of(given)
    text = suggested_text(lines)
    profile = loaded(text)
    passed = pass_through(shared_ring, profile, lines)
    assert accepted(shared_ring, profile, lines) == accepted(shared_ring, GENERIC, lines)
    expected = [without_dropped(event, profile) for event in given]
    assert [exact(event) for event in passed.events] == [exact(event) for event in expected]
    # what is suggested shows nothing that names somebody, and neither tool quotes a value
    assert SECRET.encode() not in passed.wire
    assert SECRET not in text
    found = explain(lines, profile)
    assert found.alarms == 0
    assert SECRET not in "".join(
        field.path + field.learns + field.verdict for field in found.fields
    )


@settings(max_examples=examples(60), suppress_health_check=SLOW)
@given(
    st.lists(events | odd_events(), min_size=1, max_size=5),
    st.sampled_from([*preset_names(), "every scheme"]),
)
def test_explain_counts_what_the_encoder_does(
    shared_ring: Ring, given: list[Event], name: str
) -> None:
    """Which lines are none, which fields are visible, which values fall back to det."""
    profile = PROFILE if name == "every scheme" else load_profile(name)
    lines = lines_of(given)
    encoder = Encoder(shared_ring, profile, stream="s")
    wire = list(encoder.encrypt(lines))
    assume(encoder.report.events > 0)
    found = explain(lines, profile)
    assert found.sample.bad == encoder.report.rejected
    visible = [f for f in found.fields if f.rule.is_visible and f.path != "*"]
    counted = Counter({f.path: f.figures.unfit for f in visible if f.figures.unfit})
    assert counted == encoder.report.fallbacks
    columns = {
        c["path"] for line in wire for c in msgspec.json.decode(line)["zt"].get("columns", ())
    }
    assert {f.path for f in visible if f.figures.values and not f.figures.containers} <= columns
    assert columns <= {f.path for f in visible}
