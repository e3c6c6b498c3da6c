"""What honeypots saw, in a store: the cloud finds proven attackers, and reads no address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from support.leaks import leaked
from support.sip_packets import SERVER, answer, ask, challenge, credentials, datagram

from analytics.jobs import run_jobs
from analytics.store import open_store
from analytics.store.cloud import CloudStore
from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.honeynet.honeypot.tell.credentials import Credentials
from zt.honeynet.honeypot.tell.recorder import AGENT_TYPE, Observer, Recorder
from zt.honeynet.sighting import Kind
from zt.jobs import load_pack, open_finding, push_jobs
from zt.profile import load_profile
from zt.profile.model import UNPROTECTED
from zt.query import Session
from zt.sip import Agent, Event, Probe

GUESSER, CALLER, SCANNER, FORGED, BABBLER = (f"203.0.113.{n}" for n in range(11, 16))
NUMBER, NAME = "900441234567890", "operator-desk"


def attacks() -> list[Event]:
    """The events of five senders: one that forges its address, and four that are proven."""
    events: list[Event] = []
    recorder = Recorder(
        Probe(Agent("honeypot-77", "0.1.0", AGENT_TYPE)),
        Observer("honeypot-77", "eu-central"),
        Credentials(b"0123456789abcdef"),
        None,
        events.extend,
    )
    at = 0.0

    def exchange(who: str, request: str, status: int, transport: str = "UDP", **more: str) -> None:
        nonlocal at
        at += 0.1
        recorder.seen(datagram(at, who, SERVER, request, transport))
        extra = [challenge(more["nonce"])] if "nonce" in more else []
        reply = answer(request, status, tag="s", extra=extra)
        recorder.seen(datagram(at + 0.01, SERVER, who, reply, transport))

    exchange(GUESSER, ask("REGISTER", user=NAME, call="g"), 401, nonce="n1")
    guess = ask("REGISTER", user=NAME, call="g", n=2, extra=[credentials("n1", NAME)])
    exchange(GUESSER, guess, 401, nonce="n2")
    exchange(CALLER, ask("INVITE", to=NUMBER, call="c"), 403, "TCP")
    exchange(SCANNER, ask("OPTIONS", call="o", agent="friendly-scanner"), 200, "TCP")
    for number in range(20):
        exchange(FORGED, ask("OPTIONS", call=f"f{number}", agent="friendly-scanner"), 200)
    broken = ask("OPTIONS", call="b").replace("CSeq: 1 OPTIONS", "CSeq: one")
    recorder.seen(datagram(at + 1, BABBLER, SERVER, broken, "TCP"))
    recorder.finish()
    return events


@pytest.fixture
def store(tmp_path: Path, ring: Ring) -> Iterator[CloudStore]:
    """A store that holds these events, encrypted as a honeypot does it."""
    with open_store(f"duckdb:{tmp_path / 'cloud.duckdb'}", create=True) as opened:
        lines = (msgspec.json.encode(event) + b"\n" for event in attacks())
        opened.ingest(Encoder(ring, load_profile("honeynet"), stream="x").encrypt(lines))
        yield opened


def test_each_job_is_called_what_the_collector_calls_it() -> None:
    jobs = [job.id for job in load_pack("honeynet").jobs]
    assert sorted(jobs) == sorted(f"honeynet-{kind}" for kind in Kind)


def test_the_cloud_finds_the_proven_and_none_that_was_forged(store: CloudStore, ring: Ring) -> None:
    session = Session(ring, store)
    pack = load_pack("honeynet")
    push_jobs(pack.jobs, session)
    run_jobs(store)
    jobs = {job.id: job for job in pack.jobs}
    found = [open_finding(finding, jobs, session) for finding in store.findings()]
    assert {(one.finding.job, one.group["client.ip"]) for one in found} == {
        ("honeynet-guess", GUESSER),
        ("honeynet-call", CALLER),
        ("honeynet-scan", SCANNER),
        ("honeynet-broken", BABBLER),
    }


def test_the_store_shows_no_attacker_number_name_or_honeypot(store: CloudStore, ring: Ring) -> None:
    lines = [line for epoch in store.epochs() for line in store.epoch_events(epoch.kid)]
    opened = Decoder(ring).decrypt([*store.header_lines(), *lines])
    hashes = {
        event["sip"]["auth"]["tried"]
        for event in opened
        if "tried" in event.get("sip", {}).get("auth", {})
    }
    assert len(hashes) == 1
    wire = b"\n".join(lines)
    senders = {GUESSER, CALLER, SCANNER, FORGED, BABBLER}
    assert not leaked({*senders, NUMBER, NAME, SERVER, "honeypot-77", *hashes}, wire)
    for clear in (b'"eu-central"', b'"honeynet"', b'"proven":true', b'"auth-failed"'):
        assert clear in wire


def test_the_profile_shows_only_what_thousands_have_in_common() -> None:
    fields = load_profile("honeynet").fields
    assert {path for path, rule in fields.items() if rule.scheme in UNPROTECTED} == {
        "@timestamp",
        "type",
        "tags",
        "sip.request.method",
        "sip.response.status",
        "rate.ex_diff",
        "client.proven",
        "client.transport",
        "geoip.src.iso_code",
        "observer.geo.name",
        "event.signature",
    }
