"""What a stranger gets at most: no more than it sent, not too fast, not on another's bill."""

from __future__ import annotations

import socket
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.listening import Diary, Said, Script, request

from zt.honeynet.honeypot.listen.buckets import Bucket, Buckets
from zt.honeynet.honeypot.listen.counters import ListenCounters
from zt.honeynet.honeypot.listen.desk import Desk
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.pending import LONGEST, Way
from zt.honeynet.honeypot.listen.sources import refusal, source_of
from zt.sip import Datagram
from zt.sip.tables import NEVER, SECOND

NONCE = "0123456789abcdef0123"
CHALLENGE = f'SIP/2.0 401 Unauthorized\r\nWWW-Authenticate: Digest nonce="{NONCE}"\r\n\r\n'.encode()
PROOF = f'Authorization: Digest username="a", realm="b", nonce="{NONCE}"\r\n'
US = socket.inet_aton("198.51.100.9")


class Taken:
    """A way that takes everything."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def send(self, payload: bytes) -> bool:
        self.sent.append(payload)
        return True


class Office:
    """A desk, with a clock that a test moves."""

    def __init__(self, limits: ListenLimits | None = None) -> None:
        self.time = 1_000 * SECOND
        self.lure, self.diary, self.counters = Script(), Diary(), ListenCounters()
        self.desk = Desk(
            self.lure,
            self.diary,
            limits or ListenLimits(),
            lambda: self.time * 1_000,
            lambda: self.time,
            self.counters,
        )

    def ask(
        self,
        payload: bytes | None = None,
        source: str = "192.0.2.1",
        *,
        port: int = 5_060,
        connected: bool = False,
        answers: Sequence[Said] = (Said(b"SIP/2.0 200 OK"),),
    ) -> list[bytes]:
        """What is sent at once to a source that sends a request."""
        self.lure.answering = lambda message, datagram: answers
        way = Taken()
        self.desk.take(datagram(payload or request(), source, port, connected=connected), way)
        return way.sent

    def prove(self, source: str = "192.0.2.1") -> None:
        """Has a source answer a challenge."""
        assert self.ask(source=source, answers=[Said(CHALLENGE)]) == [CHALLENGE]
        assert self.ask(request(extra=PROOF), source, answers=[]) == []


def datagram(
    payload: bytes, source: str = "192.0.2.1", port: int = 5_060, *, connected: bool = False
) -> Datagram:
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    packed = socket.inet_pton(family, source)
    own = US if len(packed) == 4 else bytes(15) + b"\x09"
    transport = "TCP" if connected else "UDP"
    return Datagram(0, packed, port, own, 5_060, payload, transport, connected=connected)


def test_an_unproven_source_gets_no_more_bytes_than_it_sent() -> None:
    office, sent = Office(), len(request())
    assert office.ask(answers=[Said(b"x" * sent)]) == [b"x" * sent]
    assert office.ask(answers=[Said(b"x" * (sent + 1))]) == []
    assert office.counters.withheld == 1


def test_an_unproven_source_gets_no_more_datagrams_than_it_sent() -> None:
    office = Office()
    assert office.ask(answers=[Said(b"one"), Said(b"two"), Said(b"three")]) == [b"one"]
    assert office.counters.withheld == 2


def test_a_source_that_gave_its_nonce_back_gets_all() -> None:
    office, long = Office(), Said(b"x" * 9_000)
    office.prove()
    assert office.ask(answers=[long, long]) == [long.payload, long.payload]
    assert office.ask(source="192.0.2.2", answers=[long]) == []


def test_a_nonce_proves_only_who_it_was_sent_to() -> None:
    office, long = Office(), Said(b"x" * 9_000)
    office.ask(answers=[Said(CHALLENGE)])
    assert office.ask(request(extra=PROOF), "192.0.2.2", answers=[long]) == []
    assert office.ask(request(extra=PROOF), "192.0.2.1", answers=[long]) == [long.payload]


def test_a_nonce_that_was_not_sent_proves_nothing() -> None:
    office, long = Office(ListenLimits(answer_bytes=1)), Said(b"x" * 9_000)
    assert office.ask(answers=[Said(CHALLENGE)]) == []
    assert office.ask(request(extra=PROOF), answers=[long]) == []
    assert office.counters.withheld == 1


def test_a_short_nonce_proves_nothing_since_it_can_be_guessed() -> None:
    office, long = Office(), Said(b"x" * 9_000)
    office.ask(answers=[Said(CHALLENGE.replace(NONCE.encode(), b"1234"))])
    assert office.ask(request(extra=PROOF.replace(NONCE, "1234")), answers=[long]) == []


def test_a_proof_ends_after_an_hour() -> None:
    office, long = Office(), Said(b"x" * 9_000)
    office.prove()
    office.time += 3_601 * SECOND
    office.desk.advance(lambda request: None)
    assert office.ask(answers=[long]) == []


def test_a_connection_is_proof_enough() -> None:
    long = Said(b"x" * 9_000)
    assert Office().ask(connected=True, answers=[long, long]) == [long.payload] * 2


def test_late_replies_go_to_proven_sources_only() -> None:
    office, way = Office(), Taken()
    office.lure.late = [(datagram(b""), b"ringing")]
    office.desk.advance(lambda request: way)
    assert way.sent == []
    office.prove()
    office.lure.late = [(datagram(b""), b"ringing")]
    office.desk.advance(lambda request: way)
    assert way.sent == [b"ringing"]
    office.lure.late = [(datagram(b""), b"ringing")]
    office.desk.advance(lambda request: None)  # the way has ended
    assert way.sent == [b"ringing"]


@pytest.mark.parametrize(
    ("source", "port", "reason"),
    [
        ("192.0.2.1", 5_060, ""),
        ("192.0.2.1", 0, "port"),
        ("192.0.2.1", 7, "port"),
        ("192.0.2.1", 53, "port"),
        ("192.0.2.1", 1_023, "port"),
        ("192.0.2.1", 1_024, ""),
        ("0.0.0.0", 5_060, "address"),
        ("0.1.2.3", 5_060, "address"),
        ("224.0.0.1", 5_060, "address"),
        ("239.255.255.250", 5_060, "address"),
        ("255.255.255.255", 5_060, "address"),
        ("240.0.0.1", 5_060, "address"),
        ("198.51.100.9", 5_060, "self"),
        ("198.51.100.9", 5_061, ""),
        ("2001:db8::1", 5_060, ""),
        ("2001:db8::1", 53, "port"),
        ("::", 5_060, "address"),
        ("ff02::1", 5_060, "address"),
        ("::9", 5_060, "self"),
    ],
)
def test_what_claims_to_come_from_no_sip_client_is_not_answered(
    source: str, port: int, reason: str
) -> None:
    office = Office()
    assert refusal(datagram(b"", source, port)) == reason
    assert bool(office.ask(source=source, port=port)) == (reason == "")
    assert sum(office.counters.refused.values()) == (reason != "")
    assert office.diary.all[0].src_port == port  # but it is recorded


def test_one_source_is_answered_at_its_rate_and_others_still_are() -> None:
    office = Office(ListenLimits(answers_per_source=10))
    answered = sum(bool(office.ask()) for _ in range(100))
    assert answered == 20
    assert office.counters.limited["source"] == 80
    assert office.ask(source="192.0.2.2")
    office.time += SECOND
    assert sum(bool(office.ask()) for _ in range(100)) == 10


def test_addresses_of_one_ipv6_network_are_one_source() -> None:
    office = Office(ListenLimits(answers_per_source=10))
    answered = sum(bool(office.ask(source=f"2001:db8::{n + 1:x}")) for n in range(100))
    assert answered == 20
    assert office.ask(source="2001:db8:0:1::1")


def test_a_flood_of_made_up_sources_leaves_proven_ones_their_share() -> None:
    office = Office(ListenLimits(answers=100))
    office.prove()
    office.time += 2 * SECOND
    answered = sum(bool(office.ask(source=f"10.0.{n // 250}.{n % 250 + 1}")) for n in range(1_000))
    assert answered == 200
    assert not office.ask(source="192.0.2.7")
    assert office.ask(source="192.0.2.1")
    assert office.ask(source="192.0.2.8", connected=True)


def test_bytes_are_limited_too() -> None:
    office, long = Office(ListenLimits(answer_bytes=1_000)), Said(b"x" * 900)
    answered = sum(bool(office.ask(connected=True, answers=[long])) for _ in range(10))
    assert answered == 2
    assert office.counters.limited["bytes"] == 8


def test_replies_that_wait_are_bounded_for_a_source_and_in_all() -> None:
    office = Office(ListenLimits(pending=25, pending_per_source=10))
    late = [Said(b"late", SECOND)] * 30
    for number in (1, 2, 3, 4):
        office.ask(source=f"192.0.2.{number}", connected=True, answers=late)
    assert office.desk.sizes()["pending"] == 25
    assert office.counters.overflowed == 95
    office.time += SECOND
    office.desk.send_due()
    assert office.desk.sizes()["pending"] == 0
    assert office.desk.next() == NEVER
    office.ask(connected=True, answers=late)
    assert office.desk.sizes()["pending"] == 10


def test_replies_that_wait_are_bounded_in_bytes_with_what_they_answer() -> None:
    office = Office(ListenLimits(pending_bytes=10_000))
    large = request(body="x" * 4_000)
    office.ask(large, connected=True, answers=[Said(b"late", SECOND)] * 9)
    assert office.desk.sizes()["pending"] == 2


def test_no_reply_waits_longer_than_two_minutes() -> None:
    office = Office()
    office.ask(answers=[Said(b"late", 1 << 60)])
    assert office.desk.next() == office.time + LONGEST


def test_a_reply_that_is_lost_is_not_recorded() -> None:
    class Closed:
        def send(self, payload: bytes) -> bool:
            return False

    office, way = Office(), Closed()
    closed: Way = way
    office.desk.take(datagram(request()), closed)
    assert [one.payload for one in office.diary.all] == [request()]
    assert office.counters.unsent == 1


@given(st.lists(st.tuples(st.integers(0, 2 * SECOND), st.integers(1, 5)), max_size=80))
def test_a_bucket_gives_no_more_than_its_burst_and_its_rate(steps: list[tuple[int, int]]) -> None:
    bucket, now, taken = Bucket(3), 0, 0
    for step, tokens in steps:
        now += step
        taken += tokens * bucket.take(now, tokens)
        assert taken <= 3 * 2 + 3 * now / SECOND + 1e-6


@given(st.lists(st.tuples(st.integers(0, SECOND), st.sampled_from([b"a", b"b"])), max_size=80))
def test_sources_have_buckets_of_their_own(steps: list[tuple[int, bytes]]) -> None:
    many, now = Buckets(3, 10), 0
    single = {b"a": Bucket(3), b"b": Bucket(3)}
    for step, source in steps:
        now += step
        assert many.take(source, now) == single[source].take(now)


def test_buckets_are_bounded_and_forgotten_when_they_are_full_again() -> None:
    many = Buckets(1, 10)
    for number in range(100):
        many.take(b"%d" % number, 0)
    assert len(many) == 10
    many.expire(SECOND - 1)
    assert len(many) == 10
    many.expire(SECOND)
    assert len(many) == 0


def test_a_source_is_an_address_or_a_network_of_ipv6() -> None:
    one, other = (socket.inet_pton(socket.AF_INET6, f"2001:db8::{n}") for n in (1, 2))
    assert source_of(one) == source_of(other)
    assert source_of(US) == US
