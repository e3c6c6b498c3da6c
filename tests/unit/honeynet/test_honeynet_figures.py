"""The numbers of the front page."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from support.honeynet_book import HOUR, SECOND, START, Net, public, seen, settings

from zt.honeynet.collector.book.model import DAY
from zt.honeynet.sighting import Kind

TODAY = datetime.fromtimestamp(START // SECOND, UTC).date()


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    net = Net(tmp_path / "book.db", settings(share=1))
    net.honeypot("fra-1", "europe")
    net.honeypot("fra-2", "europe")
    net.honeypot("nyc-1", "america")
    yield net
    net.book.close()


def test_an_empty_book_has_numbers_too(tmp_path: Path) -> None:
    net = Net(tmp_path / "empty.db")
    numbers = net.book.figures(START, days=3)
    assert numbers.total == {4: 0, 6: 0}
    assert numbers.days == [(TODAY - timedelta(days=n), 0) for n in (2, 1, 0)]
    assert (numbers.today, numbers.honeypots, numbers.messages, numbers.waiting) == (0, 0, 0, 0)
    assert not any([numbers.kinds, numbers.tools, numbers.regions, numbers.newest])
    net.book.close()


def test_addresses_are_counted_by_family(net: Net) -> None:
    net.tell("fra-1", seen(public(1), START), seen(public(2), START), seen("2a00::1", START))
    net.tell("fra-1", seen(public(3), START, proven=False))
    numbers = net.book.figures(START)
    assert numbers.total == {4: 2, 6: 1}
    assert numbers.waiting == 1


def test_new_addresses_are_counted_on_their_day_also_after_they_left(net: Net) -> None:
    for day, number in ((0, 3), (1, 1), (9, 2)):
        now = START + day * DAY
        net.book.expire(now)
        net.tell("fra-1", *(seen(public(n), now) for n in range(number)), now=now)
    now = START + 9 * DAY
    numbers = net.book.figures(now, days=10)
    # one of the second day is the first's, seen again: it is not new
    assert [n for _, n in numbers.days] == [3, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert numbers.days[-1][0] == TODAY + timedelta(days=9)
    assert numbers.today == 2
    assert [n for _, n in net.book.figures(now, days=2).days] == [0, 2]


def test_a_day_begins_at_midnight_utc(net: Net) -> None:
    midnight = START // DAY * DAY
    for n, now in enumerate((midnight - 1, midnight)):
        net.tell("fra-1", seen(public(n), now), now=now)
    days = net.book.figures(midnight, days=2).days
    assert days == [(TODAY - timedelta(days=1), 1), (TODAY, 1)]


def test_another_id_is_no_new_address(net: Net) -> None:
    net.tell("fra-1", seen(public(1), START))
    later = START + 6 * DAY
    net.tell("fra-1", seen(public(1), later), now=later)
    net.book.expire(START + 7 * DAY)
    assert [ban.id for ban in net.book.figures(START + 7 * DAY).newest] == [102]
    assert sum(n for _, n in net.book.figures(START + 7 * DAY).days) == 1


def test_kinds_are_listed_the_worst_first(net: Net) -> None:
    net.tell("fra-1", seen(public(1), START), seen(public(1), START, kind=Kind.CALL))
    net.tell("fra-1", seen(public(2), START), seen(public(3), START, kind=Kind.GUESS))
    assert net.book.figures(START).kinds == [(Kind.CALL, 1), (Kind.GUESS, 1), (Kind.SCAN, 2)]


def test_tools_are_listed_the_most_common_first(net: Net) -> None:
    tools = ["b", "a", "a", "", "c", "c"]
    net.tell("fra-1", *(seen(public(n), START, tool=tool) for n, tool in enumerate(tools)))
    net.tell("fra-1", seen(public(9), START, proven=False, tool="waits"))
    assert net.book.figures(START).tools == [("a", 2), ("c", 2), ("b", 1)]


def test_an_attacker_who_calls_itself_something_else_each_time_fills_no_page(net: Net) -> None:
    net.tell("fra-1", *(seen(public(n), START, tool=f"tool {n}") for n in range(500)))
    assert len(net.book.figures(START).tools) == 20


def test_an_address_counts_once_in_a_region_and_in_each_that_saw_it(net: Net) -> None:
    net.tell("fra-1", seen(public(1), START), seen(public(2), START))
    net.tell("fra-2", seen(public(1), START))
    net.tell("nyc-1", seen(public(1), START), seen(public(3), START, proven=False))
    numbers = net.book.figures(START)
    assert numbers.regions == [("europe", 2), ("america", 1)]
    assert numbers.seen_by == [("fra-1", 2), ("fra-2", 1), ("nyc-1", 1)]


def test_honeypots_are_active_if_they_reported_in_the_last_hour(net: Net) -> None:
    net.tell("fra-1", now=START)
    net.tell("fra-2", now=START - HOUR)
    net.book.revoke_honeypot("nyc-1", START)
    numbers = net.book.figures(START)
    assert (numbers.honeypots, numbers.active) == (2, 1)


def test_messages_are_those_of_the_last_24_hours(net: Net) -> None:
    net.tell("fra-1", seen(public(1), START, count=5), seen("10.0.0.1", START, count=9))
    net.tell("fra-2", seen(public(2), START, proven=False, count=7))
    assert net.book.figures(START).messages == 12
    assert net.book.figures(START + 23 * HOUR).messages == 12
    assert net.book.figures(START + 24 * HOUR).messages == 0


def test_the_newest_are_those_whose_ids_were_given_last(net: Net) -> None:
    net.tell("fra-1", *(seen(public(n), START) for n in range(5)))
    newest = net.book.figures(START, newest=3).newest
    assert [ban.address for ban in newest] == [public(4), public(3), public(2)]
