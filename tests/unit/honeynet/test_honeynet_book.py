"""The book keeps what honeypots saw, and says it to clients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.honeynet_book import HOUR, SECOND, START, Net, batch, public, seen, settings

from zt.errors import InputError
from zt.honeynet.collector.book.model import DAY, BookSettings
from zt.honeynet.sighting import Kind, Sighting

A, B, C = "20.0.0.1", "20.0.0.2", "20.0.0.3"


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    net = Net(tmp_path / "book.db")
    yield net
    net.book.close()


def ids(net: Net) -> dict[str, int]:
    return {ban.address: ban.id for ban in net.book.bans(4, 0, 0, 1_000)}


def test_the_first_address_has_the_id_101(net: Net) -> None:
    assert net.book.banned(100, 4).last is None
    net.tell("one", seen(A, START))
    page = net.book.banned(100, 4)
    assert (page.addresses, page.last) == ((A,), 101)


def test_an_address_keeps_its_id_and_what_is_known_of_it_grows(net: Net) -> None:
    net.tell("one", seen(A, START, count=3, first=START - 5, tool="sipvicious"))
    later = START + HOUR
    net.tell("two", seen(A, later, kind=Kind.CALL, count=4), now=later)
    ban = net.book.check(A)
    assert ban is not None
    assert (ban.id, ban.first, ban.last, ban.count) == (101, START - 5, later, 7)
    assert (ban.kinds, ban.honeypots, ban.proven) == ((Kind.SCAN, Kind.CALL), 2, True)
    assert ban.tool == "sipvicious"
    assert net.book.banned(101, 4).last is None


def test_the_tool_is_the_one_seen_last(net: Net) -> None:
    net.tell("one", seen(A, START, tool="new"))
    net.tell("one", seen(A, START - HOUR, tool="old"))
    ban = net.book.check(A)
    assert ban is not None
    assert ban.tool == "new"


def test_what_waited_is_known_once_the_address_is_shared(net: Net) -> None:
    net.tell("one", seen(A, START - HOUR, proven=False, kind=Kind.BROKEN, count=9))
    assert net.book.check(A) is None
    net.tell("one", seen(A, START))
    ban = net.book.check(A)
    assert ban is not None
    assert (ban.first, ban.count, ban.kinds) == (START - HOUR, 10, (Kind.BROKEN, Kind.SCAN))


def test_a_batch_that_is_sent_again_counts_once(net: Net) -> None:
    again = batch([seen(A, START, count=5), seen("nonsense", START)])
    honeypot = net.honeypot("one")
    assert net.book.take(honeypot, again, START).again is False
    second = net.book.take(honeypot, again, START)
    assert (second.again, second.taken, second.refused, second.bans) == (True, 1, 1, 0)
    ban = net.book.check(A)
    assert ban is not None
    assert ban.count == 5


def test_batches_of_two_honeypots_may_have_one_name(net: Net) -> None:
    same = batch([seen(A, START)])
    for name in ("one", "two"):
        assert net.book.take(net.honeypot(name), same, START).again is False


def test_an_empty_batch_is_taken(net: Net) -> None:
    assert net.tell("one").taken == 0


def test_the_two_families_are_sets_of_their_own_in_one_sequence(net: Net) -> None:
    net.tell("one", seen(A, START), seen("2a00::1", START), seen(B, START))
    assert (net.shared(4), net.shared(6)) == ([A, B], ["2a00::1"])
    assert net.book.banned(100, 6).last == 102
    assert net.book.banned(100, 4).last == 103


def test_an_address_is_the_same_however_it_is_spelled(net: Net) -> None:
    net.tell("one", seen("2A00:0:0:0:0:0:0:1", START), seen("::ffff:20.0.0.1", START))
    assert net.shared(6) == ["2a00::1"]
    assert net.shared(4) == [A]
    assert net.book.check("2a00::0:1") is not None


def test_a_page_holds_so_many_and_the_next_begins_after_it(net: Net) -> None:
    net.tell("one", *(seen(public(n), START) for n in range(7)))
    first = net.book.banned(100, 4, 3)
    assert (first.addresses, first.last) == (tuple(map(public, range(3))), 103)
    assert net.book.banned(103, 4, 3).addresses == tuple(map(public, range(3, 6)))
    assert net.book.banned(106, 4, 3).addresses == (public(6),)


@pytest.mark.parametrize("after", [-(10**30), -1, 0, 10**30])
def test_any_number_can_be_asked_for(net: Net, after: int) -> None:
    net.tell("one", seen(A, START))
    assert len(net.book.banned(after, 4).addresses) == (after <= 100)
    assert len(net.book.bans(4, after, 0, 5)) == (after <= START)


def test_bans_since_a_time_are_those_of_ids_given_then_or_later(net: Net) -> None:
    net.tell("one", seen(A, START - HOUR), now=START - HOUR)
    net.tell("one", seen(B, START - HOUR), now=START)  # a report that was late
    assert [ban.address for ban in net.book.bans(4, START, 0, 10)] == [B]
    assert net.book.bans(4, START + 1, 0, 10) == []
    assert [ban.address for ban in net.book.bans(4, 0, 101, 10)] == [B]
    net.tell("one", seen(C, START - HOUR), now=START - 2 * HOUR)  # the clock was set back
    assert [ban.address for ban in net.book.bans(4, START, 0, 10)] == [B, C]


def test_refused_are_what_is_no_address_is_never_shared_or_is_too_old(net: Net) -> None:
    old = START - 7 * DAY
    taken = net.tell(
        "one", seen("x" * 45, START), seen("192.168.1.1", START), seen(A, old), seen(B, old + 1)
    )
    assert (taken.taken, taken.refused, taken.bans) == (1, 3, 0)
    assert net.book.check("192.168.1.1") is None


def test_a_honeypot_whose_clock_is_ahead_or_that_lies_says_nothing_of_the_future(net: Net) -> None:
    net.tell("one", Sighting(A, Kind.SCAN, True, 0, START + 90 * DAY, 1))
    ban = net.book.check(A)
    assert ban is not None
    assert (ban.first, ban.last) == (START - 7 * DAY, START)


def test_counts_end_somewhere(net: Net) -> None:
    most = (1 << 40) - 1
    for _ in range(10):
        net.tell("one", *(seen(A, START, count=most) for _ in range(1_000)))
    ban = net.book.check(A)
    assert ban is not None
    assert ban.count == 1 << 53
    assert net.book.figures(START).messages == 1 << 53


def test_a_tools_name_holds_no_control_characters(net: Net) -> None:
    net.tell("one", seen(A, START, tool="sip\x00vici\x1b[2Jous\r\n\u202e"))
    ban = net.book.check(A)
    assert ban is not None
    assert ban.tool == "sipvici[2Jous"


def test_an_address_leaves_seven_days_after_it_was_seen_last(net: Net) -> None:
    net.tell("one", seen(A, START), seen(B, START + 1), now=START + 1)
    assert net.book.expire(START + 7 * DAY - 1) == 0
    assert net.book.expire(START + 7 * DAY) == 1
    assert net.shared() == [B]
    assert net.book.check(A) is None


def test_an_address_that_comes_back_has_a_new_id(net: Net) -> None:
    net.tell("one", seen(A, START))
    later = START + 8 * DAY
    net.book.expire(later)
    net.tell("one", seen(A, later), now=later)
    ban = net.book.check(A)
    assert ban is not None
    assert (ban.id, ban.count, ban.first) == (102, 1, later)


def test_an_address_that_stays_active_gets_a_new_id_when_clients_forget_the_old(net: Net) -> None:
    net.tell("one", seen(A, START), seen(B, START))
    middle = START + 4 * DAY
    net.tell("one", seen(B, middle), now=middle)
    net.book.expire(START + 7 * DAY - 1)
    assert ids(net) == {A: 101, B: 102}
    net.book.expire(START + 7 * DAY)
    assert ids(net) == {B: 103}
    net.book.expire(START + 7 * DAY)
    assert ids(net) == {B: 103}


def test_a_forgotten_address_stays_off_for_thirty_days(net: Net) -> None:
    net.tell("one", seen(A, START))
    assert net.book.forget(A, START) is True
    assert net.book.check(A) is None
    for day in (0, 10, 29):
        now = START + day * DAY
        net.book.expire(now)
        net.tell("one", seen(A, now), now=now)
    assert net.shared() == []
    now = START + 30 * DAY
    net.tell("one", seen(A, now), now=now)
    assert net.shared() == [A]


def test_a_forgotten_address_comes_back_if_two_honeypots_have_proven_it_since(net: Net) -> None:
    net.tell("one", seen(A, START))
    net.book.forget(A, START)
    for name in ("one", "three", "four"):
        net.tell(name, seen(A, START, proven=name == "one"))
    assert net.shared() == []
    net.tell("two", seen(A, START))
    assert net.shared() == [A]
    later = START + 8 * DAY
    net.book.expire(later)
    net.tell("one", seen(A, later), now=later)
    assert net.shared() == [A], "it is an address like others again"


def test_who_waits_can_be_forgotten_and_so_can_who_was_never_seen(net: Net) -> None:
    net.tell("one", seen(A, START, proven=False))
    assert net.book.forget(A, START) is False
    assert net.book.forget(B, START) is False
    net.tell("one", seen(A, START), seen(B, START))
    assert net.shared() == []


def test_only_an_address_can_be_forgotten(net: Net) -> None:
    with pytest.raises(InputError, match="no address"):
        net.book.forget("20.0.0.0/8", START)


def test_the_edition_changes_with_what_is_said(net: Net) -> None:
    def change(sighting: Sighting) -> tuple[bool, bool]:
        before = net.book.edition()
        net.tell("one", sighting)
        after = net.book.edition()
        return after.members != before.members, after != before

    assert change(seen(A, START, proven=False)) == (False, False), "it only waits"
    assert change(seen(A, START)) == (True, True)
    assert change(seen(A, START)) == (False, True)
    before = net.book.edition()
    net.book.expire(START)
    assert net.book.edition() == before
    net.book.forget(A, START)
    assert net.book.edition().members != before.members


def test_networks_that_are_put_on_the_never_list_later_disappear(tmp_path: Path) -> None:
    path = tmp_path / "book.db"
    first = Net(path, settings(never=()))
    first.tell("one", *(seen(f"10.0.0.{n}", START) for n in range(50)), seen(A, START))
    assert len(first.shared()) == 51
    first.book.close()
    second = Net(path)
    assert second.shared() == [A]
    assert second.book.banned(100, 4, 10).addresses == (A,), "a page that is not empty ends nothing"
    assert second.book.check("10.0.0.1") is None
    assert [ban.address for ban in second.book.bans(4, 0, 0, 10)] == [A]
    assert [ban.address for ban in second.book.figures(START).newest] == [A]
    second.book.close()


def test_the_book_is_the_same_when_it_is_opened_again(net: Net, tmp_path: Path) -> None:
    net.tell("one", seen(A, START, tool="x", count=3))
    before = net.book.check(A), net.book.figures(START), net.book.edition()
    net.book.close()
    again = Net(tmp_path / "book.db")
    assert (again.book.check(A), again.book.figures(START), again.book.edition()) == before
    again.tell("one", seen(B, START))
    assert ids(again)[B] == 102
    again.book.close()


def test_expiry_takes_any_number_in_parts(tmp_path: Path) -> None:
    net = Net(tmp_path / "book.db", replace(settings(share=1), retention=10 * SECOND))
    for part in range(6):
        net.tell("one", *(seen(public(part * 1_000 + n), START) for n in range(1_000)))
    assert net.book.expire(START + 10 * SECOND) == 6_000
    assert net.shared() == []
    net.book.close()


def test_settings_are_the_documented_ones() -> None:
    usual = BookSettings()
    assert usual.retention == 7 * DAY
    assert (usual.guard.witnesses, usual.guard.share, usual.guard.floor) == (3, 0.5, 100)
    assert usual.guard.pardon == 30 * DAY
