"""A client that polls by ID misses no address, gets none twice, and comes to an end."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from support.honeynet_book import HOUR, START, Net, seen, settings
from support.thorough import examples

from zt.honeynet.collector.book.guard import GuardSettings
from zt.honeynet.collector.book.model import Ban, BookSettings, Family

RETENTION: Final = 3 * HOUR
ADDRESSES: Final = [f"20.0.0.{n}" for n in range(12)] + [f"2a00::{n}" for n in range(6)]
HONEYPOTS: Final = {"one": "us", "two": "us", "three": "", "four": ""}

_ADDRESSES = st.sampled_from(ADDRESSES)
_SPANS = st.sampled_from([1, HOUR // 3, HOUR, RETENTION])


@dataclass
class Client:
    """Follows the protocol: asks for what came after the last ID, until there is nothing.

    Attributes:
        family: of the addresses it asks for.
        after: the last ID that it was given.
        got: addresses by the ID under which it got them.
    """

    family: Family
    after: int = 100
    got: dict[int, str] = field(default_factory=dict)

    def poll(self, net: Net, limit: int) -> bool:
        """Ask once; whether there was something new."""
        page = net.book.banned(self.after, self.family, limit)
        if page.last is None:
            assert not page.addresses
            return False
        assert page.last > self.after
        assert 0 < len(page.addresses) <= limit
        told = {ban.address: ban.id for ban in net.book.bans(self.family, 0, 0, 1_000)}
        for address in page.addresses:
            number = told[address]
            assert self.after < number <= page.last
            assert number not in self.got, "given twice"
            self.got[number] = address
        self.after = page.last
        return True


class Polling(RuleBasedStateMachine):
    """Honeypots report, time passes, addresses are forgotten, and clients poll in between."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        guard = GuardSettings(window=HOUR, pardon=2 * HOUR, floor=2, share=0.5, witnesses=2)
        self.settings: BookSettings = replace(
            settings(), retention=RETENTION, guard=guard, most_bans=10, most_waiting=4
        )
        self.now = START
        self.clients = [Client(4), Client(4), Client(6)]
        self.owners_of_ids: dict[int, str] = {}
        self.highest = 100

    @initialize()
    def open(self) -> None:
        self.net = Net(self.folder / "book.db", self.settings)
        for name, owner in HONEYPOTS.items():
            self.net.honeypot(name, owner=owner)

    def teardown(self) -> None:
        self.net.book.close()
        shutil.rmtree(self.folder)

    @rule(
        honeypot=st.sampled_from(list(HONEYPOTS)),
        addresses=st.lists(_ADDRESSES, max_size=6),
        proven=st.booleans(),
        ago=st.sampled_from([0, 1, HOUR]),
    )
    def report(self, honeypot: str, addresses: list[str], proven: bool, ago: int) -> None:
        sightings = (seen(address, self.now - ago, proven=proven) for address in addresses)
        self.net.tell(honeypot, *sightings, now=self.now)

    @rule(span=_SPANS)
    def wait(self, span: int) -> None:
        self.now += span

    @rule(span=_SPANS)
    def wait_and_expire(self, span: int) -> None:
        self.now += span
        self.net.book.expire(self.now)
        for ban in self.bans():
            assert self.now - RETENTION < ban.last <= self.now

    @rule(address=_ADDRESSES)
    def forget(self, address: str) -> None:
        was_shared = self.net.book.check(address) is not None
        assert self.net.book.forget(address, self.now) == was_shared
        assert self.net.book.check(address) is None

    @rule()
    def open_again(self) -> None:
        self.net.book.close()
        self.net = Net(self.folder / "book.db", self.settings)

    @rule(which=st.integers(0, 2), limit=st.integers(1, 4))
    def poll_once(self, which: int, limit: int) -> None:
        self.clients[which].poll(self.net, limit)

    @rule(which=st.integers(0, 2), limit=st.integers(1, 4))
    def poll_to_the_end(self, which: int, limit: int) -> None:
        client = self.clients[which]
        steps = 0
        while client.poll(self.net, limit):
            steps += 1
            assert steps <= len(ADDRESSES), "no end"
        for ban in self.net.book.bans(client.family, 0, 0, 1_000):
            assert client.got.get(ban.id) == ban.address, "missed"

    @invariant()
    def ids_are_of_one_address_and_only_grow(self) -> None:
        bans = self.bans()
        for ban in bans:
            if ban.id not in self.owners_of_ids:
                assert ban.id > self.highest, "an ID below one that was there before"
            assert self.owners_of_ids.setdefault(ban.id, ban.address) == ban.address
        self.highest = max([self.highest, *(ban.id for ban in bans)])
        assert len({ban.address for ban in bans}) == len(bans) <= 10

    @invariant()
    def the_file_is_consistent(self) -> None:
        with sqlite3.connect(self.folder / "book.db") as file:
            for question, expected in CONSISTENT.items():
                assert file.execute(question).fetchone()[0] == expected, question
        file.close()

    def bans(self) -> list[Ban]:
        return [*self.net.book.bans(4, 0, 0, 1_000), *self.net.book.bans(6, 0, 0, 1_000)]


CONSISTENT: Final = {
    "SELECT count(*) FROM pragma_foreign_key_check": 0,
    "SELECT bans - (SELECT count(*) FROM addresses WHERE ban IS NOT NULL) FROM book": 0,
    "SELECT count(*) FROM honeypots WHERE waiting <> (SELECT count(*) FROM addresses "
    "WHERE ban IS NULL AND honeypot = honeypots.number)": 0,
    "SELECT count(*) FROM addresses WHERE honeypots <> (SELECT count(*) FROM witnesses "
    "WHERE witnesses.address = addresses.number)": 0,
    "SELECT count(*) FROM addresses WHERE (ban IS NULL) <> (given IS NULL)": 0,
    "SELECT count(*) FROM addresses WHERE ban >= (SELECT next_ban FROM book)": 0,
    "SELECT sum(waiting) <= 4 FROM honeypots": 1,
}
"""What is true of the file after each step: it counts rightly, and holds no more than it may."""


TestPolling = Polling.TestCase
TestPolling.settings = hypothesis_settings(
    max_examples=examples(10), stateful_step_count=40, deadline=None
)
