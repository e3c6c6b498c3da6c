"""Keys and tokens: shown once, found again, and worthless in a stolen book."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.honeynet_book import START

from zt.errors import InputError
from zt.honeynet.collector.book.access import DEFAULT_RATE, Rate
from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.errors import NameTakenError, UnknownNameError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.db"


@pytest.fixture
def book(path: Path) -> Iterator[Book]:
    with Book.open(path) as book:
        yield book


def test_a_key_is_found_by_its_secret(book: Book) -> None:
    secret = book.add_key("pbx", START, Rate(100, 60_000_000))
    key = book.find_key(secret)
    assert key is not None
    assert (key.name, key.rate, key.created, key.revoked) == (
        "pbx",
        Rate(100, 60_000_000),
        START,
        None,
    )
    assert book.keys() == [key]


def test_a_key_may_ask_as_often_as_apibans_clients_do(book: Book) -> None:
    key = book.find_key(book.add_key("pbx", START))
    assert key is not None
    assert key.rate == DEFAULT_RATE == Rate.parse("11/2m")


def test_a_honeypot_is_found_by_its_token(book: Book) -> None:
    honeypot = book.find_honeypot(book.add_honeypot("fra-1", "eu-central", START, owner="us"))
    assert honeypot is not None
    assert (honeypot.name, honeypot.region, honeypot.owner) == ("fra-1", "eu-central", "us")
    assert book.honeypots() == [honeypot] == [book.honeypot_named("fra-1")]


def test_a_honeypot_without_an_owner_is_its_own(book: Book) -> None:
    honeypot = book.find_honeypot(book.add_honeypot("fra-1", "eu-central", START))
    assert honeypot is not None
    assert honeypot.owner == "fra-1"


def test_a_key_is_no_token_and_a_token_no_key(book: Book) -> None:
    key, token = book.add_key("pbx", START), book.add_honeypot("fra-1", "eu", START)
    assert book.find_key(token) is None
    assert book.find_honeypot(key) is None


def test_secrets_are_long_differ_and_stand_nowhere_in_the_files(book: Book, path: Path) -> None:
    secrets = [book.add_key(f"key {n}", START) for n in range(5)]
    secrets += [book.add_honeypot(f"honeypot {n}", "eu", START) for n in range(5)]
    assert len(set(secrets)) == 10
    files = [file.read_bytes() for file in path.parent.iterdir()]
    for secret in secrets:
        assert len(bytes.fromhex(secret)) == 32
        for spelled in (secret.encode(), bytes.fromhex(secret)):
            assert not any(spelled in file for file in files)


def test_a_revoked_key_is_not_found_and_its_name_is_free(book: Book) -> None:
    old = book.add_key("pbx", START)
    book.revoke_key("pbx", START + 1)
    assert book.find_key(old) is None
    new = book.add_key("pbx", START + 2)
    assert book.find_key(new) is not None
    revoked, valid = book.keys()
    assert (revoked.revoked, valid.revoked) == (START + 1, None)


def test_a_revoked_honeypot_is_not_found_and_its_name_is_free(book: Book) -> None:
    old = book.add_honeypot("fra-1", "eu", START)
    book.revoke_honeypot("fra-1", START + 1)
    assert book.find_honeypot(old) is None
    assert book.honeypot_named("fra-1") is None
    assert book.find_honeypot(book.add_honeypot("fra-1", "eu", START + 2)) is not None


def test_two_cannot_have_one_name(book: Book) -> None:
    book.add_key("pbx", START)
    book.add_honeypot("pbx", "eu", START)  # a honeypot may be called like a key
    with pytest.raises(NameTakenError, match="pbx already"):
        book.add_key("pbx", START)
    with pytest.raises(NameTakenError, match="pbx already"):
        book.add_honeypot("pbx", "us", START)


def test_what_is_not_there_cannot_be_revoked(book: Book) -> None:
    with pytest.raises(UnknownNameError):
        book.revoke_key("pbx", START)
    with pytest.raises(UnknownNameError):
        book.revoke_honeypot("pbx", START)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "-k", "*several", "\x7f", "\ud800"])
def test_names_can_be_printed(book: Book, name: str) -> None:
    with pytest.raises(InputError, match="no name"):
        book.add_key(name, START)
    with pytest.raises(InputError, match="no name"):
        book.add_honeypot(name, "eu", START)
    with pytest.raises(InputError, match="no name"):
        book.add_honeypot("fra-1", name, START)
    assert book.honeypot_named(name) is None
    with pytest.raises(UnknownNameError):
        book.revoke_key(name, START)
    with pytest.raises(UnknownNameError):
        book.disown(name)


@given(st.text(alphabet=st.characters(), max_size=100))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_else_opens(book: Book, secret: str) -> None:
    assert book.find_key(secret) is None
    assert book.find_honeypot(secret) is None


@pytest.mark.parametrize(
    "text", ["", "11", "11/", "/2m", "0/2m", "-1/2m", "11/2", "1e3/2m", "11/0m"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no rate"):
        Rate.parse(text)


@pytest.mark.parametrize("text", ["11/2m", "1/1s", "100/90s", "7/1d"])
def test_a_rate_is_written_as_it_is_read(text: str) -> None:
    assert str(Rate.parse(text)) == text
