"""Lists as they come: whatever spells them, the same addresses; whatever the bytes, no crash."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zt.errors import InputError
from zt.hunt import reading as reading_module
from zt.hunt.reading import MAX_LINE, Reading, read_listing

PLAIN = """\
# bad guys
192.0.2.1
198.51.100.0/24 ; SBL1
2001:db8::/32   // a network

203.0.113.4-203.0.113.5
"""
CSV_HEAD = """\
"seen","dst_ip","note"
"2026-01-01 00:00:00","192.0.2.1","from 10.0.0.1, twice"
"2026-01-01 00:00:00","198.51.100.0/24",""
x,2001:db8::/32,
x,203.0.113.4/31,
"""
CSV_BARE = "1;192.0.2.1;x\n2;198.51.100.0/24;x\n3;2001:db8::/32;x\n4;203.0.113.4/31;x\n"
WORDS = "192.0.2.1 bad\n198.51.100.0/24\tworse\n2001:db8::/32\n203.0.113.4/31\n"
IPSET_SAVE = """\
create bad hash:net family inet hashsize 1024 maxelem 65536 timeout 300
add bad 192.0.2.1 timeout 299
add bad 198.51.100.0/24
create ports hash:ip,port family inet6
add bad6 2001:db8::/32
add ports 203.0.113.4,udp:5060
add ports 203.0.113.5,udp:5060 comment "add nothing"
"""
IPSET_LIST = """\
Name: bad
Type: hash:net
Header: family inet hashsize 1024 maxelem 65536 timeout 300
Number of entries: 4
Members:
192.0.2.1 timeout 299
198.51.100.0/24 timeout 200
2001:db8::/32
203.0.113.4/31
"""
NFT = """\
table inet filter {
    set bad {
        type ipv4_addr
        flags interval,timeout
        elements = { 192.0.2.1 timeout 1d expires 3h,
                     198.51.100.0/24 comment "worse", # and worse
                     203.0.113.4-203.0.113.5 }
    }
    set bad6 { type ipv6_addr; flags interval; elements={2001:db8::/32} }
    chain input { ip saddr @bad drop; ip saddr 10.0.0.1 accept }
}
"""
NFT_COMMANDS = """\
add element inet filter bad { 192.0.2.1, 198.51.100.0/24 . udp . 5060 }
add element inet filter bad { 203.0.113.4 : drop, 203.0.113.5 }
add element ip6 filter bad6 {
  2001:db8::/32
}
"""
NFT_JSON = {
    "nftables": [
        {"metainfo": {"version": "1.0"}},
        {
            "set": {
                "name": "bad",
                "elem": [
                    {"elem": {"val": "192.0.2.1", "timeout": 5}},
                    {"prefix": {"addr": "198.51.100.0", "len": 24}},
                    {"range": ["203.0.113.4", "203.0.113.5"]},
                ],
            }
        },
        {
            "add": {
                "element": {"elem": [{"concat": [{"prefix": {"addr": "2001:db8::", "len": 32}}]}]}
            }
        },
    ]
}
TEXTS = ["192.0.2.1", "198.51.100.0/24", "2001:db8::/32", "203.0.113.4/31"]
BWNOA = {
    "metadata": {"defaultBlacklistTtl": 604800, "lastTimestamp": 1, "nextEncodedKey": None},
    "elements": [{"encrypt": "plain", "ipaddr": text, "count": 3} for text in TEXTS],
}
SPELLINGS: dict[str, str] = {
    "lines": PLAIN,
    "lines of another system": "\ufeff" + PLAIN.replace("\n", "\r\n"),
    "csv with a head": CSV_HEAD,
    "csv without": CSV_BARE,
    "words": WORDS,
    "ipset save": IPSET_SAVE,
    "ipset list": IPSET_LIST,
    "nft rules": NFT,
    "nft commands": NFT_COMMANDS,
    "nft json": json.dumps(NFT_JSON),
    "array": json.dumps(TEXTS),
    "array of objects": json.dumps([{"ip": text, "score": 9} for text in TEXTS]),
    "apiban 1": json.dumps({"ipaddress": TEXTS, "ID": "none"}),
    "bwnoa": json.dumps(BWNOA),
    "an object a line": "\n".join(json.dumps({"address": text}) for text in TEXTS) + "\n",
}
LISTED = (
    *("192.0.2.1", "198.51.100.0", "198.51.100.255"),
    *("2001:db8::1", "203.0.113.4", "203.0.113.5"),
)
OTHERS = ("192.0.2.2", "198.51.101.0", "2001:db9::1", "203.0.113.3", "203.0.113.6", "10.0.0.1")


def read(content: str | bytes) -> Reading:
    return read_listing("mine", content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_lists_the_same_addresses(spelling: str) -> None:
    reading = read(SPELLINGS[spelling])
    assert reading.bad == 0
    assert not reading.is_page
    assert [one for one in LISTED if reading.listing.find(ip_address(one)) is None] == []
    assert [one for one in OTHERS if reading.listing.find(ip_address(one)) is not None] == []


def test_what_is_no_entry_is_counted_with_its_place() -> None:
    reading = read(
        "192.0.2.1\nexample.org\n192.0.2.2:5060\n192.0.2.3\nadd a 192.0.2.4 nomatch\n192.0.2.5"
    )
    assert (reading.good, reading.bad, reading.bad_places) == (3, 3, [2, 3, 5])
    assert reading.listing.find(ip_address("192.0.2.4")) is None


def test_elements_that_are_encrypted_are_no_addresses() -> None:
    elements: list[dict[str, Any]] = [{"encrypt": "plain", "ipaddr": "192.0.2.1"}]
    elements.append({"encrypt": "aes", "ipaddr": "192.0.2.2"})
    reading = read(json.dumps({"elements": elements}))
    assert (reading.good, reading.bad) == (1, 1)


@pytest.mark.parametrize(
    "page",
    [
        {"ipaddress": ["192.0.2.1"], "ID": "1600000000"},
        {"metadata": {"nextEncodedKey": "eA"}, "elements": [{"ipaddr": "192.0.2.1"}]},
    ],
)
def test_a_page_of_a_longer_list_is_known_as_one(page: dict[str, Any]) -> None:
    assert read(json.dumps(page)).is_page


@pytest.mark.parametrize(
    "content",
    [
        "",
        "# nothing\n",
        "[]",
        "{}",
        "null",
        json.dumps({"ipaddress": ["no new bans"], "ID": "none"}),
        json.dumps({"ipaddress": "none", "ID": "unauthorized"}),
        "[" * 100_000,
        "<html><body>moved</body></html>",
        "table inet t { set bad { type ipv4_addr; } }",
        "add bad 192.0.2.1 nomatch",
    ],
)
def test_a_list_without_an_address_is_refused(content: str) -> None:
    with pytest.raises(InputError, match="holds no address"):
        read(content)


def test_what_is_mostly_no_list_is_refused_and_not_quoted() -> None:
    with pytest.raises(InputError, match="mostly no list") as refused:
        read("192.0.2.1\nsecret\nsecret\n")
    assert "secret" not in refused.value.diagnostics()


def test_a_line_without_an_end_is_passed_over() -> None:
    reading = read("192.0.2.1\n" + "1," * MAX_LINE + "192.0.2.2\n")
    assert (reading.good, reading.bad) == (1, 1)


@pytest.mark.parametrize(
    "unit", ["elements = {", "add element x ", "add ", '{"a":', "[", "a,", '"', "-", "\n \n", "#"]
)
def test_time_grows_with_the_bytes_and_not_faster(unit: str) -> None:
    """Half a megabyte of what could be the beginning of something: hours if it were not so."""
    with pytest.raises(InputError):
        read(unit * (500_000 // len(unit)))


pieces = st.sampled_from(
    [
        *SPELLINGS.values(),
        "{",
        "}",
        "[",
        '"',
        ",",
        "add x ",
        "elements = {",
        "\n",
        "1.2.3.4",
        "\0",
        "/",
    ]
)


@given(st.binary(max_size=300) | st.lists(pieces, max_size=6).map("".join).map(str.encode))
@example(b'{"nftables":[{"set":{"elem":[[[[[[[[[[[[]]]]]]]]]]]]}},{"set":1},{"add":[]},7]}')
@example(b'[{"prefix":{"addr":1}},{"ipaddress":[{"ipaddress":[1]}]}]')
@example(b'{"ID":{},"metadata":[],"elements":{}}')
def test_any_bytes_are_a_list_or_refused(content: bytes) -> None:
    try:
        reading = read(content)
    except InputError:
        return
    assert len(reading.listing) > 0
    assert reading.bad <= reading.good


def test_a_long_list_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zt.hunt.listing.MAX_ENTRIES", 100)
    with pytest.raises(InputError, match="more than 100 entries"):
        read("\n".join(f"10.0.{n}.1-10.0.{n}.254" for n in range(99)))
    assert reading_module.MAX_BYTES >= 1 << 26
