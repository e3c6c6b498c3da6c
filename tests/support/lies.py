"""What a hostile cloud could write into its own store, without any key."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from analytics.store import open_store
from analytics.wire import Finding, Query, finding_id, parse_line
from keys import Ring
from support.house import House
from zt.query import Session
from zt.query.compile import visible_field


class Lies:
    """Each method tells one lie."""

    ALL: ClassVar[list[Callable[[Lies], None]]] = []

    def __init__(self, house: House) -> None:
        self.house = house

    def invented_finding(self) -> None:
        """An ordinary user is said to have guessed passwords, with genuine events of others."""
        genuine = self._finding("password-guessing")
        self._write([self._of(genuine, self._ordinary_group())])

    def invented_finding_with_own_events(self) -> None:
        """The same, with the ordinary user's own harmless events."""
        genuine = self._finding("password-guessing")
        group = self._ordinary_group()
        self._write([self._of(genuine, group, self._events_of(group[0]))])

    def groups_swapped(self) -> None:
        """Two findings get each other's groups."""
        first, second = self._findings("password-guessing")[:2]
        self._write([self._of(first, second.group), self._of(second, first.group)])

    def one_event_as_many(self) -> None:
        """The mistyped password of an ordinary user, presented four hundred times."""
        genuine = self._finding("password-guessing")
        group = self._group_of("203.0.113.25")
        one = self._events_of(group[0])[:1]
        self._write([self._of(genuine, group, one * 400)])

    def unknown_events(self) -> None:
        """Ids that no event has."""
        genuine = self._finding("password-guessing")
        self._write([self._of(genuine, self._ordinary_group(), ("A" * 22, "B" * 21 + "A"))])

    def other_job(self) -> None:
        """A scan's events under the job of password guessing, which wants proof of address."""
        scan, guess = self._finding("scanning"), self._finding("password-guessing")
        self._write([self._of(guess, scan.group, scan.events)])

    def unknown_version(self) -> None:
        """A finding of a job that the edge never pushed."""
        genuine = self._finding("password-guessing")
        self._write([genuine.model_copy(update={"version": "A" * 22, "id": "C" * 21 + "A"})])

    def broken_group(self) -> None:
        """A group that is no ciphertext."""
        self._write([self._of(self._finding("scanning"), ("198.51.100.126",))])

    def _findings(self, job: str) -> list[Finding]:
        with open_store(self.house.store) as store:
            return [finding for finding in store.findings() if finding.job == job]

    def _finding(self, job: str) -> Finding:
        return self._findings(job)[0]

    def _of(
        self, finding: Finding, group: tuple[str, ...], events: tuple[str, ...] | None = None
    ) -> Finding:
        start = finding.start + 1  # another window, so that the genuine finding stays
        name = finding_id(finding.job, finding.version, finding.kid, finding.profile, group, start)
        changed = {"id": name, "group": group, "start": start}
        return finding.model_copy(update=changed | ({"events": events} if events else {}))

    def _write(self, findings: list[Finding]) -> None:
        with open_store(self.house.store) as store:
            jobs = {job.id: job for job in store.jobs()}
            for finding in findings:
                job = jobs[finding.job]
                part = job.parts[0]
                store.write_findings(job, part, [finding], store.watermark(job, part))

    def _ordinary_group(self) -> tuple[str, ...]:
        return self._group_of("203.0.113.22")

    def _group_of(self, address: str) -> tuple[str, ...]:
        """The ciphertext of an address; the cloud would pick one by its frequency."""
        with open_store(self.house.store) as store:
            session = Session(Ring.open(self.house.ring), store)
            plan = session.plans[0]
            field = visible_field(plan, "client.ip")
            query = Query(kid=plan.kid, profile=plan.profile_id, group_by=("client.ip",))
            for row in store.query(query):
                if field.reveal_text(row.key[0]) == address:
                    return row.key
        raise AssertionError(f"{address} is not in the store")

    def _events_of(self, ciphertext: str) -> tuple[str, ...]:
        from analytics.wire import Eq, EventLine, Selection

        with open_store(self.house.store) as store:
            header = store.headers()[0]
            selection = Selection(
                kid=header.kid,
                profile=header.profile,
                filter=Eq(path="client.ip", value=ciphertext),
            )
            lines = [parse_line(raw) for raw in store.scan(selection)]
        return tuple(line.meta.id for line in lines if isinstance(line, EventLine))


Lies.ALL += [
    Lies.invented_finding,
    Lies.invented_finding_with_own_events,
    Lies.groups_swapped,
    Lies.one_event_as_many,
    Lies.unknown_events,
    Lies.other_job,
    Lies.unknown_version,
    Lies.broken_group,
]
