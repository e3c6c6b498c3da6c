"""Whatever is sent over HTTP, the collector answers, and never with a failure of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.honeynet_collector import House, addresses, open_house
from support.thorough import examples

from zt.honeynet.collector.web.formats import FORMATS

KEY, TOKEN = "THE-KEY", "THE-TOKEN"
"""Stand for the real ones, which each run makes anew."""

secrets = st.integers(0, 9).flatmap(
    lambda n: st.just(KEY) if n < 7 else st.sampled_from([TOKEN, "x", ""]) | st.text(max_size=20)
)
texts = st.text(max_size=60)
numbers = st.integers(-(10**20), 10**20).map(str) | st.sampled_from(["100", "0", "101", "x"])
some_addresses = (
    st.ip_addresses().map(str)
    | st.sampled_from(["45.0.0.1", "2a00:1::1", "fe80::1%e", "::ffff:45.0.0.1"])
    | texts
)
parts = texts.map(lambda text: quote(text, safe="")) | st.binary(max_size=20).map(quote_from_bytes)
names = st.sampled_from(["token", "list", "timestamp", "Limit", "nextEncodedKey", "honeynet", "x"])


def quoted(text: str) -> str:
    return quote(text, safe="-")  # the stand-ins stay


@st.composite
def paths(draw: st.DrawFn) -> str:
    """A path with a query: of a route, or of none."""
    key = quoted(draw(secrets))
    known = {
        "banned": lambda: f"/api/{key}/banned/{quoted(draw(numbers | texts))}",
        "check": lambda: f"/api/{key}/check/{quoted(draw(some_addresses))}",
        "list": lambda: f"/lists/ipv{draw(st.sampled_from('4567'))}.{draw(formats)}?token={key}",
        "post": lambda: draw(st.sampled_from(["/api/get", "/honeynet/v1/sightings", "/healthz"])),
        "bwnoa": lambda: f"/bwnoa/v{draw(st.sampled_from('46'))}list?token={key}",
        "other": lambda: "/" + "/".join(draw(st.lists(parts, max_size=5))),
    }
    path = known[draw(st.sampled_from(sorted(known)))]()
    query = draw(st.lists(st.tuples(names, numbers | texts), max_size=5))
    more_of_it = "&".join(f"{name}={quoted(value)}" for name, value in query)
    return f"{path}{'&' if '?' in path else '?'}{more_of_it}"


formats = st.sampled_from([*sorted(FORMATS), "exe"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts | secrets,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)
moments = st.integers(0, 2**53 - 1)
MEMBERS: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("address", st.one_of(st.ip_addresses().map(str), some_addresses)),
    ("kind", st.sampled_from(["scan", "call", "guess", "broken"])),
    ("proven", st.booleans()),
    ("first", moments),
    ("last", moments),
    ("count", st.integers(1, 2**40 - 1)),
    ("tool", texts),
]
questions = st.fixed_dictionaries(
    {},
    optional={
        "set": st.sampled_from(["sip", "sip6", "http", "all"]) | values,
        "id": numbers | values,
        "ipaddress": some_addresses | values,
        "key": secrets | values,
        "batch": st.from_regex(r"\A[0-9a-z]{8}\Z") | values,
        "sightings": st.lists(
            st.fixed_dictionaries({name: st.one_of(good, good, values) for name, good in MEMBERS})
            | st.fixed_dictionaries(dict(MEMBERS)),
            max_size=4,
        )
        | values,
    },
)
batches = st.fixed_dictionaries(
    {
        "batch": st.from_regex(r"\A[0-9a-z]{8}\Z"),
        "sightings": st.lists(st.fixed_dictionaries(dict(MEMBERS)), max_size=4),
    }
)
headers = st.dictionaries(
    st.sampled_from(
        ["authorization", "accept-encoding", "if-none-match", "content-type", "x-forwarded-for"]
    ),
    secrets.map(lambda text: f"Bearer {text}") | texts,
    max_size=4,
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("book")
    with open_house(folder) as house:
        house.report(*addresses(300), "2a00:1::1")
        yield house


def real(house: House, text: str) -> str:
    return text.replace(KEY, house.key).replace(TOKEN, house.token)


@settings(max_examples=examples(150))
@given(paths(), st.sampled_from(["GET"] * 6 + ["POST", "HEAD", "PUT", "OPTIONS"]), headers)
def test_no_request_makes_it_fail(
    house: House, path: str, method: str, heads: dict[str, str]
) -> None:
    check(house, method, path, b"", heads)


@settings(max_examples=examples(150))
@given(
    st.sampled_from(["/api/get", "/api/check", "/honeynet/v1/sightings"]),
    questions | batches,
    secrets,
)
def test_no_question_makes_it_fail(house: House, path: str, question: Any, secret: str) -> None:
    if secret == KEY and path.startswith("/honeynet"):
        secret = TOKEN
    heads = {"authorization": f"Bearer {secret}"}
    check(house, "POST", path, house_json(house, question), heads)


@settings(max_examples=examples(100))
@given(st.sampled_from(["/api/get", "/api/check", "/honeynet/v1/sightings"]), st.binary(), secrets)
def test_no_body_makes_it_fail(house: House, path: str, body: bytes, secret: str) -> None:
    check(house, "POST", path, body, {"authorization": f"Bearer {secret}"})


def house_json(house: House, question: Any) -> bytes:
    return real(house, json.dumps(question, ensure_ascii=True)).encode()


def check(house: House, method: str, path: str, body: bytes, heads: dict[str, str]) -> None:
    house.time.pass_by(600)  # or soon nobody would get more than that he is too fast
    sent = {name: real(house, value).encode() for name, value in heads.items()}
    answer = house.http.request(method, real(house, path), content=body, headers=sent)
    assert answer.status_code in {200, 304, 400, 401, 403, 404, 405, 413, 422, 429}
    if answer.headers.get("content-type") == "application/json" and method != "HEAD":
        answer.json()
    if house.said:
        raise AssertionError(house.said)
