"""What an event says about a request and its two ends: all that outlives the messages.

A call or binding may last for hours and there may be a hundred thousand of them, so they keep
a `Subject` instead of the messages that it was read from.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from zt.sip import parts
from zt.sip.fingerprint import fingerprint
from zt.sip.parse import Message
from zt.sip.scanners import signature


class Ends(msgspec.Struct, frozen=True, gc=False):
    """Who sent a request to whom; packed addresses."""

    client: bytes
    client_port: int
    server: bytes
    server_port: int
    transport: str


class Subject(msgspec.Struct, eq=False, gc=False):
    """A request as events tell it; texts are empty where there is nothing to tell.

    Attributes:
        contact: URI of the contact that it is about.
        to_tag: of the request, or of the response that gave one.
        fingerprint: of the software that sent it, see `zt.sip.fingerprint`.
        scanner: that it looks like, see `zt.sip.scanners`.
    """

    method: str
    uri: str
    from_uri: str
    to_uri: str
    contact: str
    pai: str
    call_id: str
    cseq: int
    from_tag: str
    to_tag: str
    user_agent: str
    username: str
    realm: str
    fingerprint: str
    scanner: str
    ends: Ends
    proven: bool


def subject(message: Message, ends: Ends, order: str, *, proven: bool) -> Subject:
    """Reads a request, or what can be read of a broken one.

    Args:
        message: the request.
        ends: who sent it to whom.
        order: of its headers, or an empty text where that says nothing.
        proven: the client's address is no mere claim.
    """
    username = realm = ""
    if message.credentials:
        username, realm = message.credentials[0].username, shared(message.credentials[0].realm)
    call_id, from_tag = message.call_id, message.from_tag
    # By position, since names would take as long again: every event begins here.
    return Subject(
        message.method,
        message.uri,
        message.from_uri,
        message.to_uri,
        first_contact(message),
        message.pai,
        call_id,
        message.cseq,
        from_tag,
        message.to_tag,
        shared(message.user_agent),
        username,
        realm,
        fingerprint(order, call_id, from_tag, message.branch) if order else "",
        signature(message) or "",
        ends,
        proven,
    )


def first_contact(message: Message) -> str:
    """The URI of a message's first contact, or an empty text."""
    found = parts.contacts(message.contacts[0]) if message.contacts else ()
    return found[0].uri if found else ""


@lru_cache(maxsize=4_096)
def shared(text: str) -> str:
    """The same text, held once for all who have it: there are few kinds of software."""
    return text
