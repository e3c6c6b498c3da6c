"""What honeypots report over HTTP, and what is refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.honeynet_collector import House, addresses, bearer

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.access import Rate
from zt.honeynet.collector.web import admission
from zt.honeynet.sighting import MAX_SIGHTINGS, MAX_TOOL

PATH = "/honeynet/v1/sightings"


def sent(house: House, body: bytes, token: str | None = None) -> tuple[int, Any]:
    answer = house.http.post(PATH, content=body, headers=bearer(token or house.token))
    return answer.status_code, answer.json()


def test_a_batch_counts_once_however_often_it_comes(house: House) -> None:
    body = msgspec.json.encode(house.batch(addresses(3), count=2))
    assert [sent(house, body) for _ in range(3)] == [(200, {"taken": 3})] * 3
    ban = house.book.check("45.0.0.1")
    assert ban is not None
    assert ban.count == 2


def test_the_largest_batch_is_taken(house: House) -> None:
    begin = "2a00:1111:2222:3333:4444:5555:6666:7777"
    batch = house.batch(
        addresses(MAX_SIGHTINGS, begin), tool="\u20ac" * MAX_TOOL, count=(1 << 40) - 1
    )
    assert sent(house, msgspec.json.encode(batch)) == (200, {"taken": MAX_SIGHTINGS})


def test_one_sighting_more_is_not(house: House) -> None:
    body = msgspec.json.encode(house.batch(addresses(MAX_SIGHTINGS + 1)))
    assert sent(house, body)[0] == 422
    assert house.book.check("45.0.0.1") is None


def test_a_larger_body_is_not_even_read(house: House) -> None:
    assert sent(house, b" " * (512 * 1024 + 1))[0] == 413

    def pieces() -> Any:
        for _ in range(1_000):
            yield b" " * 1024

    answer = house.http.post(PATH, content=pieces(), headers=bearer(house.token))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"batch": "short", "sightings": []}',
        b'{"batch": "a/../../../b", "sightings": []}',
        b'{"batch": "batch-000", "sightings": [], "more": 1}',
        b'{"batch": "batch-000", "sightings": [{}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_batch_is_refused_for_ever(house: House, body: bytes) -> None:
    assert sent(house, body) == (422, {"error": "no batch of sightings"})


@pytest.mark.parametrize(
    "address", ["x.y", "45.0.0.01", "45.0.0.1/32", "2A00::1", "fe80::1%eth0", "::ffff:45.0.0.1"]
)
def test_an_address_in_another_spelling_is_refused(house: House, address: str) -> None:
    body = msgspec.json.encode(house.batch(["45.0.0.1", address]))
    assert sent(house, body)[0] == 422
    assert house.book.check("45.0.0.1") is None


def test_only_honeypots_may_report(house: House) -> None:
    body = msgspec.json.encode(house.batch(["45.0.0.1"]))
    for wrong in ("x", house.key, "a" * 10_000):
        assert sent(house, body, wrong) == (401, {"error": "a honeypot's token is needed"})
    answer = house.http.post(PATH, content=body)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    house.book.revoke_honeypot("fra1", house.time.now)
    assert sent(house, body)[0] == 401
    assert house.book.check("45.0.0.1") is None


def test_a_honeypot_that_floods_is_told_to_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admission, "REPORTS", Rate(3, MICROSECONDS))
    body = msgspec.json.encode(house.batch(["45.0.0.1"]))
    assert [sent(house, body)[0] for _ in range(4)] == [200, 200, 200, 429]
    house.time.pass_by(1)
    assert sent(house, body)[0] == 200


def test_it_is_no_route_to_get(house: House) -> None:
    answer = house.http.get(PATH)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
