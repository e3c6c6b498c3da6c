"""Events and values encrypted again, and proven to open as before, ready for the store.

Invariants:
- Nothing is encrypted again that was not proven first: events by their seal, groups of findings
  by themselves or by their value records.
- Nothing leaves here that was not opened again from the very bytes that leave, and found equal
  as JSON, spelling of keys and types of numbers included.
- Derived fields stay what they were: what they came from may be dropped, and is not asked again.
- A field is visible after as it was before: of the fields that a profile's patterns show, those
  that the store's own headers name come first, so the limit of a stream hides none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from analytics.wire import EventLine, HeaderLine, ValueLine, decode_bytes, parse_line
from keys import KeysError
from zt.encoder import Decoder
from zt.encoder.batch import Batch
from zt.encoder.decrypt import OpenedEvent
from zt.encoder.encrypt import MAX_PATTERN_FIELDS
from zt.encoder.group import Inputs
from zt.encoder.plan import Plan
from zt.encoder.writer import BatchWriter
from zt.errors import EventError, IntegrityError, ZtError
from zt.query import Session


class Again:
    """Encrypts what a session's store holds of retired epochs under the ring's active one.

    Attributes:
        kid: the active epoch.
    """

    def __init__(self, session: Session) -> None:
        self.kid = session.ring.active.kid.hex()
        self._session = session
        self._checker = Decoder(session.ring)
        self._writers: dict[str, BatchWriter] = {}
        self._columns = _columns(session)

    def writer(self, plan: Plan) -> BatchWriter:
        """What writes batches under the profile of a plan of an old epoch."""
        if (writer := self._writers.get(plan.profile_id)) is None:
            paths = self._columns.get(plan.profile_id, {})
            limit = max(MAX_PATTERN_FIELDS, len(paths))
            writer = BatchWriter(self._session.ring, plan.profile, max_pattern_fields=limit)
            for path in paths:
                writer.plan.field(path)
            self._writers[plan.profile_id] = writer
        return writer

    def events(self, lines: Iterable[bytes], kid: str, failed: Counter[str]) -> list[bytes]:
        """A wire stream of the same events under the active epoch.

        Args:
            lines: of epoch `kid`, as the store gave them.
            kid: an old epoch.
            failed: takes in, by reason, how many are not in the stream and stay as they are.
        """
        opened: dict[str, list[tuple[str, OpenedEvent]]] = {}
        for raw in lines:
            try:
                event_id, event = self._open(raw, kid)
            except (ZtError, KeysError) as error:
                failed[str(error)] += 1
            else:
                opened.setdefault(event.plan.profile_id, []).append((event_id, event))
        return [line for batch in opened.values() for line in self._batch(batch, failed)]

    def head(self, writer: BatchWriter, work: Batch) -> list[bytes]:
        """The header and value records of a batch, checked as their reader will check them.

        Raises:
            IntegrityError: they do not verify, which is a defect.
        """
        lines = writer.head(work)
        for raw in lines:
            match parse_line(raw.rstrip(b"\n")):
                case HeaderLine() as line:
                    self._checker.header(line.header)
                case ValueLine() as line:
                    self._checker.value(line)
                case _:
                    raise IntegrityError("a line does not come back as it was made", _REPORT)
        return lines

    def _open(self, raw: bytes, kid: str) -> tuple[str, OpenedEvent]:
        line = parse_line(raw)
        if not isinstance(line, EventLine) or line.meta.kid != kid:
            raise IntegrityError(
                "the store returned something that is no event of the epoch", "check the store"
            )
        return line.meta.id, self._session.decoder.open(line)

    def _batch(self, opened: list[tuple[str, OpenedEvent]], failed: Counter[str]) -> list[bytes]:
        writer = self.writer(opened[0][1].plan)
        work = writer.batch()
        made: list[tuple[bytes, str, OpenedEvent]] = []
        inputs = Inputs(
            [old.event for _, old in opened],
            [decode_bytes(event_id) for event_id, _ in opened],
            [old.derived for _, old in opened],
        )
        for line, (event_id, old) in zip(work.events(inputs), opened, strict=True):
            if isinstance(line, EventError):
                failed[str(line)] += 1
            else:
                made.append((line, event_id, old))
        if not made:
            return []
        lines = self.head(writer, work)
        for raw, event_id, old in made:
            if self._comes_back(raw, event_id, old):
                lines.append(raw)
            else:
                failed["an event would not come back as it was; please report this"] += 1
        return lines

    def _comes_back(self, raw: bytes, event_id: str, old: OpenedEvent) -> bool:
        line = parse_line(raw.rstrip(b"\n"))
        if not isinstance(line, EventLine) or line.meta.id != event_id:
            return False
        try:
            new = self._checker.open(line)
        except ZtError:
            return False
        return exact_json(new.event) == exact_json(old.event) and new.derived == old.derived


def exact_json(event: dict[str, Any]) -> bytes:
    """A text that two events share only if they are the same JSON but for the order of keys."""
    return msgspec.json.encode(event, order="sorted")


_REPORT = "nothing of this batch was sent; please report this"


def _columns(session: Session) -> dict[str, dict[str, None]]:
    """The visible paths of each profile in the order in which they came, of proven headers."""
    columns: dict[str, dict[str, None]] = {}
    for raw in session.store.header_lines():
        line = parse_line(raw)
        if not isinstance(line, HeaderLine):
            continue
        try:
            session.decoder.header(line.header)
        except (ZtError, KeysError):
            continue
        paths = columns.setdefault(line.header.profile, {})
        paths.update(dict.fromkeys(column.path for column in line.header.columns))
    return columns
