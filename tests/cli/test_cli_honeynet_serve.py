"""`zt honeynet serve` as users run it, over real sockets, with and without TLS."""

from __future__ import annotations

import json
import random
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import msgspec
import pytest
from support.certificates import Authority
from support.commands import run
from support.honeynet_process import (
    RunningCollector,
    add_honeypot,
    add_key,
    read_all,
    running_collector,
)

from zt.honeynet.sighting import Kind, Sighting, SightingBatch

IDLE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("book") / "book.db"


@pytest.fixture(scope="module")
def secrets(db: Path) -> tuple[str, str]:
    """A key and a token."""
    return add_key(db), add_honeypot(db)


@pytest.fixture(scope="module")
def collector(db: Path, secrets: tuple[str, str]) -> Iterator[RunningCollector]:
    """One that whatever was sent to it neither stopped nor made talk."""
    with running_collector(db) as collector:
        yield collector
        assert collector.end() == 0, collector.said
        assert len(collector.said.splitlines()) == 2, collector.said  # that it began, and ended


def batch(name: str, *addresses: str) -> bytes:
    now = time.time_ns() // 1000
    return msgspec.json.encode(
        SightingBatch(
            name, tuple(Sighting(address, Kind.SCAN, True, now, now, 1) for address in addresses)
        )
    )


def test_what_was_acknowledged_is_there_after_an_end_by_each_signal(tmp_path: Path) -> None:
    db = tmp_path / "book.db"
    key, token = add_key(db), add_honeypot(db)
    for number, how in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGKILL)):
        with running_collector(db) as collector:
            report = batch(f"by-signal-{number}", f"45.0.0.{number + 1}")
            taken = collector.ask("/honeynet/v1/sightings", report, token)
            assert taken == (200, b'{"taken":1}')
            code = collector.end(how)
            assert code == (-signal.SIGKILL if how == signal.SIGKILL else 0), collector.said
    with running_collector(db) as collector:
        status, body = collector.ask(f"/api/{key}/banned")
        assert status == 200
        assert json.loads(body)["ipaddress"] == ["45.0.0.1", "45.0.0.2", "45.0.0.3"]


def test_only_one_may_serve_a_book(db: Path, collector: RunningCollector) -> None:
    result = run("zt", "honeynet", "serve", "--db", db, "--listen", "127.0.0.1:0")
    assert result.code == 1
    assert "another process serves" in result.err


def test_a_taken_port_is_an_error_with_advice(tmp_path: Path, collector: RunningCollector) -> None:
    listen = f"127.0.0.1:{collector.port}"
    result = run("zt", "honeynet", "serve", "--db", tmp_path / "b.db", "--listen", listen)
    assert result.code == 1
    assert "can't listen on" in result.err


def test_keys_do_not_travel_in_clear_unless_that_is_wanted(tmp_path: Path) -> None:
    result = run("zt", "honeynet", "serve", "--db", tmp_path / "b.db", "--listen", "0.0.0.0:0")
    assert result.code == 1
    assert "--tls-certificate" in result.err
    for options in (["--unsafe-plain-http"], ["--trust-proxy", "10.0.0.0/8"]):
        with running_collector(tmp_path / "b.db", *options, listen="0.0.0.0:0") as collector:
            assert collector.ask("/healthz")[0] == 200
            assert ("unsafe: " in collector.said) == (options == ["--unsafe-plain-http"])


def test_figures_are_served_for_prometheus(tmp_path: Path) -> None:
    with running_collector(tmp_path / "b.db", "--metrics", "127.0.0.1:0") as collector:
        found = collector.wait_for(r"figures on 127\.0\.0\.1 port (\d+)")
        for _ in range(3):
            collector.ask("/api/wrong/banned")
        deadline = time.monotonic() + 60
        text = ""
        while "zt_honeynet_wrong_secrets_total 3.0" not in text:
            assert time.monotonic() < deadline, text
            with socket.create_connection(("127.0.0.1", int(found[1])), 60) as connection:
                connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                text = read_all(connection).decode()
        assert 'zt_honeynet_answers_total{status="4xx"} 3.0' in text
        assert "zt_honeynet_addresses" in text


def test_no_secret_comes_into_the_log(
    collector: RunningCollector, secrets: tuple[str, str]
) -> None:
    key, token = secrets
    for path in (
        f"/api/{key}/banned",
        f"/lists/ipv4.txt?token={key}",
        f"/api/{key}/x",
        f"/{token}",
    ):
        collector.ask(path)
    with collector.connect() as connection:
        connection.sendall(f"BROKEN /api/{key}/banned\r\n{token}\x00\r\n\r\n".encode())
        read_all(connection)
    # and at its end it must have said nothing at all
    assert key not in collector.said
    assert token not in collector.said


def test_several_requests_may_share_a_connection_and_overlap(collector: RunningCollector) -> None:
    with collector.connect() as connection:
        connection.sendall((IDLE + b"\r\n") * 20 + IDLE + b"Connection: close\r\n\r\n")
        assert read_all(connection).count(b'{"status":"ok"}') == 21


def test_bytes_that_are_no_request_do_no_harm(collector: RunningCollector) -> None:
    chance = random.Random(5)
    good = b"POST /api/get HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"
    for _ in range(150):
        data = bytearray(good * 2)
        for _ in range(chance.randrange(6)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        if chance.random() < 0.2:
            data = bytearray(chance.randbytes(200))
        with collector.connect() as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = read_all(connection)
        assert b"HTTP/1.1 5" not in answer, data
    assert collector.ask("/healthz")[0] == 200


@pytest.mark.parametrize(
    "endless",
    [
        pytest.param((b"GET /healthz HTTP/1.1\r\n", b"X: " + b"x" * 1_000 + b"\r\n"), id="head"),
        pytest.param((b"GET /", b"x" * 1_000), id="path"),
        pytest.param((b"GET / HTTP/1.1\r\nX: ", b"x" * 1_000), id="header"),
        pytest.param(
            (b"POST /api/get HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"2\r\nxx\r\n" * 200),
            id="body",
        ),
        pytest.param(
            (
                b"POST /api/get HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
                b"X: " + b"x" * 1_000 + b"\r\n",
            ),
            id="trailers",
        ),
    ],
)
def test_what_has_no_end_is_cut_off(
    collector: RunningCollector, endless: tuple[bytes, bytes]
) -> None:
    begin, part = endless
    with collector.connect() as connection:
        sent = 0
        try:
            connection.sendall(begin)
            while sent < 64 * 1024 * 1024:
                connection.sendall(part * 16)
                sent += len(part) * 16
        except OSError:
            pass
        assert sent < 64 * 1024 * 1024
    assert collector.ask("/healthz")[0] == 200


def test_idle_connections_give_way(tmp_path: Path) -> None:
    """Half of them have begun a request that never ends."""
    config = tmp_path / "collector.yaml"
    config.write_text("connections: {connections: 50, each_source: 1000, request_seconds: 3600}\n")
    with running_collector(tmp_path / "book.db", "-c", config) as collector:
        idle = [collector.connect() for _ in range(200)]
        for connection in idle[::2]:
            connection.sendall(IDLE)
        for _ in range(100):
            assert collector.ask("/healthz")[0] == 200
        for connection in idle:
            connection.close()
        assert collector.end() == 0


def test_it_holds_no_more_connections_than_it_may_have_files(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text("connections: {connections: 5000, each_source: 5000}\n")
    with running_collector(tmp_path / "book.db", "-c", config, files=200) as collector:
        collector.wait_for("holds 72 connections only")
        idle = [collector.connect() for _ in range(300)]
        for _ in range(10):
            assert collector.ask("/healthz")[0] == 200
        for connection in idle:
            connection.close()
        assert collector.end() == 0


def test_one_source_has_a_share_only(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text("connections: {each_source: 5}\n")
    with running_collector(tmp_path / "book.db", "-c", config) as collector:
        kept = [collector.connect() for _ in range(5)]
        for connection in kept:  # each is known to it only once it has answered
            connection.sendall(IDLE + b"\r\n")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
        with collector.connect() as sixth:
            assert read_all(sixth) == b""
        kept.pop().close()
        deadline = time.monotonic() + 60
        while True:
            with collector.connect() as again:
                again.sendall(IDLE + b"Connection: close\r\n\r\n")
                if read_all(again).startswith(b"HTTP/1.1 200"):
                    break
            assert time.monotonic() < deadline


def test_who_does_not_finish_a_request_is_sent_away(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text("connections: {request_seconds: 0.5, handshake_seconds: 0.5}\n")
    with running_collector(tmp_path / "book.db", "-c", config) as collector:
        for begin in (b"", IDLE, b"POST /api/get HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"):
            with collector.connect() as connection:
                connection.sendall(begin)
                assert read_all(connection) == b""


def test_tls_with_a_certificate_that_can_be_renewed(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"

    def renew(name: str) -> None:
        for source, place in zip(authority.issue(name), (certificate, key), strict=True):
            place.write_bytes(source.read_bytes())

    renew("first")
    context = ssl.create_default_context(cafile=str(authority.ca))
    options = ("--tls-certificate", certificate, "--tls-key", key)
    with running_collector(tmp_path / "book.db", *options) as collector:
        assert collector.ask("/healthz", context=context)[0] == 200
        assert served_name(collector, context) == "first"
        renew("second")
        collector.process.send_signal(signal.SIGHUP)
        collector.wait_for("reloaded the certificate")
        assert served_name(collector, context) == "second"
        key.write_text("no key")
        collector.process.send_signal(signal.SIGHUP)
        collector.wait_for("reloaded nothing")
        assert served_name(collector, context) == "second"
        with collector.connect() as connection:  # no TLS
            connection.sendall(IDLE + b"\r\n")
            assert b"200" not in read_all(connection)
        assert collector.end() == 0


def served_name(collector: RunningCollector, context: ssl.SSLContext) -> str:
    with (
        collector.connect() as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
    ):
        found = connection.getpeercert()
    assert found
    subject = cast("tuple[tuple[tuple[str, str], ...], ...]", found["subject"])
    return dict(pair for part in subject for pair in part)["commonName"]


@pytest.mark.parametrize("options", [["--tls-key", "x"], ["--tls-certificate", "x"]])
def test_half_a_pair_is_no_tls(tmp_path: Path, options: list[str]) -> None:
    result = run("zt", "honeynet", "serve", "--db", tmp_path / "b.db", *options)
    assert result.code == 2
    assert not (tmp_path / "b.db").exists()


def test_a_certificate_that_is_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("none")
    options = ("--tls-certificate", tmp_path / "x.pem", "--tls-key", tmp_path / "x.pem")
    result = run("zt", "honeynet", "serve", "--db", tmp_path / "b.db", *options)
    assert result.code == 1
    assert "can't use the certificate" in result.err


def test_wrong_settings_name_their_line(tmp_path: Path) -> None:
    config = tmp_path / "collector.yaml"
    config.write_text("guard:\n  never: [10.0.0.1/8]\n")
    result = run("zt", "honeynet", "serve", "--db", tmp_path / "b.db", "-c", config)
    assert result.code == 1
    assert "line 2: guard.never: '10.0.0.1/8' is no network" in result.err
