"""What a honeypot keeps of what it saw: events, sightings, and no password."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.event_schema import violations
from support.sip_mutations import Traffic, seeds
from support.sip_packets import (
    PHONE,
    SERVER,
    START,
    answer,
    ask,
    challenge,
    credentials,
    datagram,
)

from zt.honeynet.honeypot.tell.credentials import Credentials
from zt.honeynet.honeypot.tell.recorder import AGENT_TYPE, Observer, Recorder
from zt.honeynet.honeypot.tell.sightings import Sightings
from zt.honeynet.sighting import Kind, Sighting
from zt.sip import Agent, Event, Probe
from zt.sip.parse import parse
from zt.sip.throttle import SamplerSettings, ThrottleSettings

SALT = b"0123456789abcdef"
RESPONSE = "0123456789abcdef0123456789abcdef"  # of `credentials`


class Recording:
    """A recorder, and what came out of it."""

    def __init__(
        self,
        salt: bytes = SALT,
        *,
        region: str = "eu",
        throttle: ThrottleSettings | None = None,
        sampler: SamplerSettings | None = None,
    ) -> None:
        self.events: list[Event] = []
        self.table = Sightings()
        agent = Agent("fra-1", "0.1.0", AGENT_TYPE)
        probe = Probe(agent, throttle=throttle, sampler=sampler, counters_every=60)
        self.recorder = Recorder(
            probe, Observer("fra-1", region), Credentials(salt), self.table, self.events.extend
        )

    def comes(self, at: float, payload: str | bytes, transport: str = "UDP") -> None:
        self.recorder.seen(datagram(at, PHONE, SERVER, payload, transport))

    def goes(self, at: float, payload: str, transport: str = "UDP") -> None:
        self.recorder.seen(datagram(at, SERVER, PHONE, payload, transport))

    def guess(self, at: float, nonce: str, call: str = "guess", *, header: str = "") -> None:
        """A REGISTER, its challenge, its answer, and that this was wrong."""
        first = ask("REGISTER", call=call, n=1)
        self.comes(at, first)
        self.goes(at + 0.01, answer(first, 401, tag="s", extra=[challenge(nonce)]))
        second = ask("REGISTER", call=call, n=2, extra=[header or credentials(nonce)])
        self.comes(at + 0.02, second)
        self.goes(at + 0.03, answer(second, 401, tag="s", extra=[challenge(nonce)]))

    def made(self, *, end: bool = True) -> list[Event]:
        """The events; those that count traffic are left out."""
        if end:
            self.recorder.finish()
        return [event for event in self.events if event["type"] != "counters"]

    def sightings(self) -> list[Sighting]:
        return self.table.take(1_000, everything=True)


def tried(event: Event) -> Any:
    return event["sip"].get("auth", {}).get("tried")


def test_events_say_which_honeypot_saw_it() -> None:
    recording = Recording()
    recording.guess(0, "n1")
    recording.recorder.finish()
    assert {event["type"] for event in recording.events} == {"auth-failed", "counters"}
    for event in recording.events:
        assert event["tags"] == ["honeynet"]
        assert event["observer"] == {"name": "fra-1", "geo": {"name": "eu"}}
        assert event["agent"]["type"] == "zt-honeypot"
        assert not violations(event)


def test_a_region_that_nobody_named_is_absent() -> None:
    recording = Recording(region="")
    recording.comes(0, ask("OPTIONS"))
    assert recording.made()[0]["observer"] == {"name": "fra-1"}


def test_events_leave_when_time_passes_not_while_a_message_is_answered() -> None:
    recording = Recording()
    recording.guess(0, "n1")
    assert not recording.events
    recording.recorder.advance(START + 100_000)
    assert [event["type"] for event in recording.made(end=False)] == ["auth-failed"]


def test_of_credentials_a_salted_hash_stays_and_nothing_else() -> None:
    recording = Recording()
    recording.guess(0, "n1")
    (event,) = recording.made()
    assert len(tried(event)) == 32
    assert event["sip"]["auth"]["username"] == "alice"
    kept = msgspec.json.encode(event)
    assert RESPONSE.encode() not in kept
    assert b"n1" not in kept.replace(b"fra-1", b"")


def test_equal_tries_have_equal_hashes_under_one_salt() -> None:
    def hash_of(nonce: str, salt: bytes = SALT, call: str = "a") -> Any:
        recording = Recording(salt)
        recording.guess(0, nonce, call)
        return tried(recording.made()[0])

    assert hash_of("n1") == hash_of("n1", call="b")
    assert hash_of("n1") != hash_of("n2")
    assert hash_of("n1") != hash_of("n1", b"fedcba9876543210")


@pytest.mark.parametrize("name", ["authorization", "Proxy-Authorization", "AUTHORIZATION "])
def test_credentials_are_found_however_their_header_is_spelt(name: str) -> None:
    recording = Recording()
    _, _, value = credentials("n1").partition(": ")
    recording.guess(0, "n1", header=f"{name}: {value.replace(', uri', f',{chr(13)}{chr(10)} uri')}")
    assert tried(recording.made()[0])


def test_a_password_in_basic_credentials_is_hashed_too() -> None:
    recording = Recording()
    recording.comes(0, ask("REGISTER", extra=["Authorization: Basic YWxpY2U6c2VjcmV0"]))
    (event,) = recording.made()
    assert len(tried(event)) == 32
    assert not violations(event)
    assert b"YWxpY2U6c2VjcmV0" not in msgspec.json.encode(event)


def test_a_request_without_credentials_has_no_hash() -> None:
    recording = Recording()
    recording.guess(0, "n1")
    recording.comes(1, ask("MESSAGE", call="other"))
    hashes = {event["sip"]["request"]["method"]: tried(event) for event in recording.made()}
    assert hashes["REGISTER"]
    assert hashes["MESSAGE"] is None


def test_a_salt_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        Credentials(b"short")


def test_the_number_dialled_stands_in_the_event() -> None:
    recording = Recording()
    request = ask("INVITE", to="900441234567890")
    recording.comes(0, request)
    recording.goes(0.1, answer(request, 403, tag="s"))
    (event,) = recording.made()
    assert event["sip"]["to"] == "sip:900441234567890@pbx.example"
    assert event["uri"]["original"] == "sip:900441234567890@pbx.example"


def test_the_first_message_is_a_sighting_without_waiting_for_an_outcome() -> None:
    recording = Recording()
    recording.comes(0, ask("OPTIONS", agent="friendly-scanner"))
    assert recording.sightings() == [
        Sighting(PHONE, Kind.SCAN, False, START, START, 1, "friendly-scanner")
    ]


def test_who_answers_a_challenge_is_proven_by_that_very_message() -> None:
    recording = Recording()
    recording.guess(0, "n1")
    assert [(one.kind, one.proven, one.count) for one in recording.sightings()] == [
        (Kind.GUESS, True, 1),
        (Kind.SCAN, False, 1),
    ]


def test_a_flood_that_the_probe_sheds_hides_no_proof() -> None:
    recording = Recording(sampler=SamplerSettings(limit=1))
    for number in range(200):
        recording.guess(0.001 * number, f"a-nonce-for-number-{number}", f"call-{number}")
    proofs = {one.kind: one.proven for one in recording.sightings() if one.count > 100}
    assert proofs[Kind.GUESS]


def test_a_nonce_that_was_given_to_nobody_proves_nothing() -> None:
    recording = Recording()
    recording.comes(0, ask("REGISTER", extra=[credentials("made-up")]))
    assert [(one.kind, one.proven) for one in recording.sightings()] == [(Kind.GUESS, False)]


def test_who_speaks_by_a_connection_is_proven() -> None:
    recording = Recording()
    recording.comes(0, ask("INVITE"), "TCP")
    assert [(one.kind, one.proven) for one in recording.sightings()] == [(Kind.CALL, True)]


def test_our_own_answers_and_those_of_strangers_are_no_sightings() -> None:
    recording = Recording()
    request = ask("OPTIONS")
    recording.goes(0, answer(request, 200))
    recording.comes(1, answer(request, 200))  # a forged request of ours would get it
    recording.comes(2, "\r\n" + answer(request, 200, extra=[credentials("n1")]))
    recording.goes(3, ask("BYE", to_tag="theirs"))
    assert recording.sightings() == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\r\n\r\n", b"\0\0", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x80\x60abcdefgh"],
)
def test_what_is_no_sip_is_no_sighting(payload: bytes) -> None:
    recording = Recording()
    recording.comes(0, payload)
    assert recording.sightings() == []
    assert recording.made() == []


def test_what_the_honeypot_itself_cut_is_not_called_broken() -> None:
    recording = Recording()
    cut = datagram(0, PHONE, SERVER, ask("OPTIONS")[:60])
    cut.cut = True
    recording.recorder.seen(cut)
    assert recording.sightings() == []


def test_a_message_that_was_parsed_before_is_not_parsed_again() -> None:
    recording = Recording()
    came = datagram(0, PHONE, SERVER, b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")  # broken by itself
    recording.recorder.seen(came, parse(ask("INVITE").encode()))
    assert [one.kind for one in recording.sightings()] == [Kind.CALL]
    assert [event["type"] for event in recording.made()] == ["call-attempt"]


def test_a_flood_becomes_few_events_and_every_message_counts() -> None:
    recording = Recording(throttle=ThrottleSettings())
    for number in range(1_000):
        recording.guess(number / 100, f"n{number}", f"call-{number}")
    events = recording.made()
    assert len(events) < 200
    assert sum(1 + event.get("rate", {}).get("ex_diff", 0) for event in events) == 1_000
    counts: dict[Kind, int] = {}
    for one in recording.sightings():
        counts[one.kind] = counts.get(one.kind, 0) + one.count
    assert counts == {Kind.SCAN: 1_000, Kind.GUESS: 1_000}


def test_no_bytes_make_it_raise_or_grow() -> None:
    recording = Recording(throttle=ThrottleSettings())
    last = START
    for message in Traffic(7, seeds()).datagrams(4_000):
        recording.recorder.seen(message)
        last = max(last, message.time)
    recording.recorder.advance(last)
    assert recording.made()
    assert not [event for event in recording.events if violations(event)]
    for one in recording.sightings():
        msgspec.json.decode(msgspec.json.encode(one), type=Sighting)  # the collector takes it
