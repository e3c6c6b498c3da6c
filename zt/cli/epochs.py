"""Which epochs a wire file or a store holds, for `zt-keys check`."""

from __future__ import annotations

from collections import Counter
from typing import BinaryIO

from analytics.store import open_store
from analytics.wire import EventLine, HeaderLine, decode_bytes, input_lines, read_stream

Epochs = dict[tuple[str, bytes], int]
"""Events by (kid, key check value)."""


def epochs_of_wire(file: BinaryIO) -> Epochs:
    """The epochs of a wire stream: those of its headers, with the events that name them.

    Raises:
        VersionError: the stream speaks another version of the wire.
    """
    checks: dict[tuple[str, bytes], None] = {}
    events: Counter[str] = Counter()
    for line in read_stream(input_lines(file)):
        if isinstance(line, HeaderLine):
            checks[line.header.kid, decode_bytes(line.header.kcv)] = None
        elif isinstance(line, EventLine):
            events[line.meta.kid] += 1
    return {known: events[known[0]] for known in checks}


def epochs_of_store(url: str) -> Epochs:
    """The epochs that a store has registered.

    Raises:
        StoreError: it can't be opened.
    """
    with open_store(url) as store:
        return {(epoch.kid, decode_bytes(epoch.kcv)): epoch.events for epoch in store.epochs()}


def generation_of_store(url: str) -> int:
    """The newest generation of the ring that a store has seen, 0 if none.

    Raises:
        StoreError: it can't be opened.
    """
    with open_store(url) as store:
        return max((epoch.generation for epoch in store.epochs()), default=0)
