"""Events: what the probe tells the world, as nested JSON objects with sipcmbeat's field names.

| type | when |
|---|---|
| `reg-new`, `reg-del` | a REGISTER created, or removed, a binding |
| `auth-failed` | credentials were rejected |
| `call-start`, `call-end` | an INVITE was answered; its call ended by BYE |
| `call-attempt` | an INVITE failed, was cancelled or never answered |
| `other-ok`, `other-failed`, `other-timeout` | outcome of any other request outside a call |
| `msg-probe` | such a request, with a scanner's signature |
| `parse-error` | something that claims to be SIP and is none |

Fields, each absent where there is nothing to say:

| field | meaning |
|---|---|
| `@timestamp` | of the packet that decided it; of the deadline where none came |
| `type` | see above |
| `sip.from`, `sip.to`, `sip.contact` | URIs as they stood in the request, without name and tags |
| `sip.call_id`, `sip.cseq`, `sip.request.method` | of the request (of the BYE in a `call-end`) |
| `sip.request.uri` | Request-URI |
| `sip.response.status`, `sip.sip_reason` | of the final response |
| `sip.auth.username`, `sip.auth.realm` | of the credentials that the request came with |
| `sip.originator` | who ended a call: `caller-terminated` or `callee-terminated` |
| `user_agent.original`, `uas.original` | software of the client, and of the server |
| `client.ip`, `client.port`, `client.transport` | who sent the request (the caller, for a call) |
| `client.proven` | its address is no mere claim, see `zt.sip.auth` |
| `server.ip`, `server.port` | whom it was sent to |
| `event.reason` | what decided it where no response did, or what is wrong with a message |
| `event.signature` | the scanner that the request looks like |
| `event.messages`, `event.retransmissions` | packets of the transaction; repeats among them |
| `event.call_start`, `event.duration` | of a `call-end`: time of the 2xx; seconds to the BYE |
| `agent.type`, `agent.name`, `agent.version` | the probe |

`rate.ex_diff` is reserved for throttling. Passwords and digests never become part of an event.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from zt.sip import headers
from zt.sip.calls import Call
from zt.sip.capture import Datagram
from zt.sip.parse import Message
from zt.sip.scanners import signature
from zt.sip.transactions import Transaction

Event: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Agent:
    """Who made the events; given by the caller, since nothing is looked up on the host."""

    name: str
    version: str
    type: str = "zt-probe"

    def fields(self) -> Event:
        """A fresh `agent` object."""
        return {"type": self.type, "name": self.name, "version": self.version}


def outcome(
    agent: Agent,
    kind: str,
    time: int,
    transaction: Transaction,
    response: Message | None = None,
    *,
    reason: str = "",
    contact: str = "",
) -> Event:
    """The event of a transaction's outcome.

    Args:
        agent: who reports.
        kind: event type.
        time: microseconds; of the packet or deadline that decided it.
        transaction: what was decided, on the client's hop.
        response: its final response, if there was one.
        reason: what decided it otherwise.
        contact: the contact concerned, where it is not the request's first.
    """
    request = transaction.request
    event = _event(agent, kind, time, request, contact)
    event["client"] = _client(
        transaction.client, transaction.client_port, transaction.transport, transaction.proven
    )
    event["server"] = {"ip": ip_text(transaction.server), "port": transaction.server_port}
    if response is not None:
        event["sip"]["response"] = {"status": response.status}
        if response.reason:
            event["sip"]["sip_reason"] = response.reason
        if software := response.server or response.user_agent:
            event["uas"] = {"original": software}
    details: Event = {"messages": transaction.messages}
    if transaction.retransmissions:
        details["retransmissions"] = transaction.retransmissions
    if reason:
        details["reason"] = reason
    if scanner := signature(request):
        details["signature"] = scanner
    event["event"] = details
    return event


def call_end(
    agent: Agent, time: int, call: Call, bye: Transaction, response: Message | None, reason: str
) -> Event:
    """The event of a call's end: the caller's addresses and names, whoever sent the BYE."""
    event = outcome(agent, "call-end", time, call.invite, response, reason=reason)
    event["sip"]["request"]["method"] = bye.request.method
    event["sip"]["cseq"] = bye.request.cseq
    if call.ended_by_caller:
        event["sip"]["originator"] = "caller-terminated"
    else:
        event["sip"]["originator"] = "callee-terminated"
        # Here the callee sent the request, and the response is the caller's.
        event.pop("uas", None)
        if bye.request.user_agent:
            event["uas"] = {"original": bye.request.user_agent}
    details = event["event"]
    details["messages"] = bye.messages
    details.pop("retransmissions", None)
    if bye.retransmissions:
        details["retransmissions"] = bye.retransmissions
    details["call_start"] = timestamp(call.started)
    details["duration"] = max(call.ended - call.started, 0) / 1_000_000
    return event


def parse_error(agent: Agent, datagram: Datagram, message: Message, *, proven: bool) -> Event:
    """The event of a message that claims to be SIP and is none, with what could be read of it."""
    event = _event(agent, "parse-error", datagram.time, message, "")
    event["client"] = _client(datagram.src, datagram.src_port, datagram.transport, proven)
    event["server"] = {"ip": ip_text(datagram.dst), "port": datagram.dst_port}
    event["event"] = {"reason": message.error}
    if message.status:
        event["sip"]["response"] = {"status": message.status}
    if not event["sip"]:
        del event["sip"]
    return event


def _event(agent: Agent, kind: str, time: int, request: Message, contact: str) -> Event:
    sip: Event = {}
    if request.from_uri:
        sip["from"] = request.from_uri
    if request.to_uri:
        sip["to"] = request.to_uri
    if contact := contact or _first_contact(request):
        sip["contact"] = contact
    if request.call_id:
        sip["call_id"] = request.call_id
    if request.cseq:
        sip["cseq"] = request.cseq
    if request.method:
        sip["request"] = {"method": request.method}
        if request.uri:
            sip["request"]["uri"] = request.uri
    if request.credentials and (auth := _auth(request)):
        sip["auth"] = auth
    event: Event = {"@timestamp": timestamp(time), "type": kind, "sip": sip}
    if request.user_agent:
        event["user_agent"] = {"original": request.user_agent}
    event["agent"] = agent.fields()
    return event


def _client(address: bytes, port: int, transport: str, proven: bool) -> Event:
    return {"ip": ip_text(address), "port": port, "transport": transport, "proven": proven}


def _auth(request: Message) -> Event:
    credentials = request.credentials[0]
    fields = {"username": credentials.username, "realm": credentials.realm}
    return {name: text for name, text in fields.items() if text}


def _first_contact(request: Message) -> str:
    if not request.contacts:
        return ""
    values = headers.split_list(request.contacts[0])
    return headers.address(values[0]).uri if values else ""


def timestamp(time: int) -> str:
    """Microseconds since 1970 in RFC 3339, UTC: `2026-01-31T23:59:59.123456Z`."""
    seconds, fraction = divmod(time, 1_000_000)
    return f"{_second(seconds)}.{fraction:06d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


@lru_cache(maxsize=4_096)
def ip_text(address: bytes) -> str:
    """The text of a packed address; IPv6 compressed in lower case (RFC 5952)."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
