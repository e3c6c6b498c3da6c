"""Whatever comes in whatever order: the throttle loses nothing, invents nothing, and is bounded."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st
from support.sip_floods import SECOND, made, weight
from support.sip_packets import AGENT, START
from support.thorough import examples

from zt.sip import Event
from zt.sip.throttle import Rates, Throttle, ThrottleSettings
from zt.sip.throttle.rates import Limits, RateMeter

KINDS = ["auth-failed", "call-start", "parse-error"]
SOURCES = [f"192.0.2.{n}" for n in range(1, 7)]
GAPS = [0, 0, 0, 1, 50_000, 400_000, SECOND, 2_500_000, 70 * SECOND, 4_000 * SECOND]

small_rates = st.builds(Rates, st.integers(0, 4), st.integers(0, 12), st.integers(0, 30))
throttle_settings = st.builds(
    ThrottleSettings,
    rates=small_rates,
    all_sources=small_rates,
    first=st.integers(1, 6),
    step=st.integers(1, 30),
    quiet=st.integers(1, 4),
    once=st.integers(1, 100),
    new_sources=st.integers(0, 4),
    states=st.integers(1, 6),
    held=st.integers(1, 4),
)
steps = st.lists(
    st.tuples(
        st.sampled_from([*GAPS, -3 * SECOND, -1_000 * SECOND]),
        st.sampled_from(KINDS),
        st.sampled_from(SOURCES),
        st.booleans(),
        st.integers(1, 20),  # so many at once
    ),
    max_size=40,
)


@settings(max_examples=examples(200))
@given(throttle_settings, steps)
def test_every_event_is_counted_in_exactly_one_that_is_sent(
    given_settings: ThrottleSettings, given_steps: list[tuple[int, str, str, bool, int]]
) -> None:
    throttle = Throttle(given_settings, AGENT)
    taken: Counter[str] = Counter()
    taken_of: Counter[tuple[str, str, bool]] = Counter()
    sent: list[Event] = []
    now = START + 10_000 * SECOND
    for gap, kind, source, proven, number in given_steps:
        now += gap
        sent += throttle.advance(now)
        for _ in range(number):
            sent += throttle.take([made(0, source, kind, proven=proven)[1]], now)
        taken[kind] += number
        taken_of[kind, source, proven] += number
        assert sum(taken.values()) == sum(map(weight, sent)) + throttle.pending
        sizes = throttle.sizes()
        assert sizes["throttle_states"] <= given_settings.states
        assert sizes["throttle_held"] <= min(given_settings.held, given_settings.states)
    sent += throttle.finish()
    assert throttle.pending == 0

    counted: Counter[str] = Counter()
    blamed: Counter[tuple[str, str, bool]] = Counter()
    for event in sent:
        counted[event["type"]] += weight(event)
        if (source := event["client"].get("ip")) is not None:
            blamed[event["type"], source, event["client"]["proven"]] += weight(event)
    assert counted == taken
    assert all(blamed[key] <= taken_of[key] for key in blamed), "blamed for more than it did"
    assert throttle.sent() == Counter(event["type"] for event in sent)
    suppressed = {kind: taken[kind] - throttle.sent()[kind] for kind in taken}
    assert throttle.suppressed() == {kind: n for kind, n in suppressed.items() if n}


@settings(max_examples=examples(200))
@given(
    st.lists(st.tuples(st.sampled_from(GAPS), st.integers(1, 300)), max_size=30),
    st.integers(1, 5),
    st.integers(5, 20),
)
def test_one_source_makes_no_more_reports_than_promised(
    bursts: list[tuple[int, int]], second: int, minute: int
) -> None:
    quiet = 3
    rates = Rates(second, minute, 0)
    throttle = Throttle(ThrottleSettings(rates=rates, quiet=quiet), AGENT)
    passed: dict[int, Counter[int]] = {SECOND: Counter(), 60 * SECOND: Counter()}
    backed_off = total = 0
    begin = now = START
    for gap, number in bursts:
        now += gap
        out = throttle.advance(now)
        for _ in range(number):
            out += throttle.take([made(0)[1]], now)
        total += number
        for event in out:
            if event.get("rate", {}).get("exceeded"):
                backed_off += 1
            else:
                for period, windows in passed.items():
                    windows[now // period] += 1
    assert all(n <= second for n in passed[SECOND].values())
    assert all(n <= minute for n in passed[60 * SECOND].values())
    # Each quiet time ends one flood and may begin another: a first, the rest, and the doublings.
    floods = min(len(bursts), 1 + (now - begin) // (quiet * SECOND))
    assert backed_off <= floods * (2 + 7) + total // 10_000


class Plain:
    """Counts each window apart and keeps them all: what a meter is to say."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits.all
        self._windows: dict[int, Counter[int]] = defaultdict(Counter)

    def hit(self, now: int) -> bool:
        over = False
        for period, most in self._limits:
            windows = self._windows[period]
            index, into = divmod(now, period)
            windows[index] += 1
            estimate = windows[index] + Fraction(windows[index - 1] * (period - into), period)
            over = over or estimate > most
        return over


@settings(max_examples=examples(300))
@given(small_rates, st.lists(st.tuples(st.sampled_from(GAPS), st.integers(1, 6)), max_size=60))
def test_a_meter_says_what_counting_everything_says(
    rates: Rates, bursts: list[tuple[int, int]]
) -> None:
    limits = Limits(rates)
    now = START
    meter, plain = RateMeter(limits, now), Plain(limits)
    for gap, number in bursts:
        now += gap
        for _ in range(number):
            over = plain.hit(now)
            assert meter.hit(now) is over
            assert meter.exceeded(now) is over
            if over:
                measure = meter.measure(now)
                assert measure is not None
                assert measure.current >= measure.limit.most
