"""Which epochs a wire file or a store holds, and when, for `zt-keys check`.

Nothing is verified here: what names an epoch is taken as it stands, and the ring judges it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from analytics.store import PATIENCE, open_store
from analytics.wire import (
    BadLine,
    EventLine,
    HeaderLine,
    decode_bytes,
    format_time,
    input_lines,
    parse_time,
    read_stream,
)
from zt.errors import InputError
from zt.values.paths import values_at

MAX_EPOCHS = 10_000
"""Epochs, and epochs with their profiles, that are told apart in one file."""


@dataclass(slots=True)
class EpochEvents:
    """The events of an epoch: how many, and from when to when.

    Attributes:
        kcv: None for events of a wire file that come without a batch header.
        first: time of the oldest in microseconds since 1970, None where none is known.
        last: that of the newest.
    """

    kid: str
    kcv: bytes | None
    events: int = 0
    first: int | None = None
    last: int | None = None

    def add(self, time: int | None) -> None:
        """Count an event."""
        self.events += 1
        if time is not None:
            self.first = time if self.first is None else min(self.first, time)
            self.last = time if self.last is None else max(self.last, time)

    def span(self) -> tuple[str | None, str | None]:
        """The two times as text, None where one is unknown or beyond the calendar."""
        return _text(self.first), _text(self.last)


@dataclass(slots=True)
class WireEpochs:
    """The epochs of a wire stream in the order in which they came, and its malformed lines."""

    epochs: dict[tuple[str, bytes | None], EpochEvents] = field(default_factory=dict)
    malformed: int = 0

    def of(self, kid: str, kcv: bytes | None) -> EpochEvents:
        """The epoch of that name, new if it is.

        Raises:
            InputError: there are more epochs than any ring has.
        """
        if (found := self.epochs.get((kid, kcv))) is None:
            _check_number(len(self.epochs))
            found = self.epochs[kid, kcv] = EpochEvents(kid, kcv)
        return found


def epochs_of_wire(
    file: BinaryIO, on_malformed: Callable[[BadLine], None] = lambda line: None
) -> WireEpochs:
    """The epochs of a wire stream: those of its headers, with the events that name them.

    An event belongs to the last header of its epoch and profile that came before it. Where none
    came, it counts for an epoch without a key check value. The stream is read line by line, and
    memory is bounded whatever it holds.

    Raises:
        VersionError: the stream speaks another version of the wire.
        InputError: it names more epochs than any ring has.
    """
    found = WireEpochs()
    headers: dict[tuple[str, str], tuple[EpochEvents, str | None]] = {}
    for line in read_stream(input_lines(file)):
        match line:
            case HeaderLine(header=header):
                epoch = found.of(header.kid, decode_bytes(header.kcv))
                if (name := (header.kid, header.profile)) not in headers:
                    _check_number(len(headers))
                headers[name] = epoch, header.time
            case EventLine(meta=meta):
                if known := headers.get((meta.kid, meta.profile)):
                    epoch, path = known
                    epoch.add(_time(line, path))
                else:
                    found.of(meta.kid, None).add(None)
            case BadLine():
                found.malformed += 1
                on_malformed(line)
    return found


def epochs_of_store(url: str) -> list[EpochEvents]:
    """The epochs that a store has registered.

    Raises:
        StoreError: it can't be opened.
    """
    with open_store(url, wait=PATIENCE) as store:
        return [
            EpochEvents(epoch.kid, decode_bytes(epoch.kcv), epoch.events, epoch.first, epoch.last)
            for epoch in store.epochs()
        ]


def _check_number(number: int) -> None:
    if number >= MAX_EPOCHS:
        raise InputError(
            f"the file names more than {MAX_EPOCHS} epochs or profiles: no ring wrote that",
            "check where it comes from",
        )


def _time(line: EventLine, path: str | None) -> int | None:
    """The time of an event as the cloud sees it, None where it has no valid one."""
    if path is None:
        return None
    for value in values_at(line.body, path):
        if isinstance(value, str):
            try:
                return parse_time(value)
            except ValueError:
                return None
    return None


def _text(time: int | None) -> str | None:
    if time is None:
        return None
    try:
        return format_time(time)
    except (ValueError, OverflowError):
        return None
