"""Clients that follow the interfaces to the letter, while addresses come, go, and come again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.honeynet_collector import (
    ApiBanClient,
    House,
    IntuitiveClient,
    addresses,
    open_house,
)

pytestmark = pytest.mark.slow

DAY = 86_400


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path) as house:
        yield house


class World:
    """Attackers that come in waves, and a book that forgets those that are gone.

    Attributes:
        given: every (ID, address) that there was, in the order of the IDs.
    """

    def __init__(self, house: House, seed: int) -> None:
        self._house = house
        self._random = random.Random(seed)
        self._all = addresses(10_000)
        self._next = 0
        self.given: dict[int, str] = {}

    def turn(self) -> None:
        """A quarter of a day."""
        house = self._house
        house.time.pass_by(DAY / 4)
        house.book.expire(house.time.now)
        size = self._random.randrange(400)
        new = self._all[self._next : self._next + size]
        self._next += size
        again = self._random.sample(self._all[: self._next], min(self._next, 100))
        if self._random.random() < 0.3:
            house.book.forget(self._random.choice(self._all), house.time.now)
        house.report(*new, *again)
        self.note()

    def note(self) -> None:
        """Look at the book itself: which IDs are there now."""
        last = max(self.given, default=0)
        while bans := self._house.book.bans(4, 0, last, 5_000):
            for ban in bans:
                assert ban.id not in self.given
                self.given[ban.id] = ban.address
            last = bans[-1].id

    @property
    def is_over(self) -> bool:
        return self._next >= len(self._all)


@pytest.mark.parametrize("version", [1, 2])
def test_ten_thousand_addresses_none_missed_none_doubled_and_it_always_ends(
    house: House, version: int
) -> None:
    """It asks one batch at a time, so that addresses come and expire between its requests."""
    world = World(house, version)
    client = ApiBanClient(house, version)
    while not world.is_over:
        world.turn()
        for _ in range(random.Random(len(client.got)).randrange(3)):
            client.ask()
    # of what was there when it began to ask a last time, nothing is left untold
    client.turn()
    told = {number: address for number, address in world.given.items() if number <= client.ids[-1]}
    assert len(world.given) >= 10_000
    assert client.ids == sorted(set(client.ids))  # each handed out once, and growing
    here = {ban.address for ban in house.book.bans(4, 0, 0, 100_000)}
    assert here <= set(client.got)
    # each address as often as it had an ID, apart from those that had expired before it asked
    assert_is_subsequence(client.got, [told[number] for number in sorted(told)])


def test_a_client_that_keeps_up_gets_every_id_there_was_exactly_once(house: House) -> None:
    world = World(house, 3)
    client = ApiBanClient(house)
    while not world.is_over:
        world.turn()
        client.turn()
    assert client.got == [world.given[number] for number in sorted(world.given)]
    assert client.ids == sorted(set(client.ids))
    assert len(client.got) > len(set(client.got))  # some came back with another ID


def test_a_client_of_timestamps_misses_none_either(house: House) -> None:
    world = World(house, 4)
    client = IntuitiveClient(house, limit=150)
    while not world.is_over:
        world.turn()
        client.turn()
    seen = iter(client.got)
    assert all(address in seen for address in (world.given[n] for n in sorted(world.given)))


def assert_is_subsequence(part: list[str], whole: list[str]) -> None:
    rest = iter(whole)
    for address in part:
        assert address in rest, f"{address} was told twice, or out of order"
