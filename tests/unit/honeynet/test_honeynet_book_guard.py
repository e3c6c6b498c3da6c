"""The guard at work: nobody brings strangers onto the list, and nobody fills the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.honeynet_book import HOUR, START, Net, public, seen, settings

from zt.honeynet.collector.book.errors import UnknownNameError
from zt.honeynet.collector.book.model import DAY, BookSettings
from zt.honeynet.sighting import Kind, Sighting

A = "20.0.0.1"
MakeNet = Callable[..., Net]


@pytest.fixture
def make_net(tmp_path: Path) -> Iterator[MakeNet]:
    nets: list[Net] = []

    def make(book: BookSettings | None = None, **guard: object) -> Net:
        nets.append(Net(tmp_path / "book.db", book or settings(**guard)))
        return nets[-1]

    yield make
    for net in nets:
        net.book.close()


def many(first: int, number: int, *, proven: bool = True, at: int = START) -> list[Sighting]:
    return [seen(public(n), at, proven=proven) for n in range(first, first + number)]


def test_a_forged_address_needs_three_honeypots(make_net: MakeNet) -> None:
    net = make_net()
    for name, shared in (("one", 0), ("two", 0), ("two", 0), ("three", 1)):
        net.tell(name, seen(A, START, proven=False))
        assert len(net.shared()) == shared
    ban = net.book.check(A)
    assert ban is not None
    assert (ban.proven, ban.honeypots) == (False, 3)


def test_honeypots_of_one_owner_are_one_witness(make_net: MakeNet) -> None:
    net = make_net()
    for name, owner in (("one", "us"), ("two", "us"), ("three", "us"), ("four", ""), ("five", "")):
        assert net.shared() == []
        net.honeypot(name, owner=owner)
        net.tell(name, seen(A, START, proven=False))
    assert net.shared() == [A]


def test_a_forged_packet_keeps_no_address_on_the_list(make_net: MakeNet) -> None:
    net = make_net()
    net.tell("one", seen(A, START, tool="true"))
    later = START + 6 * DAY
    forged = seen(A, later, proven=False, kind=Kind.CALL, tool="false", count=5)
    for name in ("one", "two"):
        net.tell(name, forged, now=later)
    ban = net.book.check(A)
    assert ban is not None
    assert (ban.last, ban.kinds, ban.tool, ban.count) == (START, (Kind.SCAN,), "true", 11)
    net.book.expire(START + 7 * DAY)
    assert net.shared() == []


def test_several_witnesses_keep_an_address_on_the_list(make_net: MakeNet) -> None:
    net = make_net()
    net.tell("one", seen(A, START))
    later = START + 6 * DAY
    for name in ("one", "two", "three"):
        net.tell(name, seen(A, later, proven=False), now=later)
    net.book.expire(START + 7 * DAY)
    assert net.shared() == [A]


def test_who_proved_itself_today_is_believed_without_a_proof_each_time(make_net: MakeNet) -> None:
    net = make_net()
    net.tell("one", seen(A, START))
    net.tell("one", seen(A, START + HOUR, proven=False), now=START + HOUR)
    ban = net.book.check(A)
    assert ban is not None
    assert ban.last == START + HOUR


def test_what_waits_is_gone_after_a_day(make_net: MakeNet) -> None:
    net = make_net()
    for name in ("one", "two"):
        net.tell(name, seen(A, START, proven=False))
    later = START + DAY
    net.tell("three", seen(A, later, proven=False), now=later)
    assert net.shared() == []
    assert net.book.figures(later).waiting == 1
    net.book.expire(later + DAY)
    assert net.book.figures(later).waiting == 0


def test_one_honeypot_brings_so_many_an_hour_and_the_rest_in_later_ones(make_net: MakeNet) -> None:
    net = make_net(floor=10)
    assert net.tell("one", *many(0, 25)).bans == 10
    for hour, shared in ((0, 10), (1, 20), (2, 25), (3, 25)):
        net.book.expire(START + hour * HOUR)
        assert len(net.shared()) == shared


def test_of_those_that_wait_for_room_the_latest_are_shared_first(make_net: MakeNet) -> None:
    net = make_net(floor=1)
    net.tell("one", seen(public(0), START))
    for n in (1, 2, 3):
        net.tell("one", seen(public(n), START - n))
    for hour in (1, 2, 3):
        net.book.expire(START + hour * HOUR)
    assert net.shared() == [public(n) for n in range(4)]


def test_another_honeypot_confirms_what_waits_for_room(make_net: MakeNet) -> None:
    net = make_net(floor=10)
    net.tell("one", *many(0, 25))
    assert net.tell("two", seen(public(24), START)).bans == 1
    assert net.shared()[-1] == public(24)


def test_a_forged_packet_does_not_confirm_what_waits_for_room(make_net: MakeNet) -> None:
    net = make_net(floor=10)
    net.tell("one", *many(0, 25))
    for name in ("two", "three", "four"):
        assert net.tell(name, seen(public(24), START, proven=False)).bans == 0


def test_what_others_find_leaves_more_room_for_one(make_net: MakeNet) -> None:
    net = make_net(floor=10)
    for name in ("two", "three"):
        net.tell(name, *many(1_000, 40))  # 10 on the first's word, the rest on both
    assert len(net.shared()) == 40
    assert net.tell("one", *many(0, 100)).bans == 40  # half of 80


def test_each_owner_has_room_of_its_own_but_not_each_honeypot(make_net: MakeNet) -> None:
    net = make_net(floor=10)
    for name, owner in (("one", "us"), ("two", "us"), ("three", "them")):
        net.honeypot(name, owner=owner)
    assert net.tell("one", *many(0, 25)).bans == 10
    assert net.tell("two", *many(100, 25)).bans == 0
    assert net.tell("three", *many(200, 25)).bans == 10


def test_forged_addresses_have_a_limit_too(make_net: MakeNet) -> None:
    net = make_net(floor=10)
    for name in ("one", "two", "three", "four"):
        net.tell(name, *many(0, 25, proven=False))
    assert len(net.shared()) == 10
    net.book.expire(START + HOUR)
    assert len(net.shared()) == 20


def test_a_share_of_all_is_no_limit(make_net: MakeNet) -> None:
    assert make_net(floor=0, share=1).tell("one", *many(0, 1_000)).bans == 1_000


def test_a_revoked_honeypot_is_no_witness_any_more(make_net: MakeNet) -> None:
    net = make_net()
    for name in ("one", "two"):
        net.tell(name, seen(A, START, proven=False))
    net.book.revoke_honeypot("one", START)
    net.tell("three", seen(A, START, proven=False))
    assert net.shared() == []
    net.tell("four", seen(A, START, proven=False))
    assert net.shared() == [A]


def test_what_a_stolen_token_brought_can_be_removed(make_net: MakeNet) -> None:
    net = make_net()
    net.tell("thief", *many(0, 20), *many(50, 5, proven=False))
    net.tell("other", *many(0, 3), *many(3, 3, proven=False), *many(30, 4))
    net.book.revoke_honeypot("thief", START)
    assert net.book.disown("thief") == 17 + 5
    assert net.shared() == [*map(public, range(3)), *map(public, range(30, 34))]
    with pytest.raises(UnknownNameError):
        net.book.disown("nobody")


def test_of_an_ipv6_subnet_only_some_addresses_are_shared(make_net: MakeNet) -> None:
    net = make_net(subnet=3)
    net.tell("one", *(seen(f"2a00::1:{n:x}", START) for n in range(9)))
    net.tell("one", *(seen(f"2a00:0:0:1::{n:x}", START) for n in range(2)))
    assert len(net.shared(6)) == 5
    net.book.expire(START + HOUR)
    assert len(net.shared(6)) == 5


def test_a_full_book_takes_others_once_there_is_room(make_net: MakeNet) -> None:
    net = make_net(replace(BookSettings(), most_bans=5))
    net.tell("one", *many(0, 5))
    later = START + 7 * DAY - 1
    net.tell("one", *many(10, 3, at=later), now=later)
    net.tell("two", *many(10, 3, at=later), now=later)
    assert net.shared() == list(map(public, range(5)))
    net.book.expire(later + 1)
    assert sorted(net.shared()) == list(map(public, range(10, 13)))


def test_a_flood_of_forged_addresses_fills_no_disk(make_net: MakeNet) -> None:
    net = make_net(replace(BookSettings(), most_waiting=100))
    for flood in range(5):
        net.tell("one", *many(flood * 1_000, 1_000, proven=False, at=START + flood), now=START + 5)
        assert net.book.figures(START).waiting == 100
    net.tell("two", *many(4_900, 100, proven=False), now=START + 5)
    net.tell("three", *many(4_900, 100, proven=False), now=START + 5)
    assert len(net.shared()) == 100, "the latest were kept"


def test_who_is_flooded_drives_out_its_own_before_those_of_others(make_net: MakeNet) -> None:
    net = make_net(replace(BookSettings(), most_waiting=100))
    net.tell("quiet", *many(0, 40, proven=False, at=START - HOUR))
    net.tell("flooded", *many(1_000, 1_000, proven=False))
    for name in ("two", "three"):
        net.tell(name, *many(0, 40, proven=False))
    assert net.shared() == list(map(public, range(40)))


def test_the_proven_are_kept_longer_than_the_forged(make_net: MakeNet) -> None:
    flood = many(1_000, 1_000, proven=False)
    net = make_net(replace(settings(floor=0, share=0.0), most_waiting=100))
    net.tell("one", *many(0, 40, at=START - HOUR))
    net.tell("one", *flood)
    net.tell("two", *many(0, 40))
    assert net.shared() == list(map(public, range(40)))
