"""The honeynet's benchmark sends and asks what it says."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path

import pytest
from bench.honeynet.asking import ask, get
from bench.honeynet.attacks import METHODS, SHAPES, attacker, request, storm
from bench.honeynet.listening import NOT_HERE, Listened
from bench.honeynet.tables import tables
from bench.page import BENCHMARKS, fill
from bench.probe.messages import SERVER

from zt.sip.parse import parse

SOURCES = 50


def test_a_storm_is_half_of_one_address_and_half_of_many() -> None:
    packets = list(storm(2, 1_000, SOURCES, SERVER))
    by_source = Counter(packet.src for packet in packets)
    assert len(packets) == 2_000
    assert len(by_source) == 1 + SOURCES
    assert by_source.most_common(1)[0][1] == 1_000
    assert {packet.dst for packet in packets} == {SERVER}


def test_a_storm_has_every_method_and_what_is_no_message() -> None:
    found = [parse(packet.payload) for packet in storm(1, 1_000, SOURCES, SERVER)]
    assert {message.method for message in found if not message.error} == set(METHODS)
    assert any(message.error for message in found)
    assert any(message.credentials for message in found)


@pytest.mark.parametrize("method", METHODS)
def test_a_scanners_request_is_sound(method: str) -> None:
    message = parse(request(attacker(7), method, 7))
    assert not message.error
    assert message.method == method
    assert not message.credentials


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", METHODS)
def test_every_shape_is_a_request_of_its_method(method: str, shape: str) -> None:
    message = parse(SHAPES[shape](method, 7))
    assert message.method == method
    assert bool(message.credentials) == (shape == "forged")


def test_all_questions_are_asked_and_their_answers_read_to_the_end() -> None:
    with _answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", b"hello") as (place, seen):
        asked = ask(place, repeat(get("/x", "host")), 20, connections=3)
    assert b"".join(seen).count(b"GET /x HTTP/1.1\r\n") == 20
    assert asked.size == len(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")
    assert 0 < asked.middle <= asked.most


def test_another_answer_than_expected_ends_the_measurement() -> None:
    slower = b"HTTP/1.1 429 Slower\r\nContent-Length: 0\r\n\r\n"
    with _answering(slower) as (place, _), pytest.raises(SystemExit, match="429"):
        ask(place, repeat(get("/", "host")), 3, connections=1)


def test_the_tables_stand_in_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.honeynet.tables.listen", lambda *_: Listened())
    monkeypatch.setattr("bench.honeynet.tables.measure", lambda _: [("method", *SHAPES)])
    made = tables(1_200, 40, 1, tmp_path)
    page = fill(BENCHMARKS.read_text(), made)
    assert all(table in page for table in made.values())
    assert "| check of an address that is listed |" in made["honeynet-lists"]
    assert NOT_HERE in made["honeynet-storms"]


@contextmanager
def _answering(*parts: bytes) -> Iterator[tuple[tuple[str, int], list[bytes]]]:
    """A server that gives the same answer to each read, in parts; its place, and what it read."""
    seen: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4_096):
                seen.append(data)
                for part in parts:
                    connection.sendall(part)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # it is over
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        yield listening.getsockname(), seen
        listening.shutdown(socket.SHUT_RDWR)
    accepting.join(10)
