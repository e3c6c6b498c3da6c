"""Who is asking, with and without a proxy."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.honeynet_collector import open_house

from zt.errors import InputError
from zt.honeynet.collector.web.sources import Sources, parse_networks

PROXIES = parse_networks(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("45.0.0.1", [b"46.0.0.1"], "45.0.0.1"),  # no proxy: anybody can write that
        ("10.0.0.1", [b"46.0.0.1"], "46.0.0.1"),
        ("10.0.0.1", [b"1.1.1.1, 46.0.0.1"], "46.0.0.1"),  # 1.1.1.1 is the client's own word
        ("10.0.0.1", [b"1.1.1.1", b"46.0.0.1"], "46.0.0.1"),
        ("10.0.0.1", [b"46.0.0.1, 10.0.0.9"], "46.0.0.1"),  # two proxies
        ("10.0.0.1", [b"46.0.0.1, x"], "10.0.0.1"),
        ("10.0.0.1", [b"46.0.0.1, x, 10.0.0.9"], "10.0.0.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b"\xff"], "10.0.0.1"),
        ("::ffff:10.0.0.1", [b"::ffff:46.0.0.1"], "46.0.0.1"),
        ("fd00::1", [b"2A00:1::1"], "2a00:1::1"),
        ("unknown", [b"46.0.0.1"], "unknown"),
    ],
)
def test_a_header_counts_from_proxies_only(
    peer: str, forwarded: list[bytes], expected: str
) -> None:
    assert Sources(PROXIES).source(peer, forwarded) == expected


def test_without_proxies_no_header_counts() -> None:
    assert Sources().source("10.0.0.1", [b"46.0.0.1"]) == "10.0.0.1"
    assert not Sources().is_proxy("10.0.0.1")
    assert Sources(PROXIES).is_proxy("::ffff:10.0.0.1")


def test_a_network_with_host_bits_is_a_mistake() -> None:
    for text in ("10.0.0.1/8", "x", ""):
        with pytest.raises(InputError, match="no network"):
            parse_networks([text])


def test_who_guesses_behind_a_proxy_slows_down_himself_only(tmp_path: Path) -> None:
    proxy = parse_networks(["198.51.100.7"])

    with open_house(tmp_path, proxies=proxy) as house:

        def guess(source: str) -> int:
            headers = {"x-forwarded-for": source}
            return house.http.get("/api/guess/banned", headers=headers).status_code

        assert [guess("46.0.0.1") for _ in range(31)][-1] == 429
        assert guess("46.0.0.2") == 403
