"""Tokens of every kind: no needle misses what it should find; too short ones are refused."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from keys import EpochKeys, Secret
from keys.derive import lp, uint32
from zt.crypto.fold import fold
from zt.schemes.search import Part, SearchKind, SearchTokens, search_id

SPACE = EpochKeys(Secret(bytes(range(32)))).keyspace("sip.identity")
KINDS: list[SearchKind] = ["gram", "prefix", "whole", "net"]
ALL = SearchTokens(KINDS, SPACE)
texts = st.text(max_size=12) | st.text(alphabet="aAßİﬁ\u0301+0123４.:", max_size=20)
numbers = st.from_regex(r"\+?[0-9]{0,20}[a-z ]?[0-9]{0,3}", fullmatch=True)


def tokens(made: SearchTokens, text: str) -> set[int]:
    (found,) = made.tokens([text])
    assert list(found) == sorted(set(found))
    return set(found)


def mac(purpose: bytes, params: bytes, message: bytes) -> int:
    cmac = CMAC(algorithms.AES(SPACE.subkey(purpose, 32, params).secret_key_access()))
    cmac.update(message)
    return int.from_bytes(cmac.finalize()[:4], "big")


def reference_prefixes(text: str) -> set[int]:
    params = lp(uint32(1), uint32(14), uint32(32))
    folded = fold(text)
    plus, rest = (1, folded[1:]) if folded.startswith("+") else (0, folded)
    found = set()
    for n in range(1, 15):
        head = rest[:n]
        if len(head) == n and head.isascii() and head.isdigit():
            found.add(mac(b"prefix", params, bytes([plus]) + head.encode()))
    return found


@settings(max_examples=80)
@given(st.lists(texts | numbers, max_size=5))
@example(["+4930123456", "", "+", "0", "1" * 30, "１２"])
def test_prefixes_agree_with_a_reference(values: list[str]) -> None:
    made = SearchTokens(["prefix"], SPACE)
    assert [set(found) for found in made.tokens(values)] == list(map(reference_prefixes, values))


@settings(max_examples=80)
@given(texts)
def test_whole_texts_agree_with_a_reference(value: str) -> None:
    expected = mac(b"whole", lp(uint32(1), uint32(32)), fold(value).encode())
    assert tokens(SearchTokens(["whole"], SPACE), value) == {expected}


def test_networks_agree_with_a_reference() -> None:
    v4, v6 = lp(*map(uint32, (8, 16, 24))), lp(*map(uint32, (32, 48, 64)))
    params = lp(v4, v6) + lp(uint32(32))
    made = SearchTokens(["net"], SPACE)
    packed = bytes([192, 0, 2, 9])
    expected = {mac(b"net", params, bytes([4, 8 * n]) + packed[:n]) for n in (1, 2, 3)}
    assert tokens(made, "192.0.2.9") == tokens(made, "::ffff:192.0.2.9") == expected
    packed = IPv6Address("2001:db8:1:2:3::4").packed
    expected = {mac(b"net", params, bytes([6, 8 * n]) + packed[:n]) for n in (4, 6, 8)}
    assert tokens(made, "2001:DB8:1:2:3:0:0:4") == expected
    for other in ("192.0.2.9:5060", "example.org", "", "fe80::1%eth0"):
        assert tokens(made, other) == set()


@settings(max_examples=300)
@given(texts | numbers, texts | numbers, texts)
@example("+49", "30", "")
@example("", "+4930", "")
def test_no_needle_misses_its_text(before: str, needle: str, after: str) -> None:
    value = before + needle + after
    part, whole = fold(needle), fold(value)
    holds: dict[Part, bool] = {
        "contains": part in whole,
        "startswith": whole.startswith(part),
        "endswith": whole.endswith(part),
        "whole": whole == part,
    }
    lists: list[list[SearchKind]] = [KINDS, ["gram"], ["prefix"], ["whole"], ["gram", "whole"]]
    for kinds in lists:
        made = SearchTokens(kinds, SPACE)
        own = tokens(made, value)
        for where, right in holds.items():
            try:
                wanted = made.needle(where, needle)
            except ValueError:
                continue
            assert wanted, "no tokens would match everything"
            if right:
                assert set(wanted) <= own


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(8, 32), st.integers(0, 2**32 - 1))
def test_no_network_misses_its_addresses(number: int, length: int, noise: int) -> None:
    network = ip_network((number, length), strict=False)
    inside = int(network.network_address) | noise & int(network.hostmask)
    assert set(ALL.network(network)) <= tokens(ALL, str(IPv4Address(inside)))
    outside = inside ^ 1 << 31
    assert not set(ALL.network(network)) <= tokens(ALL, str(IPv4Address(outside)))


@settings(max_examples=100)
@given(st.integers(0, 2**128 - 1), st.integers(32, 128), st.integers(0, 2**128 - 1))
def test_no_ipv6_network_misses_its_addresses(number: int, length: int, noise: int) -> None:
    network = ip_network((IPv6Address(number), length), strict=False)
    inside = IPv6Address(int(network.network_address) | noise & int(network.hostmask))
    assume(inside.ipv4_mapped is None)
    assert set(ALL.network(network)) <= tokens(ALL, str(inside))


@pytest.mark.parametrize(
    ("kinds", "part", "text", "reason"),
    [
        (["gram"], "contains", "ab", "at least 3 characters"),
        (["gram"], "startswith", "é", "at least 3 characters"),
        (["gram", "prefix"], "startswith", "+", "at least 3 characters"),
        (["prefix"], "startswith", "+", "at least one digit"),
        (["prefix"], "startswith", "abc", "at least one digit"),
        (["prefix"], "contains", "123", "no search tokens for contains"),
        (["prefix"], "whole", "123", "no search tokens for whole"),
        (["whole"], "contains", "abc", "no search tokens for contains"),
        (["net"], "contains", "192.0.2", "no search tokens for contains"),
    ],
)
def test_what_no_token_narrows_down_is_refused(
    kinds: list[SearchKind], part: Part, text: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        SearchTokens(kinds, SPACE).needle(part, text)


@pytest.mark.parametrize("network", ["0.0.0.0/0", "128.0.0.0/7", "::/0", "2000::/31"])
def test_networks_larger_than_any_with_tokens_are_refused(network: str) -> None:
    with pytest.raises(ValueError, match="has a length of at least"):
        ALL.network(ip_network(network))
    with pytest.raises(ValueError, match="no search tokens for networks"):
        SearchTokens(["gram"], SPACE).network(ip_network("192.0.2.0/24"))


def test_kinds_and_keyspaces_share_no_tokens() -> None:
    text = "4930123456"
    other = EpochKeys(Secret(bytes(range(32)))).keyspace("sip.identit")
    sets = [tokens(SearchTokens([kind], space), text) for space in (SPACE, other) for kind in KINDS]
    united = set().union(*sets)
    assert len(united) == sum(map(len, sets)) > 40


def test_search_lists_are_named_by_what_they_hold() -> None:
    lists: list[Any] = [["gram"], ["prefix"], ["whole"], ["net"], ["gram", "net"], KINDS]
    assert len({search_id(kinds) for kinds in lists}) == len(lists)
    assert search_id(["net", "gram"]) == search_id(["gram", "net"])


def test_one_text_has_the_tokens_of_all_kinds() -> None:
    apart = set().union(*(tokens(SearchTokens([kind], SPACE), "192.0.2.1") for kind in KINDS))
    assert tokens(ALL, "192.0.2.1") == apart
    assert ALL.tokens([]) == []
