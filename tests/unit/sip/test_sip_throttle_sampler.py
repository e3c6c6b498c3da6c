"""The sampler: which messages of a flood are parsed, and how the others are counted."""

from __future__ import annotations

import pytest
from support.sip_floods import SECOND, address, registers, weight, weights
from support.sip_packets import AGENT, CALLEE, PHONE, SERVER, START, answer, ask, packed

from zt.errors import InputError
from zt.sip import Datagram, Event
from zt.sip.throttle import Sampler, SamplerSettings

SMALL = SamplerSettings(limit=50)


def sampler_of(settings: SamplerSettings = SMALL) -> Sampler:
    """One that nobody is proven to."""
    return Sampler(settings, AGENT, lambda client, server: False)


def message(src: str, dst: str, text: str, seconds: float = 0, transport: str = "UDP") -> Datagram:
    time = START + round(seconds * SECOND)
    return Datagram(time, packed(src), 5060, packed(dst), 5060, text.encode(), transport)


def requests(number: int, src: str = PHONE, dst: str = SERVER, at: float = 0) -> list[Datagram]:
    """Requests of as many calls in one moment."""
    return [message(src, dst, ask("OPTIONS", call=f"c{n}"), at) for n in range(number)]


def answers(number: int, src: str = SERVER, dst: str = PHONE) -> list[Datagram]:
    return [message(src, dst, answer(ask("OPTIONS", call=f"c{n}"), 200)) for n in range(number)]


def sample(sampler: Sampler, datagrams: list[Datagram]) -> tuple[list[Datagram], list[Event]]:
    """What passes, and the reports."""
    reports: list[Event] = []
    return [one for one in datagrams if sampler.passes(one, reports)], reports


def calls(datagrams: list[Datagram]) -> set[bytes]:
    """Their Call-IDs."""
    return {line for one in datagrams for line in one.payload.split(b"\r\n") if b"Call-ID" in line}


def test_below_the_limit_everything_passes() -> None:
    sampler = sampler_of()
    for second in range(20):
        sent = requests(50, at=second)
        assert sample(sampler, sent) == (sent, [])
    assert (sampler.shed, sampler.finish()) == (0, [])


def test_above_the_limit_some_calls_pass_whole() -> None:
    sampler = sampler_of()
    asked, _ = sample(sampler, requests(1_000))
    answered, _ = sample(sampler, answers(1_000))
    assert 60 < len(asked) <= 100
    assert calls(asked) == calls(answered)


def test_forged_call_ids_that_pass_are_limited_too() -> None:
    sampler = sampler_of()
    passing, _ = sample(sampler_of(), requests(1_000))
    chosen = passing[-1].payload
    flood = [message(PHONE, SERVER, chosen.decode()) for _ in range(10_000)]
    assert len(sample(sampler, flood)[0]) == 100


def test_what_has_no_call_id_is_sampled_as_well() -> None:
    sampler = sampler_of()
    passed, _ = sample(sampler, [message(PHONE, SERVER, "\r\n\r\n") for _ in range(450)])
    assert len(passed) == 50 + 40


def test_shed_messages_are_counted_exactly_and_reported_seldom() -> None:
    sampler = sampler_of()
    sent = list(registers(40_000, [PHONE]))
    passed, reports = sample(sampler, sent)
    assert sum(map(weight, reports)) + sampler.pending == sampler.shed
    reports += sampler.finish()
    assert weights(reports) == {"msg-shed": len(sent) - len(passed)}
    assert (sampler.shed, sampler.pending) == (len(sent) - len(passed), 0)
    assert len(reports) == 11  # the first, 100, 200 ... 25,600, and the rest


def test_the_report_names_the_source_and_its_rate() -> None:
    _, [report] = sample(sampler_of(SamplerSettings(limit=1, one_in=10**9)), requests(2))
    assert report == {
        "@timestamp": "2026-01-01T00:00:00.000000Z",
        "type": "msg-shed",
        "client": {"ip": PHONE, "proven": False},
        "agent": AGENT.fields(),
        "rate": {
            "exceeded": 1, "ex_diff": 0, "crt": 2, "lim": 1, "period": 1_000,
            "key": f"msg-shed:{PHONE}",
        },
    }  # fmt: skip


def test_when_a_source_is_quiet_the_rest_is_reported() -> None:
    sampler = sampler_of()
    sample(sampler, requests(120))
    assert sampler.pending > 0
    assert sampler.advance(START + 9 * SECOND) == []
    [report] = sampler.advance(START + 10 * SECOND)
    assert report["client"]["ip"] == PHONE
    assert (sampler.pending, sampler.advance(START + 30 * SECOND)) == (0, [])


def test_a_server_that_answers_everybody_is_no_flood() -> None:
    sampler = sampler_of()
    sent = [one for n in range(200) for one in answers(20, dst=address(n))]
    assert sample(sampler, sent) == (sent, [])


def test_forged_answers_silence_nobody_else() -> None:
    sampler = sampler_of()
    _, reports = sample(sampler, answers(1_000, src="192.0.2.66", dst=SERVER))
    assert reports[0]["server"] == {"ip": "192.0.2.66"}
    assert "client" not in reports[0]
    honest = requests(50, src=SERVER, dst=CALLEE) + answers(50, src=CALLEE, dst=SERVER)
    assert sample(sampler, honest)[0] == honest


def test_proven_senders_get_more() -> None:
    pairs = {(packed(PHONE), packed(SERVER))}
    sampler = Sampler(SMALL, AGENT, lambda client, server: (client, server) in pairs)
    sent = requests(500) + answers(500)
    assert sample(sampler, sent)[0] == sent
    assert len(sample(sampler, requests(600))[0]) <= 500, "ten times as many, not all"
    assert len(sample(sampler, requests(500, src=CALLEE))[0]) <= 100


def test_listed_networks_are_not_sampled() -> None:
    sampler = sampler_of(SamplerSettings(limit=50, never_shed=("203.0.113.0/24",)))
    sent = requests(1_000) + answers(1_000)
    assert sample(sampler, sent)[0] == sent


def test_an_ipv6_network_is_one_source() -> None:
    sampler = sampler_of()
    sent = [
        message(f"2001:db8::{n:x}", "2001:db8:1::1", ask("OPTIONS", call=f"c{n}"))
        for n in range(1, 500)
    ]
    _, reports = sample(sampler, sent)
    assert reports[0]["rate"]["key"] == "msg-shed:2001:db8::/64"


def test_a_probe_that_lags_sheds_what_is_not_proven() -> None:
    sampler = Sampler(SamplerSettings(), AGENT, lambda client, _: client == packed(CALLEE))
    sampler.level = 2
    forged = [message(address(n), SERVER, ask("OPTIONS", call=f"call {n}")) for n in range(800)]
    passed, reports = sample(sampler, forged + requests(50, src=CALLEE))
    assert 100 < len(passed) - 50 < 300  # about a quarter
    assert {event["rate"]["key"] for event in reports} == {"msg-shed:*"}
    assert weights(reports + sampler.finish()) == {"msg-shed": 850 - len(passed)}
    sampler.level = 0
    assert sample(sampler, forged)[0] == forged


def test_tables_are_bounded_and_lose_no_count() -> None:
    sampler = sampler_of(SamplerSettings(limit=2, sources=100, reports=10))
    sent = [one for n in range(1_000) for one in requests(20, src=address(n))]
    passed, reports = sample(sampler, sent)
    assert sampler.sizes() == {"sampler_sources": 100, "sampler_shed": 10}
    reports += sampler.finish()
    assert weights(reports) == {"msg-shed": len(sent) - len(passed)}
    assert sampler.sent == len(reports)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(InputError, match="one_in is 0"):
        SamplerSettings(one_in=0)
    with pytest.raises(InputError, match="'me' is neither"):
        SamplerSettings(never_shed=("me",))
