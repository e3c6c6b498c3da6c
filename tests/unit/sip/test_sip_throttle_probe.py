"""The throttle in the probe: floods of datagrams, calls beside them, and what counters say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.sip_floods import SECOND, address, of_source, registers, weight, weights
from support.sip_packets import (
    AGENT,
    PHONE,
    SERVER,
    START,
    Step,
    answer,
    ask,
    challenge,
    credentials,
    datagram,
    types,
)

from analytics.jobs import run_jobs
from analytics.store import open_store
from keys import Ring
from zt.encoder import Encoder
from zt.jobs import load_pack, open_finding, push_jobs
from zt.profile import Profile
from zt.query import Session
from zt.sip import Datagram, Event, Probe, probe_capture
from zt.sip.throttle import SamplerSettings, ThrottleSettings

HONEST = "192.0.2.200"
MANY = [address(n) for n in range(10_000)]


def run(probe: Probe, datagrams: Iterable[Datagram]) -> list[Event]:
    """All events, with the end of the capture."""
    return [event for one in datagrams for event in probe.feed(one)] + probe.finish()


def call(at: float, n: int) -> list[Datagram]:
    """A call of a tenth of a second, from a sender that nothing proves."""
    invite = ask("INVITE", call=f"honest-{n}", tag=f"a{n}")
    bye = ask("BYE", call=f"honest-{n}", tag=f"a{n}", to_tag=f"b{n}", n=2)
    steps: list[Step] = [
        (at, HONEST, SERVER, invite),
        (at + 0.02, SERVER, HONEST, answer(invite, 180, tag=f"b{n}")),
        (at + 0.04, SERVER, HONEST, answer(invite, 200, tag=f"b{n}")),
        (at + 0.08, HONEST, SERVER, bye),
        (at + 0.10, SERVER, HONEST, answer(bye, 200)),
    ]
    return [datagram(*step) for step in steps]


def with_calls(flood: Iterable[Datagram], seconds: float) -> list[Datagram]:
    """A flood and, four times a second, a call."""
    calls = [one for n in range(round(seconds * 4)) for one in call(n / 4, n)]
    return sorted([*flood, *calls], key=lambda one: one.time)


def guesses(number: int, gap: float) -> list[Datagram]:
    """Passwords tried by a sender that answers each challenge."""
    steps: list[Step] = []
    for n in range(number):
        at = n * gap
        first = ask("REGISTER", call=f"g{n}", tag=f"t{n}", n=1)
        second = ask("REGISTER", call=f"g{n}", tag=f"t{n}", n=2, extra=[credentials(f"nonce{n}")])
        refused = [challenge(f"nonce{n}")]
        steps += [
            (at, PHONE, SERVER, first),
            (at + gap / 4, SERVER, PHONE, answer(first, 401, tag="s", extra=refused)),
            (at + gap / 3, PHONE, SERVER, second),
            (at + gap / 2, SERVER, PHONE, answer(second, 401, tag="s", extra=[challenge("x")])),
        ]
    return [datagram(*step) for step in steps]


@pytest.mark.parametrize("sampler", [None, SamplerSettings()], ids=["all parsed", "sampled"])
@pytest.mark.parametrize(
    ("sources", "most"), [([PHONE], 100), (MANY, 11_000)], ids=["one source", "many sources"]
)
def test_a_flood_is_few_events_and_calls_beside_it_are_reported(
    sources: list[str], most: int, sampler: SamplerSettings | None
) -> None:
    number = 20_000
    probe = Probe(AGENT, sampler=sampler)
    sent = run(probe, with_calls(registers(number, sources), 1))
    flood = [event for event in sent if event.get("client", {}).get("ip") != HONEST]
    assert len(flood) < most
    shed = weights(flood)["msg-shed"]
    assert shed == (probe.sampler.shed if probe.sampler else 0)
    assert weights(flood)["other-timeout"] == number - shed
    assert types(of_source(sent, HONEST)) == ["call-start", "call-end"] * 4


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [None, SamplerSettings()], ids=["all parsed", "sampled"])
@pytest.mark.parametrize(
    ("sources", "most"), [([PHONE], 100), (MANY, 11_000)], ids=["one source", "many sources"]
)
def test_half_a_minute_of_flood(
    sources: list[str], most: int, sampler: SamplerSettings | None
) -> None:
    probe = Probe(AGENT, sampler=sampler)
    sent = run(probe, registers(600_000, sources))
    assert len(sent) < most
    assert sum(weights(sent).values()) == 600_000


def test_without_a_throttle_every_event_is_sent() -> None:
    plain = run(Probe(AGENT, throttle=None), registers(300, [PHONE]))
    assert types(plain) == ["other-timeout"] * 300
    assert weights(run(Probe(AGENT), registers(300, [PHONE]))) == weights(plain)


def test_a_capture_is_throttled_unless_asked_otherwise(demo_capture: Path) -> None:
    def probed(**how: Any) -> list[Event]:
        with demo_capture.open("rb") as source:
            return list(probe_capture(source, name="demo", agent=AGENT, **how))

    throttled, plain = probed(), probed(throttle=None)
    assert len(throttled) < len(plain) / 2
    assert weights(throttled) == weights(plain) == Counter(types(plain))
    for source in {event["client"]["ip"] for event in plain}:
        assert weights(of_source(throttled, source)) == weights(of_source(plain, source))


def test_shed_calls_are_taken_as_never_made() -> None:
    probe = Probe(AGENT, throttle=None, sampler=SamplerSettings(limit=50))
    sent = run(probe, guesses(400, 0.002))
    assert set(types(sent)) == {"auth-failed", "msg-shed"}, "an answer without its request"
    assert probe.sampler is not None
    passed = 4 * 400 - probe.sampler.shed
    assert probe.stats.requests + probe.stats.responses == passed


def test_a_sender_that_was_proven_is_shed_later() -> None:
    probe = Probe(AGENT, sampler=SamplerSettings(limit=20))
    run(probe, guesses(3, 0.1))
    sent = [datagram(10, PHONE, SERVER, ask("OPTIONS", call=f"o{n}")) for n in range(150)]
    for one in sent:
        probe.feed(one)
    assert probe.sampler is not None
    assert probe.sampler.shed == 0


def test_time_that_passes_reports_what_is_pending() -> None:
    probe = Probe(AGENT)
    for one in guesses(60, 0.01):
        probe.feed(one)
    assert probe.throttle is not None
    assert probe.throttle.pending == 39
    reports = [event for event in probe.advance(START + 30 * SECOND) if "rate" in event]
    assert weights(reports) == {"auth-failed": 39}


def test_a_job_counts_what_the_throttle_held_back(
    tmp_path: Path, ring: Ring, profile: Profile
) -> None:
    events = run(Probe(AGENT), guesses(500, 0.02))
    assert len(events) < 40
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as store:
        lines = (msgspec.json.encode(event) + b"\n" for event in events)
        store.ingest(Encoder(ring, profile, stream="flood").encrypt(lines))
        session = Session(ring, store)
        pack = load_pack("sip")
        push_jobs(pack.jobs, session)
        run_jobs(store)
        jobs = {job.id: job for job in pack.jobs}
        [found] = [open_finding(finding, jobs, session) for finding in store.findings()]
    assert found.finding.job == "password-guessing"
    assert found.group == {"client.ip": PHONE}
    assert found.finding.metric == 500


def counters(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event["type"] == "counters"]


def summed(found: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The sum of counters of several minutes."""
    total: dict[str, Any] = {}
    for one in found:
        for name, value in one.items():
            if isinstance(value, dict):
                total[name] = summed([total.get(name, {}), value])
            else:
                total[name] = total.get(name, 0) + value
    return total


def test_counters_are_made_at_the_minutes_of_the_capture() -> None:
    probe = Probe(AGENT, counters_every=60)
    messages = [datagram(n * 10, PHONE, SERVER, ask("MESSAGE", call=f"c{n}")) for n in range(13)]
    found = counters(run(probe, messages))
    assert [event["@timestamp"][14:19] for event in found] == ["01:00", "02:00", "02:00"]
    first = found[0]
    assert first["agent"] == AGENT.fields()
    assert first["counters"] == {
        "seconds": 60,
        "messages": 6,
        "requests": {"MESSAGE": 6},
        "sip": {"datagrams": 6, "requests": 6},
        "events": {
            "made": {"other-timeout": 3}, "sent": {"other-timeout": 3},
        },
        "tables": {"transactions": 3, "throttle_states": 1},
    }  # fmt: skip


def test_counters_tell_the_truth_about_a_flood() -> None:
    settings = ThrottleSettings(quiet=2)
    probe = Probe(AGENT, throttle=settings, sampler=SamplerSettings(limit=500), counters_every=1)
    flood = [*registers(10_000, [PHONE], per_second=4_000), *call(1, 1)]
    flood.append(datagram(2.5, HONEST, SERVER, b"\r\n\r\n"))
    flood.append(datagram(2.6, HONEST, SERVER, b"INVITE sip:a SIP/2.0\r\nCSeq: x\r\n\r\n"))
    sent = run(probe, sorted(flood, key=lambda one: one.time))
    total = summed(event["counters"] for event in counters(sent))
    del total["tables"]
    made = dict(probe.stats.events)
    assert probe.sampler is not None
    assert total["messages"] == len(flood)
    assert total["requests"] == {"REGISTER": 10_000, "INVITE": 2, "BYE": 1}
    assert total["responses"] == {"1xx": 1, "2xx": 2}
    assert total["shed"] == probe.sampler.shed > 5_000
    assert total["sip"]["datagrams"] == len(flood) - probe.sampler.shed
    assert (total["sip"]["not_sip"], total["sip"]["parse_errors"]) == (1, 1)
    assert total["events"]["made"] == made
    reported = Counter(types(sent)) - Counter(["counters"] * len(sent))
    del reported["msg-shed"]
    assert total["events"]["sent"] == reported
    suppressed = total["events"]["suppressed"]
    assert {kind: reported[kind] + suppressed.get(kind, 0) for kind in reported} == made


def test_a_gap_makes_one_event_and_a_clock_set_back_none_that_waits() -> None:
    probe = Probe(AGENT, counters_every=60)
    at = [0, 30, 86_400 + 90, 10, 75]
    options = [datagram(n, PHONE, SERVER, ask("OPTIONS", call=f"c{n}")) for n in at]
    found = counters(run(probe, options))
    assert [event["counters"]["messages"] for event in found] == [2, 2, 1]
    assert found[0]["counters"]["seconds"] == 86_400 + 60
    assert found[1]["counters"]["seconds"] == 50


def test_counters_of_the_source_are_included() -> None:
    probe = Probe(AGENT, counters_every=60)
    read = {"packets": 5, "kernel_drops": 0}
    probe.include("capture", lambda: dict(read))
    probe.feed(datagram(0, PHONE, SERVER, b"\r\n\r\n"))
    read["packets"], read["kernel_drops"] = 9, 2
    probe.advance(START + 60 * SECOND)
    read["packets"] = 10
    [last] = counters(probe.advance(START + 120 * SECOND))
    assert last["counters"] == {"seconds": 60, "capture": {"packets": 1}}


def test_a_capture_makes_no_counters_unless_asked() -> None:
    assert counters(run(Probe(AGENT), guesses(3, 30))) == []


def test_reports_of_shed_messages_are_events_like_others() -> None:
    probe = Probe(AGENT, sampler=SamplerSettings(limit=10))
    sent = run(probe, registers(1_000, [PHONE]))
    shed = [event for event in sent if event["type"] == "msg-shed"]
    assert sum(map(weight, shed)) + weights(sent)["other-timeout"] == 1_000
