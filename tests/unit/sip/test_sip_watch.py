"""The loop: time is the traffic's own, what comes is bounded, what is open is ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from zt.sip import Agent, Datagram, Probe
from zt.sip.load import Load
from zt.sip.tables import SECOND
from zt.sip.throttle import Rates, Sampler, SamplerSettings, ThrottleSettings
from zt.sip.watch import Watch

START = 1_800_000_000 * SECOND


class Clocks:
    """A time of day and a steady clock, both set by hand."""

    def __init__(self) -> None:
        self.day = START
        self.seconds = 1000.0

    def pass_by(self, seconds: float) -> None:
        self.day += int(seconds * SECOND)
        self.seconds += seconds


class Scripted:
    """A source that delivers what it is told to, and lets time pass."""

    def __init__(self, clocks: Clocks) -> None:
        self.clocks = clocks
        self.next: list[Datagram] = []
        self.drops = 0

    def read(self, timeout: float) -> list[Datagram]:
        found, self.next = self.next, []
        self.clocks.pass_by(0.0 if found else timeout)
        return found

    def counters(self) -> dict[str, int]:
        return {"packets": 0, "kernel_drops": self.drops}

    def close(self) -> None:
        pass


class Bench:
    """A watch over such a source."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self.source = Scripted(self.clocks)
        self.events: list[dict[str, Any]] = []
        self.watch = Watch(
            self.source,
            Probe(Agent(name="test", version="0")),
            self.events.extend,
            clock=lambda: self.clocks.day * 1_000,
            steady=lambda: self.clocks.seconds,
        )

    def deliver(self, *datagrams: Datagram) -> None:
        self.source.next += datagrams
        self.watch.turn()

    def idle(self, seconds: float) -> None:
        end = self.clocks.seconds + seconds
        while self.clocks.seconds < end:
            self.watch.turn()

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def request(method: str, time: int, number: int = 1) -> Datagram:
    text = (
        f"{method} sip:bob@example.net SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{number}\r\n"
        "From: <sip:alice@example.net>;tag=a\r\nTo: <sip:bob@example.net>\r\n"
        f"Call-ID: {number}@192.0.2.1\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    )
    return Datagram(
        time, bytes([192, 0, 2, 1]), 5060, bytes([198, 51, 100, 1]), 5060, text.encode()
    )


def test_a_request_without_an_answer_ends_when_its_time_is_over(bench: Bench) -> None:
    bench.deliver(request("MESSAGE", START))
    bench.idle(20)
    assert not bench.events
    bench.idle(60)
    assert bench.types() == ["other-timeout"]


def test_time_goes_on_from_the_traffics_own_wherever_our_clock_stands(bench: Bench) -> None:
    """An agent's clock may be a day behind ours."""
    bench.deliver(request("MESSAGE", START - 86_400 * SECOND))
    bench.idle(20)
    assert not bench.events
    bench.idle(60)
    assert bench.types() == ["other-timeout"]
    assert bench.events[0]["@timestamp"] < "2027-01-15"


@pytest.mark.parametrize("step", [-7200, 7200])
def test_a_clock_that_is_set_ends_nothing(step: int, bench: Bench) -> None:
    bench.deliver(request("MESSAGE", START))
    bench.idle(5)
    bench.clocks.day += step * SECOND
    bench.idle(15)
    assert not bench.events


def test_a_backlog_is_not_outrun_by_the_time_of_day(bench: Bench) -> None:
    """Packets that waited for a minute in a buffer: the answer is in there too."""
    bench.deliver(request("MESSAGE", START))
    bench.clocks.pass_by(60)
    answer = request("MESSAGE", START + SECOND)
    answer = replace(
        answer, src=answer.dst, dst=answer.src,
        payload=answer.payload.replace(
            b"MESSAGE sip:bob@example.net SIP/2.0", b"SIP/2.0 200 OK"
        ).replace(b"To: <sip:bob@example.net>", b"To: <sip:bob@example.net>;tag=b"),
    )  # fmt: skip
    bench.source.next = [answer]
    bench.watch.turn()
    assert bench.watch.lag == pytest.approx(59, abs=1)
    bench.idle(100)
    assert bench.types() == ["other-ok"]


def test_before_anything_came_the_clock_counts(bench: Bench) -> None:
    bench.idle(10)
    assert not bench.events
    assert bench.watch.lag == 0


def test_the_end_ends_what_is_open(bench: Bench) -> None:
    bench.deliver(request("INVITE", START))
    bench.idle(2)
    assert not bench.events
    bench.watch.finish()
    assert len(bench.events) == 1


def test_it_runs_until_it_is_over_and_looks_between_turns(bench: Bench) -> None:
    turns: list[int] = []
    bench.source.next = [request("MESSAGE", START)]
    bench.watch.run(lambda: len(turns) == 5, lambda: turns.append(1))
    assert len(turns) == 5


def test_other_settings_lose_no_count() -> None:
    """A flood that is throttled in one way, then in another, adds up to what it was."""
    probe = Probe(Agent(name="test", version="0"), sampler=SamplerSettings())
    strict, lax = (ThrottleSettings(rates=Rates(second=n)) for n in (5, 10))
    events: list[dict[str, Any]] = []
    for n in range(600):
        if n in (200, 400):
            events += probe.retune(strict if n == 200 else lax, SamplerSettings(limit=50))
        events += probe.feed(request("MESSAGE", START + n * 1_000, n))
    events += probe.finish()
    weights = [1 + event.get("rate", {}).get("ex_diff", 0) for event in events]
    assert sum(weights) == 600
    assert len(events) < 300
    throttle, sampler = probe.throttle, probe.sampler
    assert throttle is not None
    assert sampler is not None
    made = sum(throttle.sent().values()) + sum(throttle.suppressed().values())
    assert made + sampler.shed == 600
    assert sampler.shed > 0


class TestLoad:
    """What a probe sheds when it can't keep up."""

    @pytest.fixture
    def sampler(self) -> Sampler:
        return Sampler(SamplerSettings(), Agent(name="test", version="0"), lambda *_: False)

    @staticmethod
    def levels(sampler: Sampler, periods: Iterable[tuple[float, int]]) -> list[int]:
        """The level after each period of (share of time at work, drops in it)."""
        now = worked = 0.0
        drops = 0
        load = Load(now, worked)
        found = []
        for share, more in periods:
            now, worked, drops = now + 1, worked + share, drops + more
            assert load.is_due(now)
            load.judge(sampler, now, worked, drops)
            found.append(sampler.level)
        return found

    def test_it_rises_while_the_probe_is_busy_all_the_time(self, sampler: Sampler) -> None:
        assert self.levels(sampler, [(0.95, 0)] * 3) == [1, 2, 3]

    def test_it_rises_while_the_kernel_drops(self, sampler: Sampler) -> None:
        assert self.levels(sampler, [(0.5, 10), (0.5, 0), (0.5, 1)]) == [1, 1, 2]

    def test_it_stays_where_twice_the_load_would_be_too_much(self, sampler: Sampler) -> None:
        assert self.levels(sampler, [(0.95, 0), *[(0.6, 0)] * 20])[-1] == 1

    def test_it_falls_after_some_seconds_with_room(self, sampler: Sampler) -> None:
        found = self.levels(sampler, [(0.95, 0)] * 2 + [(0.3, 0)] * 12)
        assert found == [1, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0, 0]

    def test_at_rest_nothing_is_shed(self, sampler: Sampler) -> None:
        assert set(self.levels(sampler, [(0.7, 0), (0.1, 0)] * 10)) == {0}

    def test_nothing_is_judged_before_a_period_is_over(self) -> None:
        assert not Load(0.0, 0.0).is_due(0.5)
