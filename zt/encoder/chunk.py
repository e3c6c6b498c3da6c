"""Some lines of a wire stream on their way through a decoder, together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from analytics.wire import (
    BadLine,
    EventLine,
    HeaderLine,
    ValueLine,
    VersionError,
    parse_line,
)
from keys import KeyCheckError, KeysError
from zt.encoder.plan import Plan
from zt.encoder.seal import altered_record
from zt.errors import IntegrityError, ZtError

if TYPE_CHECKING:
    from zt.encoder.decrypt import Decoder

Line = HeaderLine | ValueLine | EventLine | BadLine
Result = dict[str, Any] | Exception | None
"""What came of a line: an event, an error, or nothing to say."""


class Chunk:
    """Headers are taken in as they come, then value records are verified and events opened.

    Attributes:
        lines: those that were read, without empty ones.
        results: what came of each.
        stopped: what makes all that comes after these lines worthless.
    """

    def __init__(self, decoder: Decoder, lines: Sequence[bytes], number: int) -> None:
        """
        Args:
            decoder: what it knows is used and grows.
            lines: with or without their ends.
            number: how many lines of the stream came before.
        """
        self.lines: list[Line] = []
        self.results: list[Result] = []
        self.stopped: Exception | None = None
        self._decoder = decoder
        self._values: dict[tuple[str, ...], list[int]] = {}
        self._events: dict[Plan, list[int]] = {}
        self._read(lines, number)
        for places in self._values.values():
            self._verify(places)
        for plan, places in self._events.items():
            self._open(plan, places)

    def _read(self, lines: Sequence[bytes], number: int) -> None:
        for raw in lines:
            number += 1
            if not (raw := raw.rstrip(b"\r\n")):
                continue
            try:
                line = parse_line(raw, number)
                result = self._begin(line, len(self.lines))
            except (KeyCheckError, VersionError) as error:
                self.stopped = error
                return
            self.lines.append(line)
            self.results.append(result)

    def _begin(self, line: Line, place: int) -> Result:
        try:
            match line:
                case HeaderLine():
                    self._decoder.header(line.header)
                case ValueLine():
                    record = line.record
                    alike = (record.kid, record.keyspace, record.scheme, record.search or "")
                    self._values.setdefault(alike, []).append(place)
                case EventLine():
                    plan = self._decoder.plan(line.meta.kid, line.meta.profile)
                    self._events.setdefault(plan, []).append(place)
                case BadLine():
                    return IntegrityError(line.reason, "look at who wrote the line")
        except KeyCheckError:
            raise
        except (ZtError, KeysError) as error:
            return error
        return None

    def _verify(self, places: Sequence[int]) -> None:
        """Verify value records of one keyspace, scheme and search list."""
        records = {
            place: line.record
            for place in places
            if isinstance(line := self.lines[place], ValueLine)
        }
        one = next(iter(records.values()))
        try:
            tag = self._decoder.value_tag(one.kid, one.keyspace)
        except KeysError as error:
            for place in places:
                self.results[place] = error
            return
        if tag is None:
            return
        for place, is_right in zip(records, tag.verified(list(records.values())), strict=True):
            if not is_right:
                self.results[place] = altered_record()

    def _open(self, plan: Plan, places: Sequence[int]) -> None:
        """Open events of one epoch and profile."""
        lines = {p: line for p in places if isinstance(line := self.lines[p], EventLine)}
        opened = self._decoder.opener(plan).open(list(lines.values()))
        for (place, line), event in zip(lines.items(), opened, strict=True):
            self.results[place] = self._alone(line) if event is None else event

    def _alone(self, line: EventLine) -> Result:
        try:
            return self._decoder.event(line)
        except (ZtError, KeysError) as error:
            return error
