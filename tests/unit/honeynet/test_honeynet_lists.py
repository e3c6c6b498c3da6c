"""Whole lists in several formats, as files and over HTTP."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.honeynet_collector import START, House, addresses, bearer

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.access import Rate
from zt.honeynet.collector.book.model import Ban, Family
from zt.honeynet.collector.web.formats import FORMATS, render
from zt.honeynet.sighting import Kind

Require = Callable[[object, str], None]

WHEN = "2026-11-30T00:53:20.000000Z"


def ban(address: str, tool: str = "") -> Ban:
    return Ban(101, address, START, START, 2, (Kind.SCAN, Kind.CALL), 3, True, tool, START)


def test_plain_text_has_an_address_a_line() -> None:
    assert render("txt", 4, [ban("45.0.0.1"), ban("45.0.0.2")]) == b"45.0.0.1\n45.0.0.2\n"
    assert render("txt", 6, []) == b""


def test_csv_says_what_is_known() -> None:
    rows = list(csv.DictReader(io.StringIO(render("csv", 4, [ban("45.0.0.1", "x, y")]).decode())))
    assert rows == [
        {
            "address": "45.0.0.1",
            "first": WHEN,
            "last": WHEN,
            "count": "2",
            "kinds": "scan call",
            "honeypots": "3",
            "proven": "yes",
            "tool": "x, y",
        }
    ]


@pytest.mark.parametrize("tool", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", " =1", "\t=1"])
def test_a_tools_name_is_no_formula(tool: str) -> None:
    (row,) = csv.DictReader(io.StringIO(render("csv", 4, [ban("45.0.0.1", tool)]).decode()))
    assert row["tool"].startswith("'")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_tools_name_can_neither_add_a_line_nor_steer_a_terminal(name: str) -> None:
    evil = 'x"\r\n66.0.0.1\x1b[2J\n#'
    lines = render(name, 4, [ban("45.0.0.1", evil)]).decode().splitlines()
    assert len(lines) == len(render(name, 4, [ban("45.0.0.1")]).decode().splitlines())
    assert all(line.isprintable() for line in lines)


def test_json_has_the_members_that_readers_of_lists_know() -> None:
    body = json.loads(render("json", 6, [ban("2a00:1::1", "x")]))
    assert body["metadata"] == {"family": 6}
    (element,) = body["elements"]
    assert element["ipaddr"] == "2a00:1::1"
    assert element["kinds"] == ["scan", "call"]
    assert element["first"] == WHEN


def test_an_ipset_has_room_for_all() -> None:
    bans = [ban(address) for address in addresses(70_000)]
    text = render("ipset", 4, bans).decode()
    assert "maxelem 131072 " in text
    assert text.count("\nadd ") == 70_000


@pytest.mark.parametrize(("family", "address"), [(4, "45.0.0.1"), (6, "2a00:1::1")])
def test_nftables_takes_the_file_also_a_second_time_and_an_empty_one(
    family: Family, address: str, tmp_path: Path, require: Require
) -> None:
    """In a network namespace of its own, where the machine lets us."""
    require(shutil.which("nft") and shutil.which("unshare"), "no nft or unshare here")
    works = subprocess.run(["unshare", "-n", "nft", "list", "tables"], capture_output=True)
    require(works.returncode == 0, "nftables needs root")
    full, empty = tmp_path / "full", tmp_path / "empty"
    full.write_bytes(render("nft", family, [ban(address)]))
    empty.write_bytes(render("nft", family, []))
    show = "nft list ruleset; echo ---"
    script = f"set -e; nft -f {full}; nft -f {full}; {show}; nft -f {empty}; {show}"
    done = subprocess.run(
        ["unshare", "-n", "sh", "-c", script], capture_output=True, timeout=60, text=True
    )
    assert done.returncode == 0, done.stderr
    filled, emptied, _ = done.stdout.split("---\n")
    assert address in filled
    assert f"set v{family}" in emptied
    assert address not in emptied


def test_lists_are_served_by_family_and_format(house: House) -> None:
    house.report("45.0.0.1", "2a00:1::1", "45.0.0.2")
    for name in FORMATS:
        four = house.http.get(f"/lists/ipv4.{name}", headers=bearer(house.key))
        six = house.http.get(f"/lists/ipv6.{name}?token={house.key}")
        assert (four.status_code, six.status_code) == (200, 200)
        assert "45.0.0.2" in four.text
        assert "45.0.0.2" not in six.text
        assert "2a00:1::1" in six.text
    assert house.http.get("/lists/ipv4.txt", headers=bearer(house.key)).text == (
        "45.0.0.1\n45.0.0.2\n"
    )


@pytest.mark.parametrize("path", ["ipv4.exe", "ipv5.txt", "ipv4", "ipv4.txt.txt", "../ipv4.txt"])
def test_there_is_no_other_list(house: House, path: str) -> None:
    assert house.http.get(f"/lists/{path}", headers=bearer(house.key)).status_code == 404


def test_a_list_needs_a_key_and_keeps_to_its_rate(house: House) -> None:
    answer = house.http.get("/lists/ipv4.txt", headers=bearer("x"))
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert house.http.get("/lists/ipv4.txt").status_code == 401
    key = house.book.add_key("slow", house.time.now, Rate(1, MICROSECONDS))
    assert house.http.get("/lists/ipv4.txt", headers=bearer(key)).status_code == 200
    assert house.http.get("/lists/ipv4.txt", headers=bearer(key)).status_code == 429


def test_who_has_the_list_is_not_sent_it_again(house: House) -> None:
    house.report("45.0.0.1")
    first = house.http.get("/lists/ipv4.txt", headers=bearer(house.key))
    known = bearer(house.key) | {"if-none-match": f'"other", {first.headers["etag"]}'}
    again = house.http.get("/lists/ipv4.txt", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    house.report("45.0.0.2")
    house.time.pass_by(5)
    changed = house.http.get("/lists/ipv4.txt", headers=known)
    assert (changed.status_code, changed.text) == (200, "45.0.0.1\n45.0.0.2\n")


def test_a_list_is_made_once_as_long_as_the_book_is_the_same(house: House) -> None:
    house.report("45.0.0.1")

    def made(name: str) -> int:
        house.http.get(f"/lists/ipv4.{name}", headers=bearer(house.key))
        figures = {figure.name: figure.value for figure in house.collector.figures()}
        number = figures["lists_made"]
        assert isinstance(number, int)
        return number

    assert [made("txt"), made("txt")] == [1, 1]
    house.time.pass_by(60)
    assert made("txt") == 1
    house.report("45.0.0.1")  # seen once more: that does not change this list
    house.time.pass_by(60)
    assert [made("txt"), made("csv")] == [1, 2]
    house.report("45.0.0.1")
    house.time.pass_by(60)
    assert made("csv") == 3
    house.report("45.0.0.2")
    assert made("csv") == 3  # a few seconds old is fresh enough
    house.time.pass_by(60)
    assert made("txt") == 4


def test_a_list_is_sent_zipped_to_who_takes_it(house: House) -> None:
    house.report(*addresses(2_000))
    plain = house.http.get(
        "/lists/ipv4.txt", headers=bearer(house.key) | {"accept-encoding": "identity"}
    )
    zipped = house.http.get(
        "/lists/ipv4.txt", headers=bearer(house.key) | {"accept-encoding": "gzip"}
    )
    assert plain.text == zipped.text == "".join(f"{a}\n" for a in addresses(2_000))
    assert zipped.headers["content-encoding"] == "gzip"
    assert int(zipped.headers["content-length"]) < int(plain.headers["content-length"]) / 2
