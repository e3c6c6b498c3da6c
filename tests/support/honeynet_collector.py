"""A collector in the test's own process, with a clock of its own, and clients as there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec

from analytics.wire import MICROSECONDS
from support.asgi_client import AsgiClient
from zt.honeynet.collector.book.access import Rate
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.guard import GuardSettings
from zt.honeynet.collector.book.model import BookSettings
from zt.honeynet.collector.web.app import Collector
from zt.honeynet.collector.web.sources import Network, Sources
from zt.honeynet.sighting import Kind, Sighting, SightingBatch

START = 1_796_000_000 * MICROSECONDS
UNLIMITED = Rate(100_000_000, MICROSECONDS)


class Time:
    """The time, as the test says."""

    def __init__(self) -> None:
        self.now = START

    def pass_by(self, seconds: float) -> None:
        self.now += int(seconds * MICROSECONDS)

    def __call__(self) -> int:
        return self.now


class House:
    """A collector with a key, which may ask without limit, and a honeypot's token.

    Attributes:
        said: what went to the log.
        http: asks it.
    """

    def __init__(self, book: Book, proxies: Iterable[Network] = ()) -> None:
        self.book = book
        self.time = Time()
        self.said: list[str] = []
        self.collector = Collector(
            book,
            sources=Sources(tuple(proxies)),
            say=self.said.append,
            now=self.time,
            clock=self.time,
        )
        self.http = AsgiClient(self.collector.app, ("198.51.100.7", 50_000))
        self.key = book.add_key("client", self.time.now, UNLIMITED)
        self.token = book.add_honeypot("fra1", "fra", self.time.now)
        self._batches = 0

    def batch(self, addresses: Iterable[str], **members: Any) -> SightingBatch:
        """What a honeypot says of proven scanners."""
        now = self.time.now
        sighting = Sighting("", Kind.SCAN, True, now, now, 1, "friendly-scanner")
        self._batches += 1
        return SightingBatch(
            f"batch-{self._batches:06}",
            tuple(replace_struct(sighting, address=a, **members) for a in addresses),
        )

    def report(self, *addresses: str, **members: Any) -> None:
        """Have a honeypot report, over HTTP."""
        for start in range(0, len(addresses), 1_000):
            part = addresses[start : start + 1_000]
            body = msgspec.json.encode(self.batch(part, **members))
            answer = self.http.post(
                "/honeynet/v1/sightings", content=body, headers=bearer(self.token)
            )
            assert answer.status_code == 200, answer.text
            assert answer.json() == {"taken": len(part)}


def replace_struct(sighting: Sighting, **members: Any) -> Sighting:
    return msgspec.structs.replace(sighting, **members)


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@contextmanager
def open_house(
    path: Path, settings: BookSettings | None = None, proxies: Iterable[Network] = ()
) -> Iterator[House]:
    """A house over a new book whose guard limits no honeypot's share."""
    if settings is None:
        settings = BookSettings(guard=replace(GuardSettings(), share=1.0))
    with Book.open(path / "book.db", settings, serving=True) as book:
        house = House(book, proxies)
        try:
            yield house
        finally:
            house.http.close()
        assert house.said == []


def addresses(number: int, begin: str = "45.0.0.1") -> list[str]:
    """Addresses one after the other."""
    first = ip_address(begin)
    return [str(first + n) for n in range(number)]


class ApiBanClient:
    """Keeps a list as the documentation of APIBAN says, to the letter.

    Attributes:
        last: the ID to go on with; 100 at first.
        got: every address in the order in which it came, with the ID of its batch.
    """

    def __init__(self, house: House, version: int = 1, set_name: str = "sip") -> None:
        self._house = house
        self._version = version
        self._set = set_name
        self.last = "100"
        self.got: list[str] = []
        self.ids: list[int] = []

    def ask(self) -> bool:
        """One request; whether there may be more."""
        if self._version == 1:
            answer = self._house.http.get(f"/api/{self._house.key}/banned/{self.last}")
        else:
            answer = self._house.http.post(
                "/api/get",
                json={"set": self._set, "id": self.last},
                headers=bearer(self._house.key),
            )
        body = answer.json()
        assert set(body) == {"ipaddress", "ID"}
        if body["ID"] == "none":
            assert answer.status_code == 400
            assert body["ipaddress"] == ["no new bans"]
            return False
        assert answer.status_code == 200
        assert 1 <= len(body["ipaddress"]) <= 250
        self.got += body["ipaddress"]
        self.ids.append(int(body["ID"]))
        self.last = body["ID"]
        return True

    def turn(self, most: int = 1_000) -> None:
        """Ask until there is no more."""
        for _ in range(most):
            if not self.ask():
                return
        raise AssertionError("it does not end")


class IntuitiveClient:
    """Keeps a list as the client of Intuitive Labs does.

    Attributes:
        timestamp: to ask on from; 0 at first.
        got: every address in the order in which it came.
    """

    def __init__(self, house: House, path: str = "/bwnoa/v4list", limit: int = 100) -> None:
        self._house = house
        self._path = path
        self._limit = limit
        self.timestamp = 0
        self.next: str | None = None
        self.got: list[str] = []

    def ask(self) -> bool:
        """One request; whether there may be more."""
        asked: dict[str, str | int] = {
            "token": self._house.key,
            "list": "ipblack",
            "honeynet": "true",
            "Limit": self._limit,
            "timestamp": self.timestamp,
        }
        if self.next:
            asked["nextEncodedKey"] = self.next
        answer = self._house.http.get(self._path, params=asked)
        assert answer.status_code == 200
        body = answer.json()
        if not body["metadata"]:  # that client takes it for an error, and ends
            self.next = None
            return False
        if not body["elements"]:  # and here it forgets to forget the key
            return self.next is not None
        self.got += [element["ipaddr"] for element in body["elements"]]
        self.next = body["metadata"]["nextEncodedKey"] or None
        if self.next is None:
            self.timestamp = body["metadata"]["lastTimestamp"]
        return self.next is not None

    def turn(self, most: int = 1_000) -> None:
        """Ask until there is no more."""
        for _ in range(most):
            if not self.ask():
                return
        raise AssertionError("it does not end")
