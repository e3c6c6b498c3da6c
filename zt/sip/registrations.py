"""Bindings: which contact an address of record is registered at, and from where (RFC 3261 10).

A binding is (address of record, contact, source address). It lives as long as the registrar
grants in its 200, or else as long as the phone asked for. Refreshing one is no news; one that
ran out and comes back is. Queries (REGISTER without Contact) change nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import TypeAlias

from zt.sip import headers
from zt.sip.parse import Message
from zt.sip.tables import SECOND, ExpiringTable
from zt.sip.transactions import Transaction

_DEFAULT = 3_600  # seconds; RFC 3261 section 10.2 leaves it to the registrar, an hour is usual
_GRACE = 32  # seconds; a refresh under way when the binding runs out is still a refresh
_LONGEST = 7 * 24 * 3_600  # seconds an address of record is remembered without refresh
_MAX_BINDINGS = 32  # of one address of record

# (contact, source address) -> microseconds at which the binding runs out
_Bindings: TypeAlias = dict[tuple[str, bytes], int]


class Change(Enum):
    """What a successful REGISTER did; the value is the event type."""

    NEW = "reg-new"
    DELETED = "reg-del"


class Registrations:
    """The bindings known to the probe.

    Args:
        limit: addresses of record held; the one refreshed longest ago is forgotten first, and so
            would be news again.
    """

    def __init__(self, limit: int) -> None:
        self._known: ExpiringTable[str, _Bindings] = ExpiringTable(_LONGEST * SECOND, limit)

    def registered(
        self, transaction: Transaction, response: Message, now: int
    ) -> tuple[Change, str] | None:
        """Applies a REGISTER that got a 2xx.

        Returns:
            What changed and the first contact concerned, or None if nothing did. A new binding
            goes before deleted ones: a phone that moves may do both in one request.
        """
        request = transaction.request
        bindings = self._known.get(request.to_uri) or {}
        granted = dict(_contacts(response))
        new: list[str] = []
        deleted: list[str] = []
        for contact, asked in _contacts(request):
            binding = (contact, transaction.client)
            if contact == "*":  # RFC 3261 section 10.2.2: all bindings of the address
                deleted += [known for known, _ in bindings]
                bindings.clear()
            elif asked == 0:
                if bindings.pop(binding, None) is not None:
                    deleted.append(contact)
            else:
                lifetime = granted.get(contact) or asked or _DEFAULT
                if bindings.pop(binding, 0) < now:
                    new.append(contact)
                if len(bindings) >= _MAX_BINDINGS:
                    del bindings[next(iter(bindings))]
                bindings[binding] = now + (lifetime + _GRACE) * SECOND
        if bindings:
            self._known.put(request.to_uri, bindings, now)
        else:
            self._known.pop(request.to_uri)
        if new:
            return Change.NEW, new[0]
        return (Change.DELETED, deleted[0]) if deleted else None

    def expire(self, now: int) -> None:
        """Forgets addresses that were not refreshed for very long."""
        for _ in self._known.expire(now):
            pass

    def deadline(self) -> int:
        """When `expire` has something to do next."""
        return self._known.deadline()


def _contacts(message: Message) -> list[tuple[str, int | None]]:
    """Each contact with its lifetime in seconds, as its parameter or the Expires header says."""
    found: list[tuple[str, int | None]] = []
    for value in message.contacts:
        for one in headers.split_list(value):
            uri, parameters = headers.address(one)
            expires = headers.number(headers.parameter(parameters, "expires"))
            found.append((uri, message.expires if expires is None else expires))
    return found
