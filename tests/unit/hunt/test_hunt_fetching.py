"""Lists of servers: what is asked, what is believed, and what a server can't do to who asks it."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from itertools import repeat
from pathlib import Path

import pytest
from support.certificates import Authority
from support.list_server import Answer, Asked, list_server

from zt.errors import InputError
from zt.hunt import fetching
from zt.hunt.fetching import Fetcher, shown
from zt.hunt.reading import Reading

KEY = "k3y-of-mine"
LINES = b"192.0.2.1\n198.51.100.0/24\n"


def no_file(name: str) -> bytes:
    raise AssertionError(f"{name} is no file")


def fetch(place: str, fetcher: Fetcher | None = None) -> Reading:
    return (fetcher or Fetcher()).read(place, no_file)


def refusal(place: str, fetcher: Fetcher | None = None) -> str:
    with pytest.raises(InputError) as refused:
        fetch(place, fetcher)
    return refused.value.diagnostics()


def always(answer: Answer) -> Callable[[Asked], Answer]:
    return lambda asked: answer


# --- one document ------------------------------------------------------------------------------


def test_a_document_is_read_and_named_without_what_may_be_a_key() -> None:
    with list_server(always(Answer(body=LINES))) as server:
        reading = fetch(f"http://127.0.0.1:{server.port}/s3cret/bad.txt?token=s3cret")
    assert reading.good == 2
    assert reading.listing.name == f"127.0.0.1:{server.port}/bad.txt"
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("GET", "/s3cret/bad.txt?token=s3cret")
    assert "authorization" not in asked.headers
    assert asked.headers["accept-encoding"] == "identity"


def test_a_key_goes_into_a_header_and_a_certificate_is_verified(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path / "one"), Authority(tmp_path / "other")
    with list_server(always(Answer(body=LINES)), authority.issue("host")) as server:
        place = f"https://127.0.0.1:{server.port}/bad.txt"
        assert "can't connect" in refusal(place, Fetcher(KEY))
        assert "can't connect" in refusal(place, Fetcher(KEY, other.ca))
        assert server.asked == []
        assert fetch(place, Fetcher(KEY, authority.ca)).good == 2
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("place", ["http://192.0.2.1/bad.txt", "apiban+http://192.0.2.1"])
def test_a_key_does_not_travel_in_the_clear(place: str) -> None:
    assert "would travel to 192.0.2.1" in refusal(place, Fetcher(KEY))


@pytest.mark.parametrize(
    "place",
    [
        "https://user:s3cret@lists.example.org/",
        "ftp://lists.example.org/bad.txt",
        "https:///bad.txt",
        "https://[bad/",
        "https://lists.example.org:s3cret/",
    ],
)
def test_a_key_does_not_travel_to_what_is_no_server(place: str) -> None:
    said = refusal(place, Fetcher(KEY))
    assert KEY not in said
    assert "s3cret" not in said


def test_redirects_are_not_followed() -> None:
    with list_server(always(Answer(body=LINES))) as inner:
        headers = {"Location": f"http://127.0.0.1:{inner.port}/"}
        with list_server(always(Answer(302, headers=headers))) as server:
            said = refusal(f"http://127.0.0.1:{server.port}/")
    assert "sends elsewhere" in said
    assert inner.asked == []


def test_a_document_without_an_end_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_BYTES", 1 << 20)
    endless = Answer(rest=repeat(b"192.0.2.1\n" * 1000))
    with list_server(always(endless)) as server:
        assert "larger than 1 MiB" in refusal(f"http://127.0.0.1:{server.port}/")


def test_a_document_that_never_comes_to_an_end_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LONGEST", 0.2)

    def trickle() -> Iterator[bytes]:
        while True:
            time.sleep(0.05)
            yield b"#"

    with list_server(always(Answer(rest=trickle()))) as server:
        assert "too long to send" in refusal(f"http://127.0.0.1:{server.port}/")


def test_silence_ends_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PATIENCE", 0.1)

    def silence() -> Iterator[bytes]:
        time.sleep(1)
        yield b""

    with list_server(always(Answer(rest=silence()))) as server:
        assert "does not answer in time" in refusal(f"http://127.0.0.1:{server.port}/")


def test_what_is_packed_is_not_unpacked() -> None:
    packed = Answer(body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"})
    with list_server(always(packed)) as server:
        assert "packs its answer" in refusal(f"http://127.0.0.1:{server.port}/")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403), "does not know the key"),
        (Answer(404, b"192.0.2.1"), "status 404"),
        (Answer(500), "status 500"),
        (Answer(200, b"<html>"), "holds no address"),
        (Answer(200, b"192.0.2.1", {"Content-Length": "99"}), "broke off"),
    ],
)
def test_other_answers_are_no_lists(answer: Answer, said: str) -> None:
    with list_server(always(answer)) as server:
        assert said in refusal(f"http://127.0.0.1:{server.port}/")


def test_nobody_at_home_is_said() -> None:
    with list_server(always(Answer())) as server:
        pass
    assert "can't connect" in refusal(f"http://127.0.0.1:{server.port}/")


def test_files_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MAX_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        Fetcher().read("bad.txt", lambda name: b"192.0.2.1\n ")
    assert Fetcher().read("a/bad.txt", lambda name: b"192.0.2.1").listing.name == "bad.txt"


# --- APIBAN ------------------------------------------------------------------------------------


class Bans:
    """A server of APIBAN's interface, version 2, with two addresses a page."""

    def __init__(self, **sets: list[str]) -> None:
        self.sets = sets
        self.too_fast = 0

    def __call__(self, asked: Asked) -> Answer:
        assert (asked.method, asked.path) == ("POST", "/api/get")
        if asked.headers.get("authorization") != f"Bearer {KEY}":
            return self.say(403, "none", "unauthorized")
        if self.too_fast:
            self.too_fast -= 1
            return self.say(429, "rate limit exceeded", "unauthorized", {"Retry-After": "7"})
        question = json.loads(asked.body)
        first = int(question["id"]) - 100
        page = self.sets.get(question["set"], [])[first : first + 2]
        if not page:
            return self.say(400, ["no new bans"], "none")
        return self.say(200, page, str(100 + first + len(page)))

    def say(
        self, status: int, text: object, last: str, headers: dict[str, str] | None = None
    ) -> Answer:
        return Answer(status, json.dumps({"ipaddress": text, "ID": last}).encode(), headers or {})


def test_a_server_of_apibans_interface_is_read_to_its_end() -> None:
    bans = Bans(sip=[f"192.0.2.{n}" for n in range(5)], sip6=["2001:db8::1"])
    with list_server(bans) as server:
        reading = fetch(f"apiban+http://127.0.0.1:{server.port}", Fetcher(KEY))
    assert reading.good == 6
    assert reading.listing.find(ip_address("192.0.2.4")) is not None
    assert reading.listing.find(ip_address("2001:db8::1")) is not None
    assert [json.loads(one.body)["id"] for one in server.asked] == [
        *("100", "102", "104", "105"),
        *("100", "101"),
    ]
    assert reading.listing.name == f"127.0.0.1:{server.port}"


def test_it_is_patient_with_a_server_that_wants_it_slower() -> None:
    bans = Bans(sip=["192.0.2.1"])
    bans.too_fast = 2
    said: list[str] = []
    slept: list[float] = []
    with list_server(bans) as server:
        fetcher = Fetcher(KEY, None, said.append, slept.append)
        assert fetch(f"apiban+http://127.0.0.1:{server.port}/api/", fetcher).good == 1
    assert slept == [7, 7]
    assert len(said) == 2


def test_a_wrong_key_is_said() -> None:
    with list_server(Bans(sip=["192.0.2.1"])) as server:
        place = f"apiban+http://127.0.0.1:{server.port}"
        assert "does not know the key" in refusal(place, Fetcher("wrong"))
        assert "wants a key" in refusal(place)
    assert len(server.asked) == 1


def test_a_server_without_any_address_is_no_answer() -> None:
    with list_server(Bans()) as server:
        said = refusal(f"apiban+http://127.0.0.1:{server.port}", Fetcher(KEY))
    assert "lists no address" in said


@pytest.mark.parametrize("last", ["100", "99", "-5", "x", "", "9" * 40])
def test_a_server_that_leads_in_circles_is_left(last: str) -> None:
    body = json.dumps({"ipaddress": ["192.0.2.1"], "ID": last}).encode()
    with list_server(always(Answer(body=body))) as server:
        said = refusal(f"apiban+http://127.0.0.1:{server.port}", Fetcher(KEY))
    assert "in no order" in said
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"ID": 7}'])
def test_another_kind_of_server_is_left(body: bytes) -> None:
    with list_server(always(Answer(body=body))) as server:
        said = refusal(f"apiban+http://127.0.0.1:{server.port}", Fetcher(KEY))
    assert "does not speak APIBAN's interface" in said


def test_names_of_lists_hold_no_more_than_host_and_file() -> None:
    assert shown("https://apiban.org/api/s3cret/banned/100") == "apiban.org"
    assert shown("https://x.example/a/ipv4.txt#s3cret") == "x.example/ipv4.txt"
    assert shown("https://u:s3cret@x.example:99/") == "x.example:99"
    assert shown("https://[s3cret") == "a list"
