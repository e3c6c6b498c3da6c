"""The guard believes whom it may believe, and no more than it may."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.honeynet.collector.book.addresses import pack, spell
from zt.honeynet.collector.book.guard import (
    CROWD,
    NEVER,
    GuardSettings,
    NeverList,
    Verdict,
    Witness,
    judge,
    room,
)

NOW = 1_000 * 3_600_000_000
SETTINGS = GuardSettings()

IMPOSSIBLE = """
0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.0.9 172.31.255.255 192.0.2.1 192.168.0.1 198.19.0.1
198.51.100.7 203.0.113.255 224.0.0.1 255.255.255.255 :: ::1 ::ffff:10.0.0.1 64:ff9b::a00:1 2001::1
2001:db8::1 2002:a00:1::1 3fff::1 fc00::1 fe80::1 ff02::1
"""
POSSIBLE = "8.8.8.8 172.32.0.0 192.0.3.0 223.255.255.255 2001:200::1 2606:4700::1 2a00::1"
NO_ADDRESSES = [
    *["", "1.2.3", "01.2.3.4", "1.2.3.4 ", "1.2.3.4\x00", "fe80::1%eth0", "1.2.3.4/32", "[::1]"],
    "\u0661.2.3.4",
    "\ud800",
]

WAITS, TRUSTED, CROWDED = Verdict(False), Verdict(True), Verdict(True, CROWD)


def witness(owner: str, *, ago: int = 0, proven: bool = False) -> Witness:
    return Witness(owner, NOW - ago, NOW - ago if proven else None)


def verdict(*witnesses: Witness, is_forgotten: bool = False) -> Verdict:
    return judge(witnesses, NOW, SETTINGS, is_forgotten=is_forgotten)


def test_an_address_that_nobody_saw_waits() -> None:
    assert verdict() == WAITS


def test_a_proven_address_is_shared_on_one_word() -> None:
    assert verdict(witness("a", proven=True)) == Verdict(True, "a")


def test_an_address_proven_by_two_is_shared_without_limit() -> None:
    assert verdict(witness("a", proven=True), witness("b", proven=True)) == TRUSTED


def test_an_unproven_address_waits_for_the_third_witness() -> None:
    assert verdict(witness("a"), witness("b")) == WAITS
    assert verdict(witness("a"), witness("b"), witness("c")) == CROWDED


def test_honeypots_of_one_owner_are_one_witness() -> None:
    assert verdict(*[witness("a")] * 5, witness("b")) == WAITS
    assert verdict(*[witness("a", proven=True)] * 5) == Verdict(True, "a")


def test_unproven_sightings_do_not_lift_the_limit_of_one_word() -> None:
    # else a stolen token and a forged packet at each other honeypot would be enough
    claims = [witness(name) for name in "bcdefg"]
    assert verdict(witness("a", proven=True), *claims) == Verdict(True, "a")


def test_what_was_seen_before_the_window_counts_no_more() -> None:
    window = SETTINGS.window
    assert verdict(witness("a"), witness("b"), witness("c", ago=window)) == WAITS
    assert verdict(witness("a"), witness("b"), witness("c", ago=window - 1)) == CROWDED
    assert verdict(witness("a", proven=True, ago=window)) == WAITS
    assert verdict(Witness("a", NOW, NOW - window)) == WAITS, "an old proof, seen again unproven"


def test_a_forgotten_address_comes_back_only_proven_by_several() -> None:
    claims = [witness(name) for name in "abcdef"]
    assert verdict(*claims, is_forgotten=True) == WAITS
    assert verdict(witness("a", proven=True), is_forgotten=True) == WAITS
    both = [witness("a", proven=True), witness("b", proven=True)]
    assert verdict(*both, is_forgotten=True) == TRUSTED


@pytest.mark.parametrize(
    ("own", "total", "more"),
    [
        (0, 0, 100),  # the floor
        (99, 99, 1),
        (100, 100, 0),
        (100, 300, 100),  # 200 of 400
        (200, 400, 0),
        (0, 1_000, 1_000),
    ],
)
def test_one_word_may_bring_half_of_an_hours_new_bans(own: int, total: int, more: int) -> None:
    assert room(own, total, SETTINGS) == more


def test_a_share_of_all_is_no_limit() -> None:
    assert room(10**9, 10**9, GuardSettings(share=1)) is None


@given(
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.floats(0, 0.99),
    st.integers(0, 1_000),
)
def test_room_is_never_above_the_share_unless_below_the_floor(
    own: int, others: int, share: float, floor: int
) -> None:
    more = room(own, own + others, GuardSettings(share=share, floor=floor))
    assert more is not None
    assert more >= 0
    total = own + others + more
    assert more == 0 or own + more <= max(floor, share * total * (1 + 1e-9))


@pytest.mark.parametrize("address", IMPOSSIBLE.split())
def test_addresses_that_no_attacker_can_have_are_never_shared(address: str) -> None:
    packed = pack(address)
    assert packed is not None
    assert NeverList(NEVER).covers(packed)


@pytest.mark.parametrize("address", POSSIBLE.split())
def test_public_addresses_are(address: str) -> None:
    packed = pack(address)
    assert packed is not None
    assert not NeverList(NEVER).covers(packed)


_ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(st.lists(st.tuples(_ADDRESSES, st.integers(0, 128)), max_size=8), _ADDRESSES)
def test_the_never_list_agrees_with_the_standard_library(
    chosen: list[tuple[IPv4Address | IPv6Address, int]], address: IPv4Address | IPv6Address
) -> None:
    networks = [ip_network((a, min(n, a.max_prefixlen)), strict=False) for a, n in chosen]
    never = NeverList(networks)
    for some in chain([address], (network[-1] for network in networks)):
        expected = any(some in network for network in networks if network.version == some.version)
        assert never.covers(some.packed) == expected


@given(_ADDRESSES)
def test_addresses_keep_their_meaning(address: IPv4Address | IPv6Address) -> None:
    packed = pack(str(address))
    assert packed is not None
    expected = getattr(address, "ipv4_mapped", None) or address
    assert ip_address(spell(packed)) == expected


@given(st.text())
def test_text_that_is_no_address_is_none(text: str) -> None:
    packed = pack(text)
    assert packed is None or len(packed) in (4, 16)


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_only_one_address_as_such_is_an_address(text: str) -> None:
    assert pack(text) is None
