"""What honeypots count, how it is added up, and what leaves when there is too much of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sip_packets import START, answer, ask, credentials, packed

from zt.honeynet.honeypot.tell.sightings import (
    LATELY,
    UNHURRIED,
    Sightings,
    kind_of,
    plain_address,
    tool_of,
)
from zt.honeynet.sighting import MAX_TOOL, Kind, Sighting
from zt.sip.parse import Message, parse

ADDRESS = packed("203.0.113.7")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def add(
    table: Sightings,
    address: bytes = ADDRESS,
    kind: Kind = Kind.SCAN,
    *,
    proven: bool = False,
    moment: int = START,
    tool: str = "",
) -> None:
    table.add(address, kind, proven=proven, moment=moment, tool=tool)


def take(table: Sightings, limit: int = 1_000) -> list[Sighting]:
    return table.take(limit)


SURE = [credentials("nonce")]


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (ask("OPTIONS"), Kind.SCAN),
        (ask("REGISTER"), Kind.SCAN),
        (ask("MESSAGE"), Kind.SCAN),
        (ask("SUBSCRIBE"), Kind.SCAN),
        (ask("FLY"), Kind.SCAN),
        (ask("OPTIONS", to_tag="made-up"), Kind.SCAN),
        (ask("REGISTER", to_tag="made-up"), Kind.SCAN),
        (ask("BYE"), Kind.SCAN),
        (ask("REGISTER", extra=SURE), Kind.GUESS),
        (ask("MESSAGE", extra=SURE), Kind.GUESS),
        (ask("INVITE"), Kind.CALL),
        (ask("INVITE", extra=SURE), Kind.CALL),
        (ask("INVITE", to_tag="made-up"), Kind.CALL),
        (ask("OPTIONS").replace("Call-ID", "Call-Me"), Kind.BROKEN),
        (ask("INVITE").replace("CSeq: 1 INVITE", "CSeq: 1 BYE"), Kind.BROKEN),
        (ask("ACK"), None),
        (ask("ACK", to_tag="ours"), None),
        (ask("CANCEL"), None),
        (ask("PRACK", to_tag="ours"), None),
        (ask("BYE", to_tag="ours"), None),
        (ask("UPDATE", to_tag="ours"), None),
        (ask("INFO", to_tag="ours"), None),
        (answer(ask("INVITE"), 200), None),
        (answer(ask("INVITE"), 200).replace("Call-ID", "Call-Me"), None),
    ],
)
def test_only_what_is_surely_hostile_counts(request_: str, kind: Kind | None) -> None:
    assert kind_of(parse(request_.encode())) is kind


@pytest.mark.parametrize(
    ("agent", "tool"),
    [
        ("friendly-scanner", "friendly-scanner"),
        ("X friendly-scanner 1.0", "friendly-scanner"),
        ("Phone 1.0", "Phone 1.0"),
        ("", ""),
        ("\x1b[2JPhone", "?[2JPhone"),
        ("x" * 500, "x" * MAX_TOOL),
        ("\u202etxt" * 200, "?txt" * (MAX_TOOL // 4)),
    ],
)
def test_a_tool_is_named_shortly_and_steers_no_terminal(agent: str, tool: str) -> None:
    assert tool_of(Message(method="OPTIONS", user_agent=agent)) == tool


def test_what_one_address_does_is_added_up_by_kind() -> None:
    table = Sightings(steady=Clock())
    add(table, moment=START + 5, tool="svmap")
    add(table, moment=START + 9, tool="another")
    add(table, moment=START + 1)
    add(table, kind=Kind.CALL)
    add(table, packed("2001:db8::7"))
    assert take(table) == [
        Sighting("203.0.113.7", Kind.SCAN, False, START + 1, START + 9, 3, "svmap"),
        Sighting("203.0.113.7", Kind.CALL, False, START, START, 1),
        Sighting("2001:db8::7", Kind.SCAN, False, START, START, 1),
    ]
    assert take(table) == []
    assert len(table) == 0


def test_no_proven_sighting_stands_for_what_was_sent_in_its_name() -> None:
    table = Sightings(steady=Clock())
    for proven in (False, True, False):
        add(table, proven=proven)
    assert [(one.proven, one.count) for one in take(table)] == [(True, 1), (False, 2)]


def test_a_first_sighting_is_due_at_once_and_more_of_the_same_waits() -> None:
    clock = Clock()
    table = Sightings(steady=clock)
    add(table)
    assert len(take(table)) == 1
    for _ in range(3):
        add(table)
    add(table, kind=Kind.CALL)  # which is news
    assert [one.kind for one in take(table)] == [Kind.CALL]
    clock.now += UNHURRIED
    assert [(one.kind, one.count) for one in take(table)] == [(Kind.SCAN, 3)]


def test_who_comes_back_later_is_news_again() -> None:
    clock = Clock()
    table = Sightings(steady=clock)
    add(table)
    take(table)
    clock.now += LATELY
    assert take(table) == []  # which lets time pass
    add(table)
    assert len(take(table)) == 1


def test_at_the_end_everything_is_due() -> None:
    table = Sightings(steady=Clock())
    add(table)
    take(table)
    add(table)
    assert take(table) == []
    assert len(table.take(10, everything=True)) == 1


def test_the_oldest_unproven_leave_first_and_are_counted() -> None:
    table = Sightings(limit=3, steady=Clock())
    add(table, packed("10.0.0.1"), proven=True)
    add(table, packed("10.0.0.2"))
    add(table, packed("10.0.0.2"))
    add(table, packed("10.0.0.3"))
    add(table, packed("10.0.0.4"), proven=True)
    assert table.dropped == 2
    add(table, packed("10.0.0.5"), proven=True)
    add(table, packed("10.0.0.6"), proven=True)
    assert table.dropped == 4
    assert [one.address for one in take(table)] == ["10.0.0.4", "10.0.0.5", "10.0.0.6"]


def test_a_batch_has_its_limit_and_the_proven_come_first() -> None:
    table = Sightings(steady=Clock())
    for number in range(5):
        add(table, bytes([10, 0, 0, number]), proven=number > 2)
    assert [one.address for one in take(table, 3)] == ["10.0.0.3", "10.0.0.4", "10.0.0.0"]
    assert [one.address for one in take(table, 3)] == ["10.0.0.1", "10.0.0.2"]


def test_the_operators_own_are_spared() -> None:
    table = Sightings(["203.0.113.0/24", "2001:db8::/32"])
    for text in ("203.0.113.7", "2001:db8::1", "::ffff:203.0.113.9", "203.0.114.1"):
        add(table, packed(text))
    assert [one.address for one in take(table)] == ["203.0.114.1"]


def test_an_ipv4_address_in_an_ipv6_socket_is_one() -> None:
    assert str(plain_address(packed("::ffff:203.0.113.9"))) == "203.0.113.9"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 30),
            st.sampled_from(Kind),
            st.booleans(),
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=200,
    ),
    st.integers(1, 20),
)
def test_every_message_is_told_of_dropped_or_waits(
    messages: list[tuple[int, Kind, bool, int, bool]], limit: int
) -> None:
    """Whatever comes and whenever it is taken: nothing counts twice, and memory is bounded."""
    clock = Clock()
    table = Sightings(limit=limit, steady=clock)
    told = 0
    for number, kind, proven, seconds, is_taken in messages:
        add(table, bytes([10, 0, 0, number]), kind, proven=proven)
        assert len(table) <= limit
        clock.now += seconds
        if is_taken:
            told += sum(one.count for one in take(table, 5))
    told += sum(one.count for one in table.take(1_000, everything=True))
    assert told + table.dropped == len(messages)
    assert len(table) == 0
