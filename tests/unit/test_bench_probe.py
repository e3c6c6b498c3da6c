"""The probe's benchmark measures what it says, and its rules follow the code."""

from __future__ import annotations

import struct
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from bench import sampling
from bench.page import BENCHMARKS, fill
from bench.probe import stages
from bench.probe.contest import make_capture, probe_events
from bench.probe.frames import frame
from bench.probe.held import held
from bench.probe.live import NOT_HERE, Watched
from bench.probe.messages import phone
from bench.probe.tables import tables
from bench.probe.traffic import SECOND, START, Packet, calls, flood, mix, overlapping, registration

from zt.sip import Agent, Datagram, Event, Probe
from zt.sip.parse import parse

MESSAGES = 20_000
LONG = 150_000  # until as many scenes end as begin


def _events(packets: list[Packet]) -> list[Event]:
    probe = Probe(Agent("bench", "0"))
    events = [event for packet in packets for event in probe.feed(Datagram(*packet))]
    return events + probe.finish()


def test_the_mix_is_in_order_and_the_same_each_time() -> None:
    packets = list(mix(MESSAGES))
    assert packets == list(mix(MESSAGES))
    assert len(packets) == MESSAGES
    assert all(one.time <= other.time for one, other in pairwise(packets))
    assert packets[-1].time - packets[0].time == (MESSAGES - 1) * 1_000


def test_every_message_of_the_mix_is_sound() -> None:
    for packet in mix(MESSAGES):
        assert not parse(packet.payload).error
        length = int(packet.payload.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
        assert len(packet.payload.partition(b"\r\n\r\n")[2]) == length


def test_the_mix_has_the_promised_parts() -> None:
    methods = Counter(
        packet.payload.partition(b"\r\nCSeq: ")[2].split(None, 2)[1] for packet in mix(LONG)
    )
    shares = {method: count / LONG for method, count in methods.items()}
    assert 0.4 < shares[b"INVITE"] + shares[b"ACK"] + shares[b"BYE"] < 0.6
    assert 0.3 < shares[b"REGISTER"] < 0.5
    assert 0.05 < shares[b"OPTIONS"] < 0.15


def test_frames_have_the_right_lengths_and_checksum() -> None:
    packet = next(mix(1))
    data = frame(packet)
    header = data[14:34]
    total = sum(struct.unpack(">10H", header))
    assert total % 0xFFFF == 0
    assert struct.unpack(">H", header[2:4])[0] == len(data) - 14
    assert struct.unpack(">H", data[38:40])[0] == len(packet.payload) + 8


def test_calls_are_told_by_their_beginnings_and_ends() -> None:
    types = Counter(event["type"] for event in _events(list(calls(5))))
    assert types == {"call-start": 5, "call-end": 5}


def test_a_phone_that_keeps_its_nonce_is_one_new_binding() -> None:
    scene = registration(phone(1), 1, START, 8, 20 * SECOND)
    assert [event["type"] for event in _events(list(scene))] == ["reg-new"]


@pytest.mark.parametrize("answered", [False, True])
def test_a_flood_has_its_rate_its_sources_and_its_answers(answered: bool) -> None:
    packets = list(flood(2, 1_000, 7, answered=answered))
    requests = [packet for packet in packets if packet.payload.startswith(b"REGISTER ")]
    assert len(requests) == 2_000
    assert len({packet.src for packet in requests}) == 7
    assert requests[-1].time - START == 1_999_000
    assert len(packets) - len(requests) == (2_000 if answered else 0)
    assert len({parse(packet.payload).call_id for packet in requests}) == 2_000
    assert all(one.time <= other.time for one, other in pairwise(packets))


def test_scenes_overlap_in_order_of_time() -> None:
    scenes = (registration(phone(n), n, START + n * SECOND, 3, 2 * SECOND) for n in range(5))
    packets = list(overlapping(scenes))
    assert len(packets) == 5 * 10
    assert all(one.time <= other.time for one, other in pairwise(packets))
    assert packets[4].src != packets[0].src or packets[4].dst != packets[0].src


@pytest.mark.parametrize("rule", stages.RULES, ids=str)
def test_each_rule_of_the_profile_names_code_that_exists(rule: sampling.Rule) -> None:
    assert rule.stage in (*stages.STAGES, sampling.OTHER)
    assert (sampling.REPOSITORY / rule.file).exists()


def test_the_rules_cover_the_probe(tmp_path: Path) -> None:
    """Fails when much of it has moved to where no rule looks."""
    capture = make_capture(tmp_path / "mix.pcap", MESSAGES)
    profile = stages.profile()
    while profile.stages.total() < 100:
        profile.sample(lambda: list(probe_events(capture.path)))
    assert profile.stages[sampling.OTHER] < profile.stages.total() / 4


def test_calls_that_go_on_are_held_to_their_ends() -> None:
    some = held(300)
    assert some.calls == some.ended == 300
    assert some.before > 1_000_000


def test_the_tables_stand_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.encoder.contest.ROUNDS", 1)
    monkeypatch.setattr("bench.probe.tables.watch", lambda *_: Watched())
    made = tables(2_000, 100, 1, tmp_path)
    page = fill(BENCHMARKS.read_text(), made)
    assert all(table in page for table in made.values())
    assert "| **the probe** |" in made["probe"]
    assert all(f"| {stage} |" in made["probe-stages"] for stage in stages.STAGES)
    assert NOT_HERE in made["probe-loads"]
