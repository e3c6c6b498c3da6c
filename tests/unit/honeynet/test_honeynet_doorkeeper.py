"""Which connections may stay."""

from __future__ import annotations

import socket

from zt.honeynet.collector.web.doorkeeper import ConnectionLimits, Doorkeeper, Guest
from zt.honeynet.collector.web.listening import bind
from zt.honeynet.collector.web.sources import Sources, parse_networks


def keeper(proxies: tuple[str, ...] = (), **limits: int) -> Doorkeeper:
    return Doorkeeper(ConnectionLimits(**limits), Sources(tuple(parse_networks(proxies))))


def enter(doorkeeper: Doorkeeper, peer: str, closed: list[str] | None = None) -> Guest:
    guest = doorkeeper.enter(peer)
    assert guest is not None
    if closed is not None:
        guest.close = lambda: closed.append(peer)
    return guest


def test_a_source_has_a_share_and_a_64_is_one_source() -> None:
    doorkeeper = keeper(each_source=2)
    first = enter(doorkeeper, "2a00:1:2:3::1")
    enter(doorkeeper, "2a00:1:2:3::2")
    assert doorkeeper.enter("2a00:1:2:3::3") is None
    enter(doorkeeper, "2a00:1:2:4::1")
    doorkeeper.leave(first)
    doorkeeper.leave(first)  # twice is once
    enter(doorkeeper, "2a00:1:2:3::3")
    assert doorkeeper.enter("2a00:1:2:3::4") is None
    assert (len(doorkeeper), doorkeeper.refused) == (3, 2)


def test_a_proxy_has_no_share_since_many_stand_behind_it() -> None:
    doorkeeper = keeper(("10.0.0.1",), each_source=1)
    for _ in range(10):
        enter(doorkeeper, "10.0.0.1")
    enter(doorkeeper, "10.0.0.2")
    assert doorkeeper.enter("10.0.0.2") is None


def test_the_oldest_that_waits_gives_way_and_who_is_answered_never_does() -> None:
    doorkeeper = keeper(connections=3)
    closed: list[str] = []
    answered = enter(doorkeeper, "45.0.0.1", closed)
    answered.is_waiting = lambda: False
    enter(doorkeeper, "45.0.0.2", closed)
    enter(doorkeeper, "45.0.0.3", closed)
    enter(doorkeeper, "45.0.0.4", closed)
    assert closed == ["45.0.0.2"]
    assert len(doorkeeper) == 3


def test_where_all_are_answered_a_new_one_must_go() -> None:
    doorkeeper = keeper(connections=1)
    enter(doorkeeper, "45.0.0.1").is_waiting = lambda: False
    assert doorkeeper.enter("45.0.0.2") is None
    assert doorkeeper.refused == 1


def test_what_is_remembered_ends_with_the_connections() -> None:
    doorkeeper = keeper()
    for guest in [enter(doorkeeper, f"45.0.0.{n}") for n in range(100)]:
        doorkeeper.leave(guest)
    assert len(doorkeeper) == 0
    assert not doorkeeper._of_source


def test_listening_sockets_say_that_they_are_tcp() -> None:
    """Else asyncio leaves Nagle's delay on, and each answer waits for the client's kernel."""
    for host in ("127.0.0.1", "::1"):
        with bind(host, 0) as listening:
            assert listening.proto == socket.IPPROTO_TCP
