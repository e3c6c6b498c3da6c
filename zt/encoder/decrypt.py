"""Decrypting wire streams: every seal and tag is verified before anything is believed.

Headers and events that fail are handed to `on_reject` with the reason, the good ones come out.
A run in which more than half of the events fail stops: that is a wrong key or a broken store,
not damage to single events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from analytics.wire import (
    BadLine,
    BatchHeader,
    EventLine,
    HeaderLine,
    Keys,
    ValueLine,
    decode_bytes,
    read_stream,
)
from keys import KeysError, Ring, WrongKeyError
from zt.encoder.plan import Plan, open_profile
from zt.encoder.seal import HeaderTag, ValueTag
from zt.errors import IntegrityError, SystemicError, ZtError

SYSTEMIC_AFTER = 100  # events; a share is not judged on fewer while the stream goes on


@dataclass(slots=True)
class DecryptReport:
    """What a decryption did."""

    events: int = 0
    failed_events: int = 0
    rejected: int = 0
    reason: str = ""


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
        self._value_tags: dict[tuple[str, str], ValueTag] = {}

    def header(self, header: BatchHeader) -> Plan:
        """Verify a header and make its profile known.

        Raises:
            WrongKeyError: the ring does not hold the epoch, or holds another key of that name.
            IntegrityError: the header was altered.
        """
        keys = self._ring.epoch(header.kid, decode_bytes(header.kcv))
        HeaderTag(keys).verify(header)
        if header.tenant != self._ring.tenant:
            raise IntegrityError(
                f"the data is of tenant {header.tenant!r}, the ring of {self._ring.tenant!r}",
                "use the ring of that tenant",
            )
        known = (header.kid, header.profile)
        if (plan := self._plans.get(known)) is None:
            plan = Plan(open_profile(keys, header.edge), keys, header.profile)
            self._plans[known] = plan
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
        """Verify a value record.

        Raises:
            IntegrityError: it was altered.
            WrongKeyError: the ring does not hold its epoch.
        """
        record = line.record
        known = (record.kid, record.keyspace)
        if (tag := self._value_tags.get(known)) is None:
            keys = self._ring.epoch(record.kid)
            tag = self._value_tags[known] = ValueTag(keys.keyspace(record.keyspace))
        tag.verify(record)

    def event(self, line: EventLine) -> dict[str, Any]:
        """The event as it was before encryption, but for dropped fields.

        Raises:
            IntegrityError: it was altered, or its header is unknown.
            WrongKeyError: the ring does not hold its epoch.
        """
        meta = line.meta
        plan = self.plan(meta.kid, meta.profile)
        plan.seal.verify(line.body, meta)
        event = _reveal(line.body, (), plan)
        for keys, value in plan.blob.open(meta.opaque, meta.id):
            _put(event, keys, value)
        return event

    def decrypt(self, lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """The events of a wire stream; what fails goes to `on_reject`.

        Raises:
            WrongKeyError: the ring can't open the stream's epochs.
            VersionError: the stream speaks another version of the wire.
            SystemicError: more than half of the events failed.
        """
        for line in read_stream(lines):
            try:
                match line:
                    case HeaderLine():
                        self.header(line.header)
                    case ValueLine():
                        self.value(line)
                    case EventLine():
                        yield self.event(line)
                        self.report.events += 1
                    case BadLine():
                        self._reject(line, line.reason)
            except WrongKeyError:
                raise
            except (ZtError, KeysError) as error:
                self._reject(line, str(error))
            self._check_share(SYSTEMIC_AFTER)
        self._check_share(1)

    def _reject(self, line: HeaderLine | ValueLine | EventLine | BadLine, reason: str) -> None:
        self.report.rejected += 1
        self.report.failed_events += isinstance(line, EventLine | BadLine)
        self.report.reason = reason
        self._on_reject(DecryptReject(line.number, reason, line.raw))

    def _check_share(self, minimum: int) -> None:
        report = self.report
        seen = report.events + report.failed_events
        if seen >= minimum and report.failed_events > seen / 2:
            raise SystemicError(
                f"{report.failed_events} of {seen} events failed, so the run was stopped; "
                f"the last reason: {report.reason}",
                "check that ring and data belong together: zt-keys check",
            )


def _reveal(body: dict[str, Any], above: Keys, plan: Plan) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for key, value in body.items():
        keys = (*above, key)
        if isinstance(value, dict) and value:
            event[key] = _reveal(value, keys, plan)
            continue
        field = plan.visible.get(".".join(keys))
        if field is None:
            raise IntegrityError(
                "an event has a visible field that its profile hides",
                "get the event again from where it was made",
            )
        if isinstance(value, list) and value:
            event[key] = [None if item is None else field.scheme.reveal(item) for item in value]
        else:
            event[key] = field.scheme.reveal(value)
    return event


def _put(event: dict[str, Any], keys: Keys, value: Any) -> None:
    """Put a hidden field back into its place.

    The seal does not tell nested from dotted spelling, so a store could respell a visible field
    to stand where a hidden one belongs; neither may then silently win.

    Raises:
        IntegrityError: something else is in that place.
    """
    branch: Any = event
    for key in keys[:-1]:
        branch = branch.setdefault(key, {})
        if not isinstance(branch, dict):
            break
    if not isinstance(branch, dict) or keys[-1] in branch:
        raise IntegrityError(
            "an event's visible fields stand where hidden ones belong: its keys were respelled",
            "get the event again from where it was made, and ask who could write the store",
        )
    branch[keys[-1]] = value
