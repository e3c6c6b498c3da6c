"""Lists as clients of Intuitive Labs' service ask for them."""

from __future__ import annotations

import pytest
from support.honeynet_collector import START, House, IntuitiveClient, addresses, bearer

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.access import Rate
from zt.honeynet.sighting import Kind

SECOND = START // MICROSECONDS
WEEK = 7 * 86_400


def test_an_element_says_what_their_clients_read(house: House) -> None:
    house.report("45.0.0.1", count=3)
    house.report("45.0.0.1", kind=Kind.CALL)
    answer = house.http.get("/bwnoa/v4list", params={"token": house.key, "list": "ipblack"})
    assert answer.status_code == 200
    assert answer.json() == {
        "metadata": {
            "defaultBlacklistTtl": WEEK,
            "lastTimestamp": SECOND,
            "nextEncodedKey": None,
        },
        "elements": [
            {
                "encrypt": "plain",
                "ipaddr": "45.0.0.1",
                "exceeded": "scan,call",
                "count": 4,
                "timestamp": SECOND,
            }
        ],
    }


def test_the_key_may_stand_in_the_header(house: House) -> None:
    house.report("45.0.0.1")
    answer = house.http.get("/bwnoa/v4list", headers=bearer(house.key))
    assert [e["ipaddr"] for e in answer.json()["elements"]] == ["45.0.0.1"]


def test_each_family_has_its_own_path(house: House) -> None:
    house.report("45.0.0.1", "2a00:1::1")
    for path, expected in (("/bwnoa/v4list", "45.0.0.1"), ("/bwnoa/v6list", "2a00:1::1")):
        client = IntuitiveClient(house, path)
        client.turn()
        assert client.got == [expected]


def test_other_lists_than_of_bans_are_empty(house: House) -> None:
    house.report("45.0.0.1")
    for name in ("ipwhite", "uri", "x"):
        asked = {"token": house.key, "list": name, "timestamp": "5"}
        body = house.http.get("/bwnoa/v4list", params=asked).json()
        assert body["elements"] == []
        assert body["metadata"]["lastTimestamp"] == 5


def test_pages_end_and_the_next_turn_begins_where_the_last_one_ended(house: House) -> None:
    client = IntuitiveClient(house, limit=100)
    client.turn()
    assert client.timestamp == 0
    house.report(*addresses(300))  # a whole number of pages
    client.turn()
    assert client.got == addresses(300)
    assert client.timestamp == SECOND
    house.time.pass_by(1)
    house.report(*addresses(3, "46.0.0.1"))
    client.got.clear()
    client.turn()
    # what came in the second that it names comes once more
    assert client.got == addresses(300) + addresses(3, "46.0.0.1")
    client.got.clear()
    client.turn()
    assert client.got == addresses(3, "46.0.0.1")


def test_what_comes_later_in_the_same_second_is_not_missed(house: House) -> None:
    client = IntuitiveClient(house)
    house.report("45.0.0.1")
    client.turn()
    house.time.pass_by(0.5)
    house.report("45.0.0.2")
    client.got.clear()
    client.turn()
    assert client.got == ["45.0.0.1", "45.0.0.2"]


def test_a_report_that_was_late_is_not_missed(house: House) -> None:
    """Its times are of the hour in which it could not be delivered."""
    client = IntuitiveClient(house)
    house.report("45.0.0.1")
    client.turn()
    house.time.pass_by(5)
    before = START - 3_600 * MICROSECONDS
    house.report("45.0.0.2", first=before, last=before)
    client.turn()
    assert client.got[-1] == "45.0.0.2"


def test_a_clock_that_was_set_back_hides_nothing(house: House) -> None:
    client = IntuitiveClient(house)
    house.report("45.0.0.1")
    client.turn()
    house.time.now -= 3_600 * MICROSECONDS
    house.report("45.0.0.2")
    client.turn()
    assert client.got[-1] == "45.0.0.2"


def test_a_client_ends_though_all_that_was_left_expired_between_two_pages(house: House) -> None:
    client = IntuitiveClient(house, limit=100)
    house.report(*addresses(150))
    assert client.ask()
    house.time.pass_by(WEEK + 1)
    house.book.expire(house.time.now)
    assert not client.ask()
    client.turn()
    assert client.timestamp == 0  # it begins anew, and so misses nothing


def test_the_page_is_bounded_whatever_the_client_asks_for(house: House) -> None:
    house.report(*addresses(5_001))
    asked = {"token": house.key, "Limit": "1000000"}
    body = house.http.get("/bwnoa/v4list", params=asked).json()
    assert len(body["elements"]) == 5_000
    assert body["metadata"]["nextEncodedKey"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("timestamp", "x"),
        ("timestamp", "-1"),
        ("Limit", "0"),
        ("Limit", "ten"),
        ("nextEncodedKey", "%%%"),
        ("nextEncodedKey", "AAAA"),
    ],
)
def test_a_query_that_is_none_is_refused(house: House, name: str, value: str) -> None:
    answer = house.http.get("/bwnoa/v4list", params={"token": house.key, name: value})
    assert answer.status_code == 400
    assert answer.json() == {"statusCode": 400, "statusDescription": "malformed query"}


def test_a_wrong_token_and_a_hasty_one_are_told_so(house: House) -> None:
    answer = house.http.get("/bwnoa/v4list", params={"token": "x"})
    assert answer.status_code == 403
    assert answer.json() == {"statusCode": 403, "statusDescription": "unauthorized"}
    assert house.http.get("/bwnoa/v4list").status_code == 403
    key = house.book.add_key("slow", house.time.now, Rate(1, MICROSECONDS))
    assert house.http.get("/bwnoa/v4list", params={"token": key}).status_code == 200
    answer = house.http.get("/bwnoa/v4list", params={"token": key})
    assert answer.status_code == 429
    assert answer.json()["statusDescription"] == "rate limit exceeded"
