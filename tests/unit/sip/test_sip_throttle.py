"""The throttle: what is sent of a flood of events, and what it says about the rest."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from support.sip_floods import SECOND, address, made, of_source, rates, throttled, weight, weights
from support.sip_packets import AGENT, START

from zt.errors import InputError
from zt.sip import Event
from zt.sip.throttle import Rates, Throttle, ThrottleSettings
from zt.sip.throttle.excess import Excess

SOURCE = "192.0.2.1"


def flood(number: int, source: str = SOURCE, at: float = 0) -> Iterator[tuple[int, Event]]:
    """So many events in one moment."""
    return (made(at, source) for _ in range(number))


def test_what_is_below_the_limits_passes_as_it_is() -> None:
    events = [made(n / 18) for n in range(240)]
    assert throttled(events) == [event for _, event in events]
    assert not rates([event for _, event in events], "key")


def test_a_flood_backs_off_exponentially() -> None:
    sent = throttled(flood(20 + 25_000), end=False)
    assert ["rate" in event for event in sent[:21]] == [False] * 20 + [True]
    assert rates(sent, "exceeded") == [1, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 20_000]
    assert rates(sent, "ex_diff") == [0, 98, 99, 199, 399, 799, 1599, 3199, 3599, 9999]


def test_what_is_pending_is_reported_at_the_end() -> None:
    sent = throttled(flood(20 + 25_000))
    assert sent[-1]["rate"]["ex_diff"] == 4_999
    assert weights(sent) == {"auth-failed": 25_020}


def test_a_million_events_are_reported_108_times() -> None:
    excess = Excess(first=100, step=10_000, quiet=SECOND)
    assert sum(excess.add(1, START) for _ in range(1_000_000)) == 108


def test_a_report_says_which_limit_is_exceeded_how_far() -> None:
    [report] = [event for event in throttled(flood(21)) if "rate" in event]
    assert report["rate"] == {
        "exceeded": 1, "ex_diff": 0, "crt": 21, "lim": 20, "period": 1_000,
        "key": "auth-failed:192.0.2.1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("gap", "passed", "limit", "period"),
    [(0.06, 240, 240, 60_000), (0.9, 3_600, 3_600, 3_600_000)],
    ids=["a minute", "an hour"],
)
def test_slow_floods_exceed_the_longer_periods(
    gap: float, passed: int, limit: int, period: int
) -> None:
    sent = throttled(made(n * gap) for n in range(passed + 1))
    assert len(sent) == passed + 1
    assert [sent[-1]["rate"][name] for name in ("crt", "lim", "period")] == [
        limit + 1, limit, period,
    ]  # fmt: skip


def test_back_to_normal_the_next_event_carries_the_rest() -> None:
    sent = throttled([*flood(50), made(5)], end=False)
    assert sent[-1]["@timestamp"] == "at 5"
    assert (sent[-1]["rate"]["exceeded"], sent[-1]["rate"]["ex_diff"]) == (0, 29)
    assert weights(sent) == {"auth-failed": 51}


def test_when_it_is_quiet_the_latest_event_held_back_reports_the_rest() -> None:
    throttle = Throttle(ThrottleSettings(), AGENT)
    throttled([*flood(49), made(0.5)], throttle=throttle, end=False)
    assert throttle.pending == 29
    assert throttle.advance(START + 10 * SECOND) == []
    [report] = throttle.advance(START + 11 * SECOND)
    assert (report["@timestamp"], report["rate"]["ex_diff"]) == ("at 0.5", 28)
    assert throttle.pending == 0


def test_a_new_flood_after_a_quiet_time_is_news() -> None:
    sent = throttled([*flood(50), *flood(50, at=120)])
    assert rates(sent, "exceeded") == [1, 30, 1, 30]


def test_a_source_about_its_limit_does_not_begin_anew_each_time() -> None:
    sent = throttled(made(n / 21, kind="other-ok") for n in range(21 * 10))
    assert rates(sent, "exceeded").count(1) == 1
    assert weights(sent) == {"other-ok": 210}


def test_types_and_sources_do_not_disturb_each_other() -> None:
    quiet = [made(0, "192.0.2.2"), made(0, SOURCE, "call-start")]
    sent = throttled([*flood(1_000), *quiet])
    assert all(event in sent and "rate" not in event for _, event in quiet)


def test_a_type_can_have_rates_of_its_own() -> None:
    settings = ThrottleSettings(rates_of={"auth-failed": Rates(2, 0, 0)})
    sent = throttled([*flood(10), *(made(0, kind="call-start") for _ in range(10))], settings)
    assert [event["type"] for event in sent] == ["auth-failed"] * 3 + ["call-start"] * 10 + [
        "auth-failed"
    ]


def test_a_limit_of_zero_is_none() -> None:
    settings = ThrottleSettings(rates=Rates(0, 0, 0), all_sources=Rates(0, 0, 0))
    assert len(throttled(flood(5_000), settings)) == 5_000


def test_an_ipv6_network_is_one_source() -> None:
    hosts = [made(0, f"2001:db8:0:1::{n:x}") for n in range(1, 51)]
    sent = throttled([*hosts, made(0, "2001:db8:0:2::1")])
    assert len(sent) == 23
    assert rates(sent, "key") == ["auth-failed:2001:db8:0:1::/64"] * 2
    apart = ThrottleSettings(ipv6_prefix=128)
    assert len(throttled((made(0, f"2001:db8:0:1::{n:x}") for n in range(1, 51)), apart)) == 50


def test_ipv4_written_as_ipv6_is_the_ipv4_source() -> None:
    sent = throttled(
        made(0, ("::ffff:" if n % 2 else "") + f"192.0.2.{n // 50}") for n in range(100)
    )
    assert set(rates(sent, "key")) == {"auth-failed:192.0.2.0", "auth-failed:192.0.2.1"}


def test_listed_networks_are_never_throttled() -> None:
    lists = ("198.51.100.7", "192.0.2.0/24", "2001:db8::/48")
    settings = ThrottleSettings(never_throttle=lists)
    for listed in ("198.51.100.7", "192.0.2.200", "2001:db8:0:ffff::1", "::ffff:192.0.2.1"):
        assert len(throttled(flood(200, listed), settings)) == 200
    for other in ("198.51.100.8", "192.0.3.1", "2001:db8:1::1"):
        assert len(throttled(flood(200, other), settings)) < 30


def test_listed_types_are_always_reported() -> None:
    settings = ThrottleSettings(always_report=frozenset({"auth-failed"}))
    assert len(throttled(flood(200), settings)) == 200


def test_events_without_a_source_pass() -> None:
    event: Event = {"@timestamp": "now", "type": "counters"}
    assert throttled([(START, event)] * 100) == [event] * 100


def test_a_flood_of_forged_senders_is_reported_once_for_each_and_then_as_a_whole() -> None:
    events = (made(n / 20_000, address(n % 10_000)) for n in range(50_000))
    sent = throttled(events)
    assert weights(sent) == {"auth-failed": 50_000}
    named = [event for event in sent if "ip" in event["client"]]
    assert len({event["client"]["ip"] for event in named}) == len(named) == 10_000
    whole = [event for event in sent if "ip" not in event["client"]]
    assert len(whole) < 30
    assert {event["rate"]["key"] for event in whole} == {"auth-failed:*"}
    assert whole[0] == {
        "@timestamp": "at 0.5", "type": "auth-failed", "client": {"proven": False},
        "agent": AGENT.fields(),
        "rate": {
            "exceeded": 1, "ex_diff": 0, "crt": 10_001, "lim": 1_000, "period": 1_000,
            "key": "auth-failed:*",
        },
    }  # fmt: skip


def test_more_forged_senders_than_can_be_real_are_not_named() -> None:
    settings = ThrottleSettings(new_sources=500, states=2_000)
    throttle = Throttle(settings, AGENT)
    sent = throttled((made(n / 20_000, address(n)) for n in range(20_000)), throttle=throttle)
    assert weights(sent) == {"auth-failed": 20_000}
    assert len(sent) < 1_000 + 500 + 30


def test_proven_senders_keep_their_events_in_a_forged_flood() -> None:
    forged = [made(n / 20_000, address(n), "call-attempt") for n in range(40_000)]
    honest = [made(n / 10, "192.0.2.9", "call-attempt", proven=True) for n in range(20)]
    sent = throttled(sorted(forged + honest, key=lambda one: one[0]))
    assert of_source(sent, "192.0.2.9") == [event for _, event in honest]


def test_no_proven_event_stands_for_forged_ones() -> None:
    forged = [made(n / 100, "192.0.2.9") for n in range(1_000)]
    honest = [made(n + 0.005, "192.0.2.9", proven=True) for n in range(10)]
    sent = throttled(sorted(forged + honest, key=lambda one: one[0]))
    assert sum(weight(event) for event in sent if event["client"]["proven"]) == 10
    assert weights(sent) == {"auth-failed": 1_010}


def test_a_sender_known_for_long_reports_once_in_a_forged_flood() -> None:
    before = made(0, "192.0.2.9")
    forged = [made(120 + n / 20_000, address(n % 2_000)) for n in range(40_000)]
    meanwhile = [made(121 + n / 10, "192.0.2.9") for n in range(5)]
    events = [before, *sorted(forged + meanwhile, key=lambda one: one[0])]
    assert len(of_source(throttled(events), "192.0.2.9")) == 2


@pytest.mark.slow
def test_one_attacker_is_reported_as_one_however_many_events_it_makes() -> None:
    sent = throttled(made(n / 20_000) for n in range(600_000))
    assert all(event["client"]["ip"] == SOURCE for event in sent)
    assert weights(sent) == {"auth-failed": 600_000}
    assert len(sent) < 100


def test_who_is_forgotten_for_others_is_counted_with_all() -> None:
    throttle = Throttle(ThrottleSettings(states=2), AGENT)
    sent = throttled([*flood(50), made(0, "192.0.2.2"), made(0, "192.0.2.3")], throttle=throttle)
    assert throttle.sizes() == {"throttle_states": 0, "throttle_held": 0}
    [whole] = [event for event in sent if "ip" not in event["client"]]
    assert weight(whole) == 29
    assert weights(sent) == {"auth-failed": 52}


def test_events_held_back_are_bounded_in_number() -> None:
    throttle = Throttle(ThrottleSettings(held=5), AGENT)
    for n in range(20):
        throttled(flood(50, address(n)), throttle=throttle, end=False)
        assert throttle.sizes()["throttle_held"] <= 5
    assert throttle.pending == 5 * 29


def test_a_flood_of_ever_new_senders_takes_no_more_memory_the_longer_it_lasts() -> None:
    throttle = Throttle(ThrottleSettings(states=2_000, held=100), AGENT)

    def flood_on(begin: int, end: int) -> int:
        for n in range(begin, end):
            throttle.take([made(0, address(n))[1]], START + n * 50)
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full = flood_on(0, 40_000)  # and so are the caches
        assert flood_on(40_000, 60_000) < full + 100_000
    finally:
        tracemalloc.stop()
    assert throttle.sizes() == {"throttle_states": 2_000, "throttle_held": 0}


def test_a_clock_that_is_set_back_freezes_no_rate() -> None:
    throttle = Throttle(ThrottleSettings(), AGENT)
    throttle.take([made(0)[1]], START + 365 * 86_400 * SECOND)  # somebody claims next year
    sent = throttled((made(n) for n in range(200)), throttle=throttle)
    assert len(sent) == 200


def test_a_clock_that_jumps_on_reports_what_was_pending() -> None:
    sent = throttled([*flood(50), made(86_400 * 365)], end=False)
    assert [weight(event) for event in sent[-2:]] == [29, 1]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"never_throttle": ("192.0.2.0/33",)}, "'192.0.2.0/33' is neither"),
        ({"never_throttle": ("pbx.example",)}, "'pbx.example' is neither"),
        ({"step": 0}, "step is 0"),
        ({"states": True}, "states is True"),
        ({"ipv6_prefix": 0}, "ipv6_prefix is 0"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], named: str) -> None:
    with pytest.raises(InputError, match=named):
        ThrottleSettings(**wrong)  # type: ignore[arg-type]


def test_negative_rates_are_refused() -> None:
    with pytest.raises(InputError, match="second is -1"):
        Rates(second=-1)
