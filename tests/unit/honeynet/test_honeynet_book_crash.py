"""A collector that is killed at any moment loses no address that it acknowledged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from support.honeynet_book import START, Net, settings
from support.killing import moments, run_until

from zt.honeynet.collector.book.book import Book

BATCH: Final = 20
"""Addresses of each batch, which are in no other."""

TELL: Final = f"""
import json, sys, threading
from pathlib import Path
from support.honeynet_book import START, batch, public, seen, settings
from zt.honeynet.collector.book.book import Book

def make(number):
    addresses = range(number * {BATCH}, (number + 1) * {BATCH})
    return batch((seen(public(n), START) for n in addresses), f"number-{{number}}")

path, log, run = sys.argv[1:]
lines = [json.loads(line) for line in Path(log).read_text().splitlines()]
acknowledged = [n for what, n in lines if what == "acknowledged"]
again = sorted({{n for what, n in lines}} - set(acknowledged)) + acknowledged[-3:]
if run == "last":
    new = []
else:
    new = range(1_000 * int(run), 1_000 * int(run) + 60)
numbers = iter([*again, *new])
book = Book.open(Path(path), settings(share=1), serving=True)
honeypot = book.honeypot_named("one")
lock = threading.Lock()

def tell():
    while True:
        with lock:
            number = next(numbers, None)
            if number is None:
                return
            out.write(json.dumps(["sent", number]) + "\\n")
        book.take(honeypot, make(number), START)
        with lock:
            out.write(json.dumps(["acknowledged", number]) + "\\n")

with open(log, "a", buffering=1) as out:
    print("ready", flush=True)
    threads = [threading.Thread(target=tell) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    book.expire(START)
book.close()
"""
"""Reports some batches with three threads, first those again of which earlier runs have no
acknowledgement, and some that were acknowledged."""


@pytest.mark.slow
def test_a_collector_killed_at_any_moment_loses_and_doubles_no_address(tmp_path: Path) -> None:
    path, log = tmp_path / "book.db", tmp_path / "log"
    log.touch()
    net = Net(path)
    net.honeypot("one")
    net.book.close()
    arguments = [str(path), str(log)]
    longest, ended = run_until(TELL, [*arguments, "0"], None)
    assert ended
    killed = 0
    for number, moment in enumerate(moments(longest, 11), 1):
        killed += not run_until(TELL, [*arguments, f"{number}"], moment)[1]
        with Book.open(path) as book:
            shared = sum(1 for _ in book.addresses(4))
        assert shared >= BATCH * len(told(log, "acknowledged")), "what was acknowledged is lost"
    assert killed > 20
    assert run_until(TELL, [*arguments, "last"], None)[1]
    sent = told(log, "sent")
    assert told(log, "acknowledged") == sent
    assert len(sent) > 500
    with Book.open(path, settings(share=1)) as book:
        bans = book.bans(4, 0, 0, 10**6)
    assert len({ban.address for ban in bans}) == len(bans) == BATCH * len(sent)
    assert {(ban.count, ban.first, ban.honeypots) for ban in bans} == {(1, START, 1)}
    assert [ban.id for ban in bans] == list(range(101, 101 + len(bans)))


def told(log: Path, what: str) -> set[int]:
    """Which batches were sent or acknowledged."""
    lines = map(json.loads, log.read_text().splitlines())
    return {number for kind, number in lines if kind == what}
