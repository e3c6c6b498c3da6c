"""Decrypting wire streams: every seal and tag is verified before anything is believed.

Lines that fail are handed to `on_reject` with the reason, the good ones come out. A run in which
more than half of the events fail stops: that is a wrong key or a broken store, not damage to
single events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

from analytics.wire import (
    BadLine,
    BatchHeader,
    EventLine,
    HeaderLine,
    Keys,
    ValueLine,
    decode_bytes,
)
from keys import GrantError, Ring, UnknownEpochError, labels
from zt.encoder.chunk import Chunk
from zt.encoder.fields import FieldPlan
from zt.encoder.opening import Opener
from zt.encoder.pieces import CHUNK, CHUNK_BYTES, cut
from zt.encoder.placing import put_all, replace, respelled
from zt.encoder.plan import Plan, open_profile
from zt.encoder.seal import HeaderTag, ValueTag
from zt.errors import IntegrityError, SystemicError
from zt.values.paths import occupies

KEYSPACES = 4096
"""Keyspaces whose value records can be verified without another derivation of keys."""

SYSTEMIC_AFTER = 100  # events; a share is not judged on fewer while the stream goes on


@dataclass(slots=True)
class DecryptReport:
    """What a decryption did.

    `rejected` counts lines of all kinds that were not believed, `failed_events` the events among
    them; `reason` is that of the last one.
    """

    events: int = 0
    failed_events: int = 0
    rejected: int = 0
    reason: str = ""


class OpenedEvent(NamedTuple):
    """An event, opened and verified.

    Attributes:
        event: as it was before encryption, but for dropped fields.
        view: as questions and detections see it: values in canonical form, derived fields too.
            The same object as `event` where nothing differs.
        plan: of its epoch and profile.
    """

    event: dict[str, Any]
    view: dict[str, Any]
    plan: Plan

    @property
    def derived(self) -> dict[str, Any]:
        """The derived fields that it has, by path, in canonical form."""
        paths = self.plan.profile.derive
        return {path: self.view[path] for path in paths if path in self.view}


@dataclass(frozen=True, slots=True)
class DecryptReject:
    """A wire line that was not believed, and why."""

    line: int
    reason: str
    raw: bytes


class Decoder:
    """Opens events, and verifies headers and value records, of every epoch of a ring.

    Headers are taken in with `header` (or come with a stream) before the events they describe.
    """

    def __init__(
        self,
        ring: Ring,
        *,
        on_reject: Callable[[DecryptReject], None] = lambda reject: None,
    ) -> None:
        self.report = DecryptReport()
        self._ring = ring
        self._on_reject = on_reject
        self._plans: dict[tuple[str, str], Plan] = {}
        self._openers: dict[Plan, Opener] = {}
        self._value_tags: dict[tuple[str, str], ValueTag] = {}
        self._unknown: UnknownEpochError | None = None

    def header(self, header: BatchHeader) -> Plan:
        """Verify a header and make its profile known.

        Raises:
            WrongKeyError: the ring does not hold the epoch, or holds another key of that name.
            IntegrityError: the header was altered.
        """
        keys = self._ring.epoch(header.kid, decode_bytes(header.kcv))
        known = (header.kid, header.profile)
        plan = self._plans.get(known)
        if self._ring.grants(labels.SEAL_KEYSPACE):
            tag = HeaderTag(keys) if plan is None else plan.header_tag
            tag.verify(header)
        if header.tenant != self._ring.tenant:
            raise IntegrityError(
                f"the data is of tenant {header.tenant!r}, the ring of {self._ring.tenant!r}",
                "use the ring of that tenant",
            )
        if plan is None:
            profile = open_profile(keys, header.edge)
            if profile.id(self._ring.tenant_key) != header.profile:
                # for a reader ring that can't check the tag this is what binds the two
                raise IntegrityError("a batch header names another profile", "check the store")
            plan = self._plans[known] = Plan(profile, keys, header.profile)
        return plan

    def plans(self) -> list[Plan]:
        """The plan of every (epoch, profile) taken in so far."""
        return list(self._plans.values())

    def plan(self, kid: str, profile: str) -> Plan:
        """The plan of an epoch and profile whose header was taken in.

        Raises:
            IntegrityError: it was not.
            WrongKeyError: the ring does not hold the epoch.
        """
        if (plan := self._plans.get((kid, profile))) is None:
            self._ring.epoch(kid)
            raise IntegrityError(
                "an event's batch header is missing",
                "take it from the store that the batch went to: zt decrypt -s STORE",
            )
        return plan

    def value(self, line: ValueLine) -> None:
        """Verify a value record; one that a reader ring can't verify it does not need either.

        Raises:
            IntegrityError: it was altered.
            WrongKeyError: the ring does not hold its epoch.
        """
        record = line.record
        if (tag := self.value_tag(record.kid, record.keyspace)) is not None:
            tag.verify(record)

    def value_tag(self, kid: str, keyspace: str) -> ValueTag | None:
        """What verifies the value records of a keyspace; None if the ring does not open it.

        Raises:
            WrongKeyError: the ring does not hold the epoch.
        """
        known = (kid, keyspace)
        if (tag := self._value_tags.get(known)) is None:
            keys = self._ring.epoch(kid)
            if not keys.grants(keyspace):
                return None
            if len(self._value_tags) >= KEYSPACES:  # a store can invent any number
                self._value_tags.clear()
            tag = self._value_tags[known] = ValueTag(keys.keyspace(keyspace))
        return tag

    def opener(self, plan: Plan) -> Opener:
        """What opens the events of one of its plans by column."""
        if (opener := self._openers.get(plan)) is None:
            opener = self._openers[plan] = Opener(plan)
        return opener

    def event(self, line: EventLine) -> dict[str, Any]:
        """The event as it was before encryption, but for dropped fields.

        Raises:
            IntegrityError: it was altered, or its header is unknown.
            WrongKeyError: the ring does not hold its epoch.
        """
        return self.open(line).event

    def open(self, line: EventLine) -> OpenedEvent:
        """The event as it was, and as questions see it.

        With a reader ring it has the fields that the ring opens. Without the grant of hidden
        fields, `event` is the view: originals are hidden too.

        Raises:
            IntegrityError, WrongKeyError: see `event`.
            GrantError: the ring can't verify events.
        """
        meta = line.meta
        plan = self.plan(meta.kid, meta.profile)
        plan.seal.verify(line.body, meta)
        view = _reveal(line.body, (), plan)
        if not plan.opens_hidden:
            return OpenedEvent(view, view, plan)
        hidden = plan.blob.open(meta.opaque, meta.id)
        event = view
        if hidden.originals or plan.profile.derive:
            event = _copy(view)
            for path in plan.profile.derive:
                if event.pop(path, None) is None and occupies(event, path):
                    raise respelled()
            for keys, index, value in hidden.originals:
                if plan.opens(".".join(keys)):
                    replace(event, keys, index, value)
            put_all(view, hidden.entries)
        put_all(event, hidden.entries)
        return OpenedEvent(event, view, plan)

    def decrypt(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """The events of a wire stream; what fails goes to `on_reject`, and the rest comes out.

        Raises:
            KeyCheckError: the ring has the twin of one of the stream's epochs; nothing that
                comes after that header is believed.
            UnknownEpochError: the ring holds none of the epochs of the events that came.
            VersionError: the stream speaks another version of the wire.
            SystemicError: more than half of the events failed.
            GrantError: the ring can't verify events.
        """
        batches = cut(lines, len, CHUNK, CHUNK_BYTES)
        return chain.from_iterable(self.decrypt_batches(batches))

    def decrypt_batches(self, batches: Iterable[Sequence[bytes]]) -> Iterator[list[dict[str, Any]]]:
        """The same for batches of lines, as the one who reads the stream cuts them.

        Yields:
            The events of some lines; what was verified before an error comes before it.

        Raises:
            KeyCheckError, UnknownEpochError, VersionError, SystemicError, GrantError: see
                `decrypt`.
        """
        self._ring.require(labels.SEAL_KEYSPACE)
        number = 0
        for batch in batches:
            for lines in cut(batch, len, CHUNK, CHUNK_BYTES):
                events, stopped = self._decrypted(lines, number)
                yield events
                if stopped is not None:
                    raise stopped
                number += len(lines)
        self._check_share(1)
        if self._unknown is not None and not self.report.events:
            raise self._unknown

    def _decrypted(
        self, lines: Sequence[bytes], number: int
    ) -> tuple[list[dict[str, Any]], Exception | None]:
        """The events among some lines, and what stops the stream there."""
        chunk = Chunk(self, lines, number)
        events: list[dict[str, Any]] = []
        for line, result in zip(chunk.lines, chunk.results, strict=True):
            if isinstance(result, dict):
                events.append(result)
                self.report.events += 1
            elif result is not None:
                if isinstance(result, UnknownEpochError) and self._unknown is None:
                    self._unknown = result
                self._reject(line, str(result))
            try:
                self._check_share(SYSTEMIC_AFTER)
            except (SystemicError, UnknownEpochError) as error:
                return events, error
        return events, chunk.stopped

    def _reject(self, line: HeaderLine | ValueLine | EventLine | BadLine, reason: str) -> None:
        self.report.rejected += 1
        self.report.failed_events += isinstance(line, EventLine | BadLine)
        self.report.reason = reason
        self._on_reject(DecryptReject(line.number, reason, line.raw))

    def _check_share(self, minimum: int) -> None:
        report = self.report
        total = report.events + report.failed_events
        if total < minimum or 2 * report.failed_events <= total:
            return
        if self._unknown is not None and not report.events:
            raise self._unknown
        raise SystemicError(
            f"{report.failed_events} of {total} events failed, so the run was stopped; "
            f"the last reason: {report.reason}",
            "check that ring and data belong together: zt-keys check",
        )


def _reveal(branch: dict[str, Any], above: Keys, plan: Plan) -> dict[str, Any]:
    """The visible part of an event, canonical values in the place of their ciphertexts.

    What a reader ring does not open is left out; in arrays null keeps its place.
    """
    event: dict[str, Any] = {}
    for key, value in branch.items():
        keys = (*above, key)
        if isinstance(value, dict) and value:
            if below := _reveal(value, keys, plan):
                event[key] = below
            continue
        try:
            event[key] = _reveal_field(".".join(keys), value, plan)
        except GrantError:
            continue
    return event


def _reveal_field(path: str, value: Any, plan: Plan) -> Any:
    field = plan.field(path)
    if field is None:
        raise IntegrityError(
            "an event has a visible field that its profile hides",
            "get the event again from where it was made",
        )
    if field.fallback is None:
        return value
    if isinstance(value, list) and value:
        return [None if item is None else _reveal_item(field, item) for item in value]
    return field.reveal(value)


def _reveal_item(field: FieldPlan, item: Any) -> Any:
    try:
        return field.reveal(item)
    except GrantError:  # a reader ring opens what was coarsened, not what didn't fit that
        return None


def _copy(value: Any) -> Any:
    """A copy whose containers can be changed without changing the original's."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
