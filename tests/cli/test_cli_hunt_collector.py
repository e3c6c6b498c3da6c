"""A hunt by all that a collector of this project shares, from one that runs as users run it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address

import pytest
from support.honeynet_book import public, seen
from support.honeynet_process import RunningCollector, add_key, running_collector

from zt.errors import InputError
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.model import BookSettings
from zt.honeynet.sighting import SightingBatch
from zt.hunt.fetching import Fetcher
from zt.hunt.reading import Reading

V4 = [public(number) for number in range(600)]  # three pages
V6 = [f"2a00:1450::{number:x}" for number in range(1, 31)]


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningCollector, str]]:
    db = tmp_path_factory.mktemp("collector") / "book.db"
    now = time.time_ns() // 1000
    settings = BookSettings()
    with Book.open(db, settings) as book:
        for name in ("one", "two"):  # two witnesses: nothing rests on one word alone
            token = book.add_honeypot(name, "fra", now)
            honeypot = book.find_honeypot(token)
            assert honeypot is not None
            sightings = tuple(seen(address, now) for address in V4 + V6)
            book.take(honeypot, SightingBatch(f"batch-{name}", sightings), now)
    key = add_key(db)
    with running_collector(db) as running:
        yield running, key


def read(place: str, key: str) -> Reading:
    def no_file(name: str) -> bytes:
        raise AssertionError(f"{name} is no file")

    return Fetcher(key).read(place, no_file)


def is_listed(reading: Reading, addresses: list[str]) -> set[bool]:
    return {reading.listing.find(ip_address(address)) is not None for address in addresses}


def test_all_that_it_has_is_read_page_by_page(collector: tuple[RunningCollector, str]) -> None:
    running, key = collector
    reading = read(f"apiban+http://127.0.0.1:{running.port}", key)
    assert (reading.good, reading.bad) == (len(V4) + len(V6), 0)
    assert is_listed(reading, V4 + V6) == {True}
    assert is_listed(reading, [public(601), "2a00:1450::ffff"]) == {False}


@pytest.mark.parametrize("name", ["txt", "csv", "json", "ipset", "nft"])
def test_every_file_that_it_shares_is_a_list(
    collector: tuple[RunningCollector, str], name: str
) -> None:
    running, key = collector
    for family, listed in (("ipv4", V4), ("ipv6", V6)):
        reading = read(f"http://127.0.0.1:{running.port}/lists/{family}.{name}", key)
        assert (reading.good, reading.bad) == (len(listed), 0)
        assert is_listed(reading, listed) == {True}


def test_a_page_of_its_other_interfaces_is_known_as_one(
    collector: tuple[RunningCollector, str],
) -> None:
    running, key = collector
    for path in (
        f"api/{key}/banned",
        f"bwnoa/v4list?token={key}&list=ipblack&timestamp=0&Limit=100",
    ):
        reading = read(f"http://127.0.0.1:{running.port}/{path}", key)
        assert reading.is_page
        assert key not in reading.listing.name


def test_a_key_that_it_does_not_know_is_said(collector: tuple[RunningCollector, str]) -> None:
    running, _ = collector
    for place in ("apiban+http://127.0.0.1:{}", "http://127.0.0.1:{}/lists/ipv4.txt"):
        with pytest.raises(InputError, match="does not know the key"):
            read(place.format(running.port), "wrong")
