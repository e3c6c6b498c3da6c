"""Bindings: which contact an address of record is registered at, and from where (RFC 3261 10).

A binding is (address of record, contact, source address). It lives as long as the registrar
grants in its 200, or else as long as the phone asked for, and a grace for phones that refresh
late; then it has expired. Refreshing one is no news; one that ran out and comes back is. Queries
(REGISTER without Contact) change nothing, and neither does removing what the probe does not know.

Bindings of clients that are not proven leave first when there are too many: a flood of forged
REGISTERs, even if a registrar accepts them, pushes out no real phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from zt.sip import parts
from zt.sip.parse import Message
from zt.sip.subject import Subject, subject
from zt.sip.tables import SECOND, DeadlineTable
from zt.sip.timers import Timers
from zt.sip.transactions import Transaction

_DEFAULT = 3_600  # seconds; RFC 3261 section 10.2 leaves it to the registrar, an hour is usual
_LONGEST = 24 * 3_600  # seconds; no sender makes the probe wait for longer
_MAX_BINDINGS = 32  # of one address of record

# address of record, contact, source address
_Key: TypeAlias = tuple[str, str, bytes]


class Change(Enum):
    """What a successful REGISTER did; the value is the event type."""

    NEW = "reg-new"
    DELETED = "reg-del"


@dataclass(slots=True, eq=False)
class Binding:
    """One contact of an address of record.

    Attributes:
        key: its name.
        subject: the REGISTER that created it.
        since: microseconds; time of that.
        status: of the response to it.
    """

    key: _Key
    subject: Subject
    since: int
    status: int


class Registrations:
    """The bindings known to the probe.

    Args:
        limit: bindings held; one that has to leave early would be news again.
        timers: the grace of bindings.

    Attributes:
        forgotten: bindings that left because there were too many.
    """

    def __init__(self, limit: int, timers: Timers) -> None:
        self._grace = timers.binding_grace * SECOND
        self._bindings: DeadlineTable[_Key, Binding] = DeadlineTable(limit)
        self._by_address: dict[str, dict[_Key, None]] = {}
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._bindings)

    def registered(
        self, transaction: Transaction, response: Message, time: int, now: int
    ) -> tuple[Change, str, Binding | None] | None:
        """Applies a REGISTER that got a 2xx at microsecond `time`.

        Returns:
            What changed, the first contact concerned, and the binding that was removed; None if
            nothing changed. A new binding goes before removed ones: a phone that moves may do both
            in one request.
        """
        request = transaction.request
        granted: dict[str, int | None] | None = None
        new = ""
        removed: list[Binding] = []
        for contact, asked in _contacts(request):
            key = (request.to_uri, contact, transaction.ends.client)
            if contact == "*":  # RFC 3261 section 10.2.2: all bindings of the address
                known = [*self._by_address.get(request.to_uri, ())]
                removed += [gone for one in known if (gone := self._remove(one))]
            elif asked == 0:
                if gone := self._remove(key):
                    removed.append(gone)
            else:
                if granted is None:
                    granted = dict(_contacts(response))
                lifetime = min(granted.get(contact) or asked or _DEFAULT, _LONGEST)
                deadline = now + lifetime * SECOND + self._grace
                if key in self._bindings:
                    self._bindings.move(key, deadline)
                    if transaction.proven:
                        self._bindings.confirm(key)
                else:
                    self._insert(key, transaction, response, time, deadline)
                    new = new or contact
        if new:
            return Change.NEW, new, None
        return (Change.DELETED, removed[0].key[1], removed[0]) if removed else None

    def expire(self, now: int) -> Iterator[tuple[int, Binding]]:
        """Removes and yields bindings that were not refreshed, with the time of their end."""
        for deadline, binding in self._bindings.expire(now):
            self._unlist(binding.key)
            yield deadline, binding

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return self._bindings.deadline()

    def _insert(
        self, key: _Key, transaction: Transaction, response: Message, time: int, deadline: int
    ) -> None:
        others = self._by_address.get(key[0], {})
        if len(others) >= _MAX_BINDINGS and self._remove(next(iter(others))):
            self.forgotten += 1
        about = subject(
            transaction.request, transaction.ends, transaction.order, proven=transaction.proven
        )
        about.contact = key[1]
        about.to_tag = response.to_tag
        binding = Binding(key, about, time, response.status)
        evicted = self._bindings.put(key, binding, deadline, confirmed=transaction.proven)
        if evicted is not None:
            self.forgotten += 1
            self._unlist(evicted.key)
        self._by_address.setdefault(key[0], {})[key] = None

    def _remove(self, key: _Key) -> Binding | None:
        binding = self._bindings.pop(key)
        if binding is not None:
            self._unlist(key)
        return binding

    def _unlist(self, key: _Key) -> None:
        others = self._by_address.get(key[0])
        if others is not None:
            others.pop(key, None)
            if not others:
                del self._by_address[key[0]]


def _contacts(message: Message) -> list[tuple[str, int | None]]:
    """Each contact with its lifetime in seconds, as its parameter or the Expires header says."""
    found: list[tuple[str, int | None]] = []
    for value in message.contacts:
        for uri, expires in parts.contacts(value):
            found.append((uri, message.expires if expires is None else expires))
    return found
