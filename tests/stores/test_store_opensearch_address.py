"""The URL of a store in OpenSearch: what it says, and that it shows and sends no secret."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.store.opensearch.address import parse_address
from analytics.wire import StoreError

SECRET = "s3cret-Pa55"


def test_hosts_ports_and_prefix() -> None:
    address = parse_address(
        "opensearch+https://one,two.example.org:9201,[2001:db8::1]:9/acme_1-x", {}
    )
    assert address.hosts == (("one", 9200), ("two.example.org", 9201), ("2001:db8::1", 9))
    assert address.prefix == "acme_1-x"
    assert str(address) == "one:9200, two.example.org:9201, [2001:db8::1]:9"
    assert address.tls
    assert address.verify
    assert address.timeout == 30
    assert address.authorization is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "127.8.8.8", "[::1]"])
def test_plain_http_is_for_loopback(host: str) -> None:
    assert not parse_address(f"opensearch+http://{host}/acme", {}).tls


@pytest.mark.parametrize(
    "hosts", ["db", "10.0.0.1", "localhost,db", "localhost.example.org", "127.1"]
)
def test_plain_http_elsewhere_must_be_asked_for(hosts: str) -> None:
    with pytest.raises(StoreError, match="unprotected over a network"):
        parse_address(f"opensearch+http://{hosts}/acme", {})
    assert not parse_address(f"opensearch+http://{hosts}/acme?unsafe-plaintext=true", {}).tls


def test_only_an_unsafe_option_turns_verification_off() -> None:
    assert not parse_address("opensearch+https://db/acme?unsafe-skip-verify=true", {}).verify


@pytest.mark.parametrize(
    "url",
    [
        "opensearch:db/acme",
        "opensearch+https:db/acme",
        "https://db/acme",
        "opensearch+https://db",
        "opensearch+https://db/",
        "opensearch+https:///acme",
        "opensearch+https://db,/acme",
        "opensearch+https://db:0/acme",
        "opensearch+https://db:65536/acme",
        "opensearch+https://db:/acme",
        "opensearch+https://[::g]/acme",
        "opensearch+https://[db]/acme",
        "opensearch+https://d b/acme",
        "opensearch+https://db/Acme",
        "opensearch+https://db/_acme",
        "opensearch+https://db/acme*",
        "opensearch+https://db/acme/other",
        "opensearch+https://db/acme,other",
        "opensearch+https://db/" + "a" * 65,
        "opensearch+https://db/acme#x",
        "opensearch+https://db/acme?unsafe-skip-verify",
        "opensearch+https://db/acme?unsafe-skip-verify=1",
        "opensearch+https://db/acme?unsafe-skip-verify=true&unsafe-skip-verify=true",
        "opensearch+https://db/acme?skip-verify=true",
        "opensearch+https://db/acme?unsafe-plaintext=true",
        "opensearch+http://localhost/acme?unsafe-skip-verify=true",
    ],
)
def test_what_is_not_well_formed_is_refused(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        parse_address(url, {})
    assert refused.value.hint


@pytest.mark.parametrize(
    "url",
    [
        f"opensearch+https://ann:{SECRET}@db/acme",
        f"opensearch+https://ann:{SECRET}/x@db/acme",
        f"opensearch+https://ann:{SECRET}?x@db/acme",
        f"opensearch+https://:{SECRET}@db/acme",
        f"opensearch+https://ann:{SECRET},@db/acme",
    ],
)
def test_a_password_in_the_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(StoreError) as refused:
        parse_address(url, {})
    assert "ZT_OPENSEARCH_PASSWORD" in refused.value.diagnostics()
    assert SECRET not in refused.value.diagnostics()


@given(st.text(alphabet="abAZ09:/@?#,[]%&=.-_ \n\x00é", max_size=40), st.booleans())
def test_no_text_is_more_than_an_address_or_a_message_that_repeats_nothing(
    rest: str, tls: bool
) -> None:
    url = f"opensearch+http{'s' if tls else ''}://{SECRET}{rest}"
    message = ""
    try:
        address = parse_address(url, {})
    except StoreError as refused:
        message = refused.diagnostics()
    else:
        assert address.tls
        assert address.verify
    assert SECRET not in message


@pytest.mark.parametrize(
    ("user", "environment"),
    [
        ("", {"ZT_OPENSEARCH_USER": "ann", "ZT_OPENSEARCH_PASSWORD": SECRET}),
        ("ann@", {"ZT_OPENSEARCH_USER": "bob", "ZT_OPENSEARCH_PASSWORD": SECRET}),
        ("%61nn@", {"ZT_OPENSEARCH_PASSWORD": SECRET}),
    ],
)
def test_basic_authentication(user: str, environment: dict[str, str]) -> None:
    address = parse_address(f"opensearch+https://{user}db/acme", environment)
    assert address.authorization is not None
    kind, _, credentials = address.authorization.partition(" ")
    assert kind == "Basic"
    assert b64decode(credentials).decode() == f"ann:{SECRET}"


def test_a_password_may_be_any_text() -> None:
    environment = {"ZT_OPENSEARCH_USER": "ann", "ZT_OPENSEARCH_PASSWORD": "pä:ß€"}
    address = parse_address("opensearch+https://db/acme", environment)
    assert address.authorization is not None
    assert b64decode(address.authorization.removeprefix("Basic ")).decode() == "ann:pä:ß€"


def test_an_address_shows_no_secret() -> None:
    basic = {"ZT_OPENSEARCH_USER": "ann", "ZT_OPENSEARCH_PASSWORD": SECRET}
    for environment in (basic, {"ZT_OPENSEARCH_API_KEY": SECRET}):
        address = parse_address("opensearch+https://db/acme", environment)
        assert address.authorization is not None
        shown = f"{address} {address!r}"
        assert SECRET not in shown
        assert address.authorization.split()[1] not in shown


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"ZT_OPENSEARCH_USER": "ann"}, "without a password"),
        ({"ZT_OPENSEARCH_PASSWORD": SECRET}, "without a user"),
        ({"ZT_OPENSEARCH_USER": "a:b", "ZT_OPENSEARCH_PASSWORD": SECRET}, "no colon"),
        ({"ZT_OPENSEARCH_USER": "ann", "ZT_OPENSEARCH_API_KEY": SECRET}, "both an API key"),
        ({"ZT_OPENSEARCH_API_KEY": f"{SECRET}\r\nx: y"}, "holds blanks"),
        ({"ZT_OPENSEARCH_CA": "/nowhere/ca.pem"}, "/nowhere/ca.pem"),
        ({"ZT_OPENSEARCH_KEY": __file__}, "without the certificate"),
        *[
            ({"ZT_OPENSEARCH_TIMEOUT": seconds}, "ZT_OPENSEARCH_TIMEOUT")
            for seconds in ("0", "-1", "soon", "nan", "inf", "3601")
        ],
    ],
)
def test_an_environment_that_contradicts_itself_is_refused(
    environment: dict[str, str], says: str
) -> None:
    with pytest.raises(StoreError, match=says) as refused:
        parse_address("opensearch+https://db/acme", environment)
    assert SECRET not in refused.value.diagnostics()


@pytest.mark.parametrize("name", ["CA", "CERT"])
def test_certificates_without_tls_are_refused(tmp_path: Path, name: str) -> None:
    """Who set them counts on them."""
    file = tmp_path / "some.pem"
    file.touch()
    with pytest.raises(StoreError, match="prove nothing without TLS"):
        parse_address("opensearch+http://localhost/acme", {f"ZT_OPENSEARCH_{name}": str(file)})


def test_an_empty_variable_is_not_set() -> None:
    names = ("USER", "PASSWORD", "API_KEY", "CERT", "KEY", "CA", "TIMEOUT")
    empty = {f"ZT_OPENSEARCH_{name}": "" for name in names}
    url = "opensearch+http://localhost/acme"
    assert parse_address(url, empty) == parse_address(url, {})
