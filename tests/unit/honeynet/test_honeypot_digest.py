"""Digest credentials are checked as the standards' own examples say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.honeynet.honeypot.lure.digest import fits, read

BOTH = ("MD5", "SHA-256")
# RFC 2069 as corrected by its erratum 749, RFC 2617 section 3.5, RFC 7616 section 3.9.1.
RFC_2069 = (
    'Digest username="Mufasa", realm="testrealm@host.com", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", '
    'response="1949323746fe6a43ef61f9606e7febea"'
)
RFC_2617 = (
    'Digest username="Mufasa", realm="testrealm@host.com", '
    'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", qop=auth, nc=00000001, '
    'cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", '
    'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
)
RFC_7616 = (
    'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
    'algorithm={}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, '
    'cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, response="{}", '
    'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
MD5 = RFC_7616.format("MD5", "8ca523f5e9506fed4657c9700eebdbec")
SHA_256 = RFC_7616.format(
    "SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
)
OLD, NEW = "testrealm@host.com", "http-auth@example.org"


def check(header: str, realm: str, password: str, offered: tuple[str, ...] = BOTH) -> bool:
    found = read(header.encode())
    return found is not None and fits(found, realm, password.encode(), "GET", offered)


EXAMPLES = [
    (RFC_2069, OLD, "CircleOfLife"),
    (RFC_2617, OLD, "Circle Of Life"),
    (MD5, NEW, "Circle of Life"),
    (SHA_256, NEW, "Circle of Life"),
]


@pytest.mark.parametrize(("header", "realm", "password"), EXAMPLES)
def test_the_standards_examples_fit(header: str, realm: str, password: str) -> None:
    assert check(header, realm, password)
    assert check(header.replace(", ", ",").replace("Digest", "dIGEST"), realm, password)
    assert check(header.replace("response=", "RESPONSE = "), realm, password)


@pytest.mark.parametrize(("header", "realm", "password"), EXAMPLES)
def test_anything_else_fits_not(header: str, realm: str, password: str) -> None:
    assert not check(header, realm, password + " ")
    assert not check(header, realm + "x", password)
    for old, new in (
        ("Mufasa", "Scar"),
        ("/dir", "/dirt"),
        ('nonce="', 'nonce="0'),
        ('response="', 'response="0'),
        ("Digest", "Basic"),
        (realm, realm + "x"),
    ):
        assert not check(header.replace(old, new), realm, password)


def test_an_algorithm_that_was_not_offered_fits_not() -> None:
    assert not check(SHA_256, NEW, "Circle of Life", ("MD5",))
    assert not check(MD5, NEW, "Circle of Life", ("SHA-256",))
    assert not check(MD5.replace("=MD5", "=MD5-sess"), NEW, "Circle of Life")


def test_integrity_protection_was_not_offered_either() -> None:
    assert not check(MD5.replace("=auth,", "=auth-int,"), NEW, "Circle of Life")


def test_a_qop_without_its_parts_is_a_mere_word() -> None:
    assert check(RFC_2069 + ", qop=auth", OLD, "CircleOfLife")


def test_an_escaped_name_is_read() -> None:
    found = read(b'Digest username="a\\"b\\\\c", nonce=xyz')
    assert found is not None
    assert (found.username, found.nonce) == (b'a"b\\c', b"xyz")


def test_the_first_of_a_parameter_counts() -> None:
    found = read(b'Digest nonce="one", nonce="two"')
    assert found is not None
    assert found.nonce == b"one"


@given(st.binary(max_size=300))
def test_no_header_raises(noise: bytes) -> None:
    for header in (noise, b"Digest " + noise, b'Digest username="' + noise):
        found = read(header)
        assert found is None or not fits(found, "r", b"p", "GET", BOTH)
