"""APIBAN's interface, as its clients know it: each answer to the letter."""

from __future__ import annotations

from typing import Any

import pytest
from support.honeynet_collector import ApiBanClient, House, addresses, bearer

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.access import Rate
from zt.honeynet.sighting import Kind

UNAUTHORIZED = {"ipaddress": "none", "ID": "unauthorized"}
NO_NEW_BANS = {"ipaddress": ["no new bans"], "ID": "none"}
NOT_BLOCKED = {"ipaddress": ["not blocked"], "ID": "none"}


def get(house: House, path: str) -> tuple[int, Any]:
    answer = house.http.get(f"/api/{house.key}/{path}")
    return answer.status_code, answer.json()


def post(house: House, path: str, **members: Any) -> tuple[int, Any]:
    answer = house.http.post(f"/api/{path}", json=members, headers=bearer(house.key))
    return answer.status_code, answer.json()


def test_addresses_come_with_the_id_to_go_on_with(house: House) -> None:
    house.report("45.0.0.1", "45.0.0.2")
    expected = {"ipaddress": ["45.0.0.1", "45.0.0.2"], "ID": "102"}
    for path in ("banned", "banned/", "banned/100", "banned/100/", "banned/0"):
        assert get(house, path) == (200, expected), path
    assert get(house, "banned/101") == (200, {"ipaddress": ["45.0.0.2"], "ID": "102"})
    assert post(house, "get", set="sip", id="100") == (200, expected)
    assert post(house, "get", set="sip", id=100) == (200, expected)
    assert post(house, "get") == (200, expected)


def test_where_nothing_is_new_the_id_is_none(house: House) -> None:
    assert get(house, "banned") == (400, NO_NEW_BANS)
    house.report("45.0.0.1")
    assert get(house, "banned/101") == (400, NO_NEW_BANS)
    assert get(house, f"banned/{10**30}") == (400, NO_NEW_BANS)
    assert post(house, "get", set="sip", id="101") == (400, NO_NEW_BANS)
    assert post(house, "get", set="http", id="100") == (400, NO_NEW_BANS)


def test_a_batch_has_250_addresses_at_most(house: House) -> None:
    house.report(*addresses(251))
    status, body = get(house, "banned/100")
    assert (status, len(body["ipaddress"]), body["ID"]) == (200, 250, "350")
    assert get(house, "banned/350") == (200, {"ipaddress": ["45.0.0.251"], "ID": "351"})


def test_an_address_can_be_checked(house: House) -> None:
    house.report("45.0.0.1", "2a00:1::1")
    assert get(house, "check/45.0.0.1") == (200, {"ipaddress": ["45.0.0.1"], "ID": "101"})
    assert get(house, "check/::ffff:45.0.0.1") == (200, {"ipaddress": ["45.0.0.1"], "ID": "101"})
    assert get(house, "check/2A00:1:0::1") == (200, {"ipaddress": ["2a00:1::1"], "ID": "102"})
    assert get(house, "check/45.0.0.2") == (400, NOT_BLOCKED)
    found = post(house, "check", set="sip", ipaddress="45.0.0.1")
    assert found == (200, {"ipaddress": ["45.0.0.1"], "ID": "101"})
    assert post(house, "check", set="sip", ipaddress="45.0.0.2") == (400, NOT_BLOCKED)
    assert post(house, "check", set="http", ipaddress="45.0.0.1") == (400, NOT_BLOCKED)


@pytest.mark.parametrize(
    "text", ["45.0.0.400", "x", "fe80::1%25eth0", "45.0.0.1%2f24", "%00", "１"]
)
def test_what_is_no_address_is_invalid(house: House, text: str) -> None:
    assert get(house, f"check/{text}") == (400, {"ipaddress": ["invalid address"], "ID": "none"})


@pytest.mark.parametrize("text", ["x", "-1", "1.5", "%20101", "１０１", "9" * 41])
def test_what_is_no_id_is_invalid_and_ends_the_client(house: House, text: str) -> None:
    house.report("45.0.0.1")
    assert get(house, f"banned/{text}") == (400, {"ipaddress": ["invalid ID"], "ID": "none"})


def test_ipv6_is_a_set_of_its_own_that_old_clients_never_see(house: House) -> None:
    house.report("2a00:1::1", "45.0.0.1")
    assert get(house, "banned") == (200, {"ipaddress": ["45.0.0.1"], "ID": "102"})
    assert post(house, "get", set="sip6", id="100") == (
        200,
        {"ipaddress": ["2a00:1::1"], "ID": "101"},
    )


def test_an_unknown_set_is_said_to_be_so(house: House) -> None:
    unknown = {"ipaddress": ["unknown set"], "ID": "none"}
    assert post(house, "get", set="smtp") == (400, unknown)
    assert post(house, "check", set="smtp", ipaddress="45.0.0.1") == (400, unknown)


def test_the_key_may_stand_in_the_body(house: House) -> None:
    house.report("45.0.0.1")
    answer = house.http.post("/api/get", json={"set": "sip", "id": "100", "key": house.key})
    assert answer.json() == {"ipaddress": ["45.0.0.1"], "ID": "101"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"id": []}', b"\xff", b"0" * 5_000])
def test_a_body_that_is_none_is_told_so_to_clients_only(house: House, body: bytes) -> None:
    for path in ("get", "check"):
        answer = house.http.post(f"/api/{path}", content=body)
        assert (answer.status_code, answer.json()) == (403, UNAUTHORIZED)
        answer = house.http.post(f"/api/{path}", content=body, headers=bearer(house.key))
        assert answer.json() == {"ipaddress": ["malformed request"], "ID": "none"}


@pytest.mark.parametrize("key", ["x", "0" * 64, "%00", "é" * 9, "a" * 3_000])
def test_a_wrong_key_is_unauthorized_wherever_it_stands(house: House, key: str) -> None:
    house.report("45.0.0.1")
    for answer in (
        house.http.get(f"/api/{key}/banned"),
        house.http.get(f"/api/{key}/check/45.0.0.1"),
        house.http.post("/api/get", json={"key": key}),
        house.http.post("/api/check", json={"key": key, "ipaddress": "45.0.0.1"}),
        house.http.post("/api/get", json={}, headers={"authorization": f"Bearer {key}".encode()}),
        house.http.post("/api/get", json={}),
    ):
        assert (answer.status_code, answer.json()) == (403, UNAUTHORIZED)


def test_a_honeypots_token_is_no_key_and_a_revoked_key_is_none_any_more(house: House) -> None:
    assert house.http.get(f"/api/{house.token}/banned").status_code == 403
    assert get(house, "banned")[0] == 400
    house.book.revoke_key("client", house.time.now)
    assert get(house, "banned") == (403, UNAUTHORIZED)


def test_eleven_requests_in_two_minutes_and_no_more(house: House) -> None:
    house.report("45.0.0.1")
    key = house.book.add_key("usual", house.time.now)
    for _ in range(11):
        assert house.http.get(f"/api/{key}/banned").status_code == 200
    answer = house.http.get(f"/api/{key}/banned")
    assert answer.status_code == 429
    assert answer.json() == {"ipaddress": "rate limit exceeded", "ID": "unauthorized"}
    assert answer.headers["retry-after"] == "120"
    house.time.pass_by(119)
    answer = house.http.post("/api/get", json={"key": key})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert house.http.get(f"/api/{house.key}/banned").status_code == 200  # another's key
    house.time.pass_by(1)
    assert house.http.get(f"/api/{key}/banned").status_code == 200


def test_a_key_may_have_a_rate_of_its_own(house: House) -> None:
    key = house.book.add_key("slow", house.time.now, Rate(1, 3_600 * MICROSECONDS))
    assert house.http.get(f"/api/{key}/banned").status_code == 400
    assert house.http.get(f"/api/{key}/banned").status_code == 429


def test_guessing_is_slowed_down_but_locks_nobody_out(house: House) -> None:
    answers = [house.http.get("/api/guess/banned").status_code for _ in range(31)]
    assert answers == [403] * 30 + [429]
    assert get(house, "banned") == (400, NO_NEW_BANS)
    house.time.pass_by(120)
    assert house.http.get("/api/guess/banned").status_code == 403


def test_what_is_forgotten_is_neither_listed_nor_blocked(house: House) -> None:
    house.report("45.0.0.1", "45.0.0.2")
    house.book.forget("45.0.0.1", house.time.now)
    assert get(house, "banned") == (200, {"ipaddress": ["45.0.0.2"], "ID": "102"})
    assert get(house, "check/45.0.0.1") == (400, NOT_BLOCKED)


def test_an_unproven_address_is_not_listed_on_one_word(house: House) -> None:
    house.report("45.0.0.1", proven=False)
    assert get(house, "banned") == (400, NO_NEW_BANS)
    house.report("45.0.0.1", kind=Kind.GUESS)
    assert get(house, "banned")[0] == 200


@pytest.mark.parametrize("version", [1, 2])
def test_a_client_that_asks_on_gets_each_address_once(house: House, version: int) -> None:
    client = ApiBanClient(house, version)
    house.report(*addresses(600))
    client.turn()
    house.report(*addresses(10, "46.0.0.1"), *addresses(5))  # the latter are known
    client.turn()
    assert client.got == [*addresses(600), *addresses(10, "46.0.0.1")]
    assert client.ids == sorted(set(client.ids))
