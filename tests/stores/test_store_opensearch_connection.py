"""The connection to a real cluster: TLS, who asks, several hosts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from support import nginx
from support.certificates import Authority
from support.nginx import free_port
from support.opensearch.proxy import tls_proxy

from analytics.store.opensearch.address import parse_address
from analytics.store.opensearch.connection import connect
from analytics.wire import StoreError

pytestmark = pytest.mark.opensearch

PASSWORD = "s3cret-Pa55"
KNOWN = "Basic YW5uOnMzY3JldC1QYTU1"  # ann and the password
USER = {"ZT_OPENSEARCH_USER": "ann", "ZT_OPENSEARCH_PASSWORD": PASSWORD}


@pytest.fixture(autouse=True)
def _nginx(require: Callable[[object, str], None]) -> None:
    require(nginx.PROGRAM, "no nginx here: apt-get install nginx-light")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for a proxy."""
    path = tmp_path / "proxy"
    path.mkdir()
    return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who signs the certificates of the test."""
    return Authority(tmp_path / "authority")


def status(url: str, environment: dict[str, str]) -> str:
    """The cluster's, asked through a new connection."""
    client = connect(parse_address(url, environment))
    try:
        return str(client.cluster.health()["status"])
    finally:
        client.close()


def refusal(url: str, environment: dict[str, str]) -> str:
    """What a person reads when the connection fails."""
    with pytest.raises(StoreError) as refused:
        connect(parse_address(url, environment))
    said = refused.value.diagnostics()
    assert PASSWORD not in said
    assert KNOWN.split()[1] not in said
    return said


def test_plain_http_on_loopback(opensearch_url: str) -> None:
    assert status(f"opensearch+{opensearch_url}/acme", {}) in ("green", "yellow")


def test_basic_authentication_through_verified_tls(
    opensearch_url: str, folder: Path, authority: Authority
) -> None:
    with tls_proxy(folder, opensearch_url, authority, authorization=KNOWN) as host:
        url, trusting = f"opensearch+https://{host}/acme", {"ZT_OPENSEARCH_CA": str(authority.ca)}
        assert status(url, {**trusting, **USER})
        for wrong in (
            trusting,
            {**trusting, **USER, "ZT_OPENSEARCH_USER": "bob"},
            {**trusting, **USER, "ZT_OPENSEARCH_PASSWORD": PASSWORD + "x"},
            {**trusting, "ZT_OPENSEARCH_API_KEY": KNOWN.split()[1]},
        ):
            assert "does not know who asks, or the password is wrong" in refusal(url, wrong)


def test_an_api_key(opensearch_url: str, folder: Path, authority: Authority) -> None:
    with tls_proxy(folder, opensearch_url, authority, authorization="ApiKey a2V5OnZhbA==") as host:
        environment = {
            "ZT_OPENSEARCH_CA": str(authority.ca),
            "ZT_OPENSEARCH_API_KEY": "a2V5OnZhbA==",
        }
        assert status(f"opensearch+https://{host}/acme", environment)


def test_who_can_not_prove_who_it_is_gets_no_password(
    opensearch_url: str, folder: Path, authority: Authority, tmp_path: Path
) -> None:
    other = Authority(tmp_path / "other")
    with tls_proxy(folder, opensearch_url, authority) as host:
        url = f"opensearch+https://{host}/acme"
        for distrusting in ({}, {"ZT_OPENSEARCH_CA": str(other.ca)}):
            said = refusal(url, {**USER, **distrusting})
            assert "can't prove who it is" in said
            assert "ZT_OPENSEARCH_CA" in said
        # The certificate names the address only.
        by_name = url.replace("127.0.0.1", "localhost")
        said = refusal(by_name, {**USER, "ZT_OPENSEARCH_CA": str(authority.ca)})
        assert "can't prove who it is: hostname mismatch" in said.lower()
    assert not (folder / "asked").read_text()


def test_unsafe_skip_verify_is_logged(
    opensearch_url: str, folder: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    with tls_proxy(folder, opensearch_url, authority) as host, caplog.at_level(logging.WARNING):
        assert status(f"opensearch+https://{host}/acme?unsafe-skip-verify=true", {})
    assert "unsafe-skip-verify" in caplog.text


def test_a_client_certificate(
    opensearch_url: str, folder: Path, authority: Authority, tmp_path: Path
) -> None:
    certificate, key = authority.issue("edge", is_host=False)
    stranger, its_key = Authority(tmp_path / "other").issue("edge", is_host=False)
    with tls_proxy(folder, opensearch_url, authority, wants_certificate=True) as host:
        url, trusting = f"opensearch+https://{host}/acme", {"ZT_OPENSEARCH_CA": str(authority.ca)}

        def showing(certificate: Path, key: Path) -> dict[str, str]:
            names = {"ZT_OPENSEARCH_CERT": str(certificate), "ZT_OPENSEARCH_KEY": str(key)}
            return {**trusting, **names}

        assert status(url, showing(certificate, key))
        both = tmp_path / "both.pem"
        both.write_bytes(certificate.read_bytes() + key.read_bytes())
        assert status(url, {**trusting, "ZT_OPENSEARCH_CERT": str(both)})
        assert "ZT_OPENSEARCH_CERT" in refusal(url, trusting)
        assert "ZT_OPENSEARCH_CERT" in refusal(url, showing(stranger, its_key))
        assert "can't be used" in refusal(url, showing(certificate, its_key))


def test_the_first_of_several_hosts_is_dead(opensearch_url: str) -> None:
    alive = opensearch_url.removeprefix("http://")
    dead = f"127.0.0.1:{free_port()}"
    for hosts in (f"{dead},{alive}", f"{alive},{dead}"):
        client = connect(parse_address(f"opensearch+http://{hosts}/acme", {}))
        for _ in range(10):
            assert client.ping()
        client.close()
