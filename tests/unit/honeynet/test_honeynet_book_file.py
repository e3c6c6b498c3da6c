"""The book's file: for its owner, for one that serves, and for nothing that is no book."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.honeynet_book import START, Net, batch, public, seen

from zt.honeynet.collector.book.book import Book
from zt.honeynet.collector.book.database import Database
from zt.honeynet.collector.book.errors import BookError

A = "20.0.0.1"

PRAGMAS = ("journal_mode", "synchronous")

SERVE = """
import sys
from pathlib import Path
from zt.honeynet.collector.book.book import Book
with Book.open(Path(sys.argv[1]), serving=True):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "book.db"


@pytest.fixture
def server(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that serves the book."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def test_nobody_but_its_owner_reads_it(path: Path) -> None:
    before = os.umask(0)
    try:
        with Book.open(path, serving=True) as book:
            book.add_key("pbx", START)
            files = list(path.parent.iterdir())
            modes = {stat.S_IMODE(file.stat().st_mode) for file in files}
            assert len(files) > 2
            assert modes == {0o600}
    finally:
        os.umask(before)


def test_each_commit_is_synced_to_the_disk(path: Path) -> None:
    database = Database(path, serving=False)
    mode, synchronous = database.write(
        lambda c: [c.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]
    )
    assert (mode, synchronous) == ("wal", 2)  # 2 is FULL
    database.close()


def test_one_process_serves_it(path: Path, server: subprocess.Popen[bytes]) -> None:
    with pytest.raises(BookError, match="another process serves"):
        Book.open(path, serving=True)
    server.kill()
    server.wait()
    Book.open(path, serving=True).close()


def test_one_object_of_a_process_serves_it(path: Path) -> None:
    first = Book.open(path, serving=True)
    with pytest.raises(BookError, match="another process serves"):
        Book.open(path, serving=True)
    first.close()
    Book.open(path, serving=True).close()


def test_commands_write_beside_the_one_that_serves(path: Path) -> None:
    with Book.open(path, serving=True) as serving:
        assert serving.keys() == []
        with Book.open(path) as command:
            secret = command.add_key("pbx", START)
        assert serving.find_key(secret) is not None


def test_who_writes_waits_for_another_process_that_does(path: Path) -> None:
    with Book.open(path) as book:
        other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.3, lambda: other.execute("ROLLBACK"))
        timer.start()
        assert book.find_key(book.add_key("pbx", START)) is not None
        timer.join()
        other.close()


def test_a_file_that_is_held_too_long_is_an_error_and_not_the_end(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zt.honeynet.collector.book.database.PATIENCE", 0.05)
    with Book.open(path) as book:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BookError, match="locked") as caught:
            book.add_key("pbx", START)
        assert "what was acknowledged is safe" in caught.value.hint
        assert book.keys() == []
        other.close()
        assert book.find_key(book.add_key("pbx", START)) is not None


def test_readers_do_not_wait_for_who_writes(path: Path) -> None:
    net = Net(path)
    net.tell("one", seen(A, START))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("DELETE FROM addresses")
    assert net.shared() == [A]
    other.close()
    net.book.close()


def test_what_is_no_book_is_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"some text of somebody, which is longer than a header" * 100)
    before = path.read_bytes()
    with pytest.raises(BookError, match="no book of the honeynet"):
        Book.open(path)
    assert path.read_bytes() == before


def test_another_programs_database_is_no_book(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE notes (text)")
    other.close()
    with pytest.raises(BookError, match="no book of the honeynet"):
        Book.open(path)


def test_a_book_of_a_later_release_is_refused(path: Path) -> None:
    Book.open(path).close()
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    with pytest.raises(BookError, match="another release"):
        Book.open(path)


def test_a_damaged_book_is_an_error_that_says_so(path: Path) -> None:
    net = Net(path)
    for part in range(5):
        net.tell("one", *(seen(public(part * 100 + n), START) for n in range(100)))
    net.book.close()
    data = bytearray(path.read_bytes())
    data[8_192:] = b"\xa5" * (len(data) - 8_192)
    path.write_bytes(data)
    with pytest.raises(BookError, match="damaged"), Book.open(path) as book:
        list(book.addresses(4))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    for serving in (False, True):
        with pytest.raises(BookError, match="no such file"):
            Book.open(tmp_path / "nowhere" / "book.db", serving=serving)


def test_a_path_is_a_path_and_no_address_with_options(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory&b#c%41.db"
    Book.open(path).close()
    assert path.stat().st_size > 0


def test_a_closed_book_says_so(path: Path) -> None:
    book = Book.open(path)
    book.close()
    book.close()
    with pytest.raises(BookError, match="was closed"):
        book.check(A)
    with pytest.raises(BookError, match="was closed"):
        book.expire(START)


def test_a_book_is_closed_while_others_read_and_write(path: Path) -> None:
    """They get an error of the book's, or their answer, and nothing else."""
    net = Net(path)
    honeypot = net.honeypot("one")
    found: list[BaseException] = []

    def use(number: int) -> None:
        try:
            while True:
                net.book.take(honeypot, batch([seen(public(number), START)]), START)
                net.book.banned(100, 4)
        except BaseException as error:  # noqa: BLE001 - to look at
            found.append(error)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    while len(net.shared()) < 4:
        pass
    net.book.close()
    for thread in threads:
        thread.join(20)
    assert {str(error) for error in found} == {"the book was closed"}
    assert len(found) == 4


def test_batches_of_many_threads_are_taken_once_each(path: Path) -> None:
    net = Net(path)
    honeypot = net.honeypot("one")
    same = [batch([seen(A, START)]) for _ in range(40)]

    def tell() -> None:
        for one in same:
            net.book.take(honeypot, one, START)

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ban = net.book.check(A)
    assert ban is not None
    assert ban.count == 40
    net.book.close()


def test_a_write_that_fails_takes_no_other_with_it(path: Path) -> None:
    """Eight threads gather behind one that holds the file; every second one's work fails."""
    database = Database(path, serving=False)
    holding, release = threading.Event(), threading.Event()
    results: dict[int, object] = {}

    def hold(connection: sqlite3.Connection) -> None:
        holding.set()
        release.wait(20)

    def add(number: int) -> None:
        def run(connection: sqlite3.Connection) -> int:
            connection.execute(
                "INSERT INTO forgotten VALUES (?, ?)", (number.to_bytes(4, "big"), number)
            )
            if number % 2:
                raise ValueError(number)
            return number

        try:
            results[number] = database.write(run)
        except ValueError as error:
            results[number] = error.args

    threads = [threading.Thread(target=database.write, args=(hold,))]
    threads += [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
        holding.wait(20)
    release.set()
    for thread in threads:
        thread.join(20)
    assert results == {n: (n,) if n % 2 else n for n in range(8)}
    with database.read() as connection:
        kept = connection.execute("SELECT until FROM forgotten ORDER BY until").fetchall()
    assert kept == [(0,), (2,), (4,), (6,)]
    database.close()


def test_a_full_disk_fails_what_was_to_be_written_and_nothing_else(path: Path) -> None:
    database = Database(path, serving=False)

    def fill(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        for number in range(10_000):
            connection.execute("INSERT INTO forgotten VALUES (?, 1)", (number.to_bytes(4, "big"),))

    with pytest.raises(BookError, match="full") as caught:
        database.write(fill)
    assert "room" in caught.value.hint
    database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchall())
    database.write(lambda c: c.execute("INSERT INTO forgotten VALUES (x'01020304', 7)"))
    with database.read() as connection:
        assert connection.execute("SELECT until FROM forgotten").fetchall() == [(7,)]
    database.close()
