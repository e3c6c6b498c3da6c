"""What a person reads when a cluster can't be reached, or refuses: each with what to do next.

Answers that need a cluster with users, of an older version or of another make come from a server of
this test that answers as those do; all else is in `test_store_opensearch_connection`.
"""

from __future__ import annotations

import json
import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from opensearchpy.helpers import BulkIndexError
from support.certificates import Authority
from support.nginx import free_port

from analytics.store.opensearch.address import Address, parse_address
from analytics.store.opensearch.connection import connect
from analytics.store.opensearch.errors import errors_for_people
from analytics.wire import StoreError

PASSWORD = "s3cret-Pa55"
CIPHERTEXT = "zt1.AAECAwQFBgcICQ"
FULL = (
    "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, "
    "index has read-only-allow-delete block"
)
USER = {"ZT_OPENSEARCH_USER": "ann", "ZT_OPENSEARCH_PASSWORD": PASSWORD}


@contextmanager
def answering(status: int, body: Any, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """The address of a server that answers everything with the same; a text is HTML."""
    is_page = isinstance(body, str)
    content = body.encode() if is_page else json.dumps(body).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "text/html" if is_page else "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def refusal(host: str, scheme: str = "opensearch+http", **environment: str) -> StoreError:
    """The error of an attempt to connect."""
    with pytest.raises(StoreError) as refused:
        connect(parse_address(f"{scheme}://{host}/acme", {**USER, **environment}))
    said = refused.value.diagnostics()
    for secret in (PASSWORD, CIPHERTEXT, "Basic "):
        assert secret not in said
    assert len(said) < 500
    return refused.value


def error_of(kind: str, reason: str = CIPHERTEXT) -> dict[str, Any]:
    """An error as OpenSearch states it."""
    return {"error": {"type": kind, "reason": reason, "root_cause": [{"reason": reason}]}}


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ({"number": "2.18.4", "distribution": "opensearch"}, "OpenSearch 2.18, and 2.19 or later"),
        ({"number": "1.3.20", "distribution": "opensearch"}, "OpenSearch 1.3, and 2.19 or later"),
        ({"number": "x", "distribution": "opensearch"}, "of unknown version, and 2.19 or later"),
        ({"number": "8.15.0", "build_flavor": "default"}, "Elasticsearch 8.15, not OpenSearch"),
        ({}, "another service, not OpenSearch"),
        (None, "another service, not OpenSearch"),
        (["2.19"], "another service, not OpenSearch"),
    ],
)
def test_what_is_too_old_or_of_another_make_is_named(version: Any, says: str) -> None:
    with answering(200, {"version": version}) as host:
        assert says in str(refusal(host))


@pytest.mark.parametrize("number", ["2.19.0", "2.20.1", "3.0.0", "10.0.0"])
def test_versions_are_compared_as_numbers(number: str) -> None:
    version = {"number": number, "distribution": "opensearch"}
    with answering(200, {"version": version}) as host:
        connect(parse_address(f"opensearch+http://{host}/acme", {})).close()


@pytest.mark.parametrize(
    ("status", "body", "says", "hint"),
    [
        (401, "Unauthorized", "does not know who asks", "ZT_OPENSEARCH_PASSWORD"),
        (
            403,
            error_of(
                "security_exception",
                "no permissions for [indices:data/read/search] and User [name=ann, x=y]",
            ),
            "does not let this user do that (indices:data/read/search)",
            "begin with acme",
        ),
        (403, error_of("security_exception"), "does not let this user do that", "a role"),
        (403, "<html>no</html>", "does not let this user do that", "a role"),
        (403, error_of("cluster_block_exception"), "no reason given", "make room"),
        (
            429,
            error_of("cluster_block_exception", f"index [{CIPHERTEXT}] blocked by: [{FULL}];"),
            "blocks that now: disk usage exceeded flood-stage watermark",
            "make room",
        ),
        (429, error_of("rejected_execution_exception"), "more to do than it can", "try again"),
        (404, error_of("index_not_found_exception"), "there is no store acme", "prefix"),
        (503, error_of("cluster_manager_not_discovered_exception"), "(status 503)", "health"),
        (
            400,
            error_of("mapper_parsing_exception", f"failed to parse value '{CIPHERTEXT}'"),
            "mapper_parsing_exception (status 400)",
            "report it",
        ),
        (400, {"error": CIPHERTEXT}, "no reason that can be read (status 400)", "in front of it"),
        (301, f"<a href={CIPHERTEXT}>", "(status 301)", "in front of it"),
        (200, f"<html>{CIPHERTEXT}</html>", "can't be read", "in front of it"),
    ],
)
def test_a_refusal_says_what_and_what_next(status: int, body: Any, says: str, hint: str) -> None:
    with answering(status, body) as host:
        refused = refusal(host)
    assert says in str(refused)
    assert hint in refused.hint


def test_nobody_listens() -> None:
    refused = refusal(f"127.0.0.1:{free_port()}")
    assert "can't reach OpenSearch" in str(refused)
    assert "connection refused" in str(refused)


def test_a_name_that_nobody_has() -> None:
    refused = refusal("no-such-host.invalid", "opensearch+https")
    assert "can't reach OpenSearch at no-such-host.invalid:9200" in str(refused)


def test_somebody_listens_and_never_answers() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        host = f"127.0.0.1:{silent.getsockname()[1]}"
        refused = refusal(host, ZT_OPENSEARCH_TIMEOUT="0.2")
    assert "did not answer within 0.2 s" in str(refused)
    assert "ZT_OPENSEARCH_TIMEOUT" in refused.hint


def test_no_tls_where_it_is_expected() -> None:
    with answering(200, {}) as host:
        refused = refusal(host, "opensearch+https")
    assert f"no TLS with {host}" in str(refused)
    assert "opensearch+http" in refused.hint


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_who_can_not_prove_who_it_is_is_told_nothing(tmp_path: Path, host: str) -> None:
    """The authority is unknown; the certificate is for another name than the URL's."""
    authority = Authority(tmp_path / "authority")
    trusting = {} if host == "127.0.0.1" else {"ZT_OPENSEARCH_CA": str(authority.ca)}
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("host"))
    with answering(200, {}, context) as address:
        there = address.replace("127.0.0.1", host)
        refused = refusal(there, "opensearch+https", **trusting)
    assert "can't prove who it is" in str(refused)
    assert "ZT_OPENSEARCH_CA" in refused.hint


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_is_wanted_and_not_given(
    tmp_path: Path, newest: ssl.TLSVersion
) -> None:
    """As OpenSearch itself refuses it, by an alert, which TLS 1.3 may lose; a proxy answers 400."""
    authority = Authority(tmp_path / "authority")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.maximum_version = newest
    context.load_cert_chain(*authority.issue("host"))
    with answering(200, {}, context) as host:
        refused = refusal(host, "opensearch+https", ZT_OPENSEARCH_CA=str(authority.ca))
    assert "ZT_OPENSEARCH_CERT" in refused.hint
    if newest is ssl.TLSVersion.TLSv1_2:
        assert "refused the connection" in str(refused)


def test_files_that_can_not_be_used_are_named_and_nobody_is_asked(tmp_path: Path) -> None:
    """An encrypted key would have OpenSSL ask at the terminal."""
    junk, encrypted = tmp_path / "junk.pem", tmp_path / "encrypted.key"
    junk.write_text("junk")
    certificate, key = Authority(tmp_path / "authority").issue("edge", is_host=False)
    private = load_pem_private_key(key.read_bytes(), None)
    encrypted.write_bytes(
        private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())
        )
    )
    said = refusal("localhost", "opensearch+https", ZT_OPENSEARCH_CA=str(junk))
    assert "no certificate that can be read" in str(said)
    for its_key in (junk, encrypted):
        files = {"ZT_OPENSEARCH_CERT": str(certificate), "ZT_OPENSEARCH_KEY": str(its_key)}
        assert "can't be used" in str(refusal("localhost", "opensearch+https", **files))


def test_unsafe_plaintext_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    address = parse_address("opensearch+http://no-such-host.invalid/acme?unsafe-plaintext=true", {})
    with caplog.at_level(logging.WARNING), pytest.raises(StoreError, match="can't reach"):
        connect(address)
    assert "unsafe-plaintext" in caplog.text


def test_documents_that_were_refused_are_counted_and_not_shown() -> None:
    address = Address((("localhost", 9200),), "acme", tls=False)
    documents = [{"create": {"data": CIPHERTEXT}}] * 3
    with (
        pytest.raises(StoreError, match="refused documents: 3") as refused,
        errors_for_people(address),
    ):
        raise BulkIndexError("3 document(s) failed", documents)
    assert CIPHERTEXT not in refused.value.diagnostics()


def test_a_missing_client_says_how_to_install_it() -> None:
    code = """
import sys
sys.modules["opensearchpy"] = None
from analytics.wire import StoreError
try:
    import analytics.store.opensearch
except StoreError as error:
    print(error.diagnostics())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "zt-analytics[opensearch]" in done.stdout


def test_opening_another_store_does_not_load_the_client() -> None:
    code = (
        "import sys, analytics.store, analytics.store.duckdb; print('opensearchpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
