"""Canonical forms: what counts as one URI, one address, one number."""

from __future__ import annotations

from base64 import b32encode
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.every_scheme import ADDRESSES, NO_ADDRESSES, NO_URIS, URIS

from zt.values.address import parse_address, parse_network
from zt.values.base32 import base32, unbase32
from zt.values.derive import PARTS, derive
from zt.values.number import country_code_length, is_number, split_number
from zt.values.paths import occupies, values_at
from zt.values.uri import parse_uri

CANONICAL = {
    "sip:alice@example.org": "sip:alice@example.org",
    "SIP:alice@Example.ORG": "sip:alice@example.org",
    "sip:alice@example.org:5070;transport=tcp": "sip:alice@example.org",
    "sip:alice@example.org?Subject=hi": "sip:alice@example.org",
    "sip:alice:secret@example.org": "sip:alice@example.org",
    "sip:%61lice@example.org": "sip:alice@example.org",
    "sip:al%c3%a9%2f@example.org": "sip:al%C3%A9/@example.org",
    "sip:a%40b@example.org": "sip:a%40b@example.org",
    "sip:Alice@example.org": "sip:Alice@example.org",
    "sips:alice@example.org": "sips:alice@example.org",
    "sip:example.org.": "sip:example.org",
    "sip:a;b=c@h": "sip:a;b=c@h",
    "sip:[2001:DB8:0::1]:5060": "sip:[2001:db8::1]",
    "sip:bob@[::ffff:192.0.2.1]": "sip:bob@192.0.2.1",
    '"A \\"<x>\\" B" <sip:alice@example.org:5060>;tag=1': "sip:alice@example.org",
    "Alice <sip:alice@example.org>": "sip:alice@example.org",
    "<tel:+1-201-555-0123>": "tel:+12015550123",
    "TEL:+1(201)555.0123;ext=22": "tel:+12015550123",
    "tel:70-42;phone-context=Example.COM": "tel:7042;phone-context=example.com",
    "tel:*21#;phone-context=+49": "tel:*21#;phone-context=+49",
    "tel:+1201;phone-context=x": "tel:+1201",
}


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_uris(text: str) -> None:
    uri = parse_uri(text)
    assert uri is not None
    assert uri.text == CANONICAL[text]


@pytest.mark.parametrize("text", URIS)
def test_canonical_uris_are_canonical(text: str) -> None:
    uri = parse_uri(text)
    assert uri is not None
    assert parse_uri(uri.text) == uri


@pytest.mark.parametrize("text", [text for text in NO_URIS if len(text) < 100])
def test_what_is_no_uri(text: str) -> None:
    assert parse_uri(text) is None


@pytest.mark.parametrize("text", ["sip:bob;x@exa..mple", "sip:a;b@[::::]", "sip:a?b@c d"])
def test_a_malformed_user_does_not_become_a_host(text: str) -> None:
    assert parse_uri(text) is None


@settings(max_examples=300)
@given(st.text(max_size=40) | st.text(alphabet='sipSIP:@<>"\\;?[]%=.+ a1\n', max_size=40))
@example("sip:" + "a;" * 4000)
@example('"' * 8000 + "<sip:a@b>")
@example("<" * 8000)
@example("sip:a@" + "a." * 3000 + "!")
def test_any_text_is_a_uri_or_none(text: str) -> None:
    if (uri := parse_uri(text)) is not None:
        assert parse_uri(uri.text) == uri
        assert uri.text.isascii()


@pytest.mark.parametrize("text", ADDRESSES)
def test_canonical_addresses(text: str) -> None:
    address, mapped = parse_address(text), getattr(ip_address(text), "ipv4_mapped", None)
    assert address == (mapped or ip_address(text))
    assert parse_address(str(address)) == address


@pytest.mark.parametrize("text", [text for text in NO_ADDRESSES if isinstance(text, str)])
def test_what_is_no_address(text: str) -> None:
    assert parse_address(text) is None


def test_networks() -> None:
    assert parse_network("192.0.2.0/24") == ip_network("192.0.2.0/24")
    assert parse_network("2001:db8::/32") == ip_network("2001:db8::/32")
    assert parse_network("::ffff:192.0.2.0/120") == ip_network("192.0.2.0/24")
    assert parse_network("192.0.2.1/24") == ip_network("192.0.2.0/24")
    assert parse_network("0.0.0.0/0") == ip_network("0.0.0.0/0")
    for text in ("192.0.2.1", "192.0.2.0/33", "192.0.2.0/", "x/8", "192.0.2.0/-1"):
        assert parse_network(text) is None
    assert parse_network("192.0.2.0/255.255.255.0") is None
    assert parse_network("fe80::%1/64") is None
    assert parse_network("192.0.2.0/２４") is None


CODES = {"+1201": 1, "+7495": 1, "+4930": 2, "+35312": 3, "+20": 2, "+27": 2, "+211": 3, "+852": 3}
CODES |= {
    "+86": 2,
    "+88": 3,
    "+87": 3,
    "+81": 2,
    "+98": 2,
    "+99": 3,
    "+96": 3,
    "+99999": 3,
    "+0": 0,
}


@pytest.mark.parametrize("number", CODES)
def test_country_codes(number: str) -> None:
    assert country_code_length(number[1:]) == CODES[number]


def test_country_codes_are_those_of_the_library() -> None:
    """The rule is older than the table: every code that exists is cut where it ends."""
    import phonenumbers

    codes = [str(code) for code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE]
    assert len(codes) > 200
    assert [code for code in codes if country_code_length(code + "5" * 8) != len(code)] == []


@given(st.from_regex(r"\+?[0-9]{6,20}", fullmatch=True), st.integers(0, 5))
def test_a_split_depends_on_the_clear_part_only(text: str, keep: int) -> None:
    assert is_number(text)
    for way in ("country", keep):
        if (parts := split_number(text, way)) is None:
            continue
        clear, digits = parts
        other = clear + "9" * len(digits)
        assert split_number(other, way) == (clear, "9" * len(digits))


DERIVED: list[tuple[str, Any, str | None]] = [
    ("scheme", "SIPS:a@b", "sips"),
    ("host", "sip:alice@Example.ORG:5060", "example.org"),
    ("user", '"A" <sip:alice:pw@example.org>', "alice"),
    ("user", "sip:example.org", None),
    ("host", "tel:+4930123456", None),
    ("user", "tel:+49-30-123456", "+4930123456"),
    ("host", "alice@example.org", None),
    ("subnet", "192.0.2.77", "192.0.2.0/24"),
    ("subnet", "::ffff:192.0.2.77", "192.0.2.0/24"),
    ("subnet", "2001:db8:1:2::3", "2001:db8:1::/48"),
    ("subnet", "192.0.2.77:5060", None),
    ("country", "+4930123456", "DE"),
    ("country", "sip:+442071234567@example.org;user=phone", "GB"),
    ("country", "tel:+1-416-555-0100", "CA"),
    ("country", "+80012345678", "001"),
    ("country", "030123456", None),
    ("country", 442071234567, None),
    ("national", "+4930123456", "30123456"),
    ("national", "sip:alice@example.org", None),
    ("domain", "Alice@Example.ORG", "example.org"),
    ("domain", " a.b+c@x-y.example ", "x-y.example"),
    ("domain", "alice", None),
    ("domain", "a@b@c", None),
    ("hour", "2026-01-02T03:04:05+02:00", "01"),
    ("hour", "2026-01-02T23:59:59.999999Z", "23"),
    ("hour", "late", None),
    ("hour", 5, None),
    ("host", None, None),
    ("host", True, None),
    ("country", 10**4000, None),
]


@pytest.mark.parametrize(("part", "value", "expected"), DERIVED)
def test_parts(part: Any, value: Any, expected: str | None) -> None:
    assert derive(part, value) == expected


def test_parts_with_options() -> None:
    assert derive("country", "030123456", region="DE") == "DE"
    assert derive("national", "030 123456".replace(" ", ""), region="DE") == "30123456"
    assert derive("subnet", "192.0.2.77", v4=8) == "192.0.0.0/8"
    assert derive("subnet", "2001:db8:1:2::3", v6=64) == "2001:db8:1:2::/64"


@settings(max_examples=200)
@given(st.sampled_from(PARTS), st.text(max_size=30) | st.integers() | st.floats() | st.none())
def test_every_value_has_a_part_or_none(part: Any, value: Any) -> None:
    found = derive(part, value)
    assert found is None or found


def test_values_at_a_path() -> None:
    event = {"a": {"b.c": 1, "b": {"d": 2}}, "a.b": 3, "x": [{"a": 1}]}
    assert list(values_at(event, "a.b.c")) == [1]
    assert list(values_at(event, "a.b.d")) == [2]
    assert list(values_at(event, "a.b")) == [{"d": 2}, 3]
    assert list(values_at(event, "x.a")) == []


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("a", True),
        ("a.b", True),
        ("a.b.c", True),
        ("a.b.c.d", False),
        ("a.bc", False),
        ("b", False),
    ],
)
def test_what_stands_at_a_path_or_below(path: str, taken: bool) -> None:
    for event in ({"a": {"b": {"c": 1}}}, {"a.b.c": 1}, {"a": {"b.c": 1}}, {"a.b": {"c": 1}}):
        assert occupies(event, path) is taken


@given(st.binary(max_size=300))
@example(b"")
@example(bytes(40))
@example(b"\xff" * 257)
def test_base32_is_the_standard_one_in_lower_case_without_padding(data: bytes) -> None:
    text = base32(data)
    assert text == b32encode(data).decode().rstrip("=").lower()
    assert unbase32(text) == data


@pytest.mark.parametrize("text", ["a", "aB", "AA", "aa======", "ab", "a1", "äa", "aa\n"])
def test_only_the_usual_base32_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        unbase32(text)
