"""Events: what the probe tells the world, as nested JSON objects with sipcmbeat's field names.

| type | when |
|---|---|
| `reg-new`, `reg-del`, `reg-expired` | a REGISTER created, or removed, a binding; it ran out |
| `auth-failed` | credentials were rejected |
| `call-start`, `call-end` | an INVITE was answered; its call ended by BYE or time-out |
| `call-attempt` | an INVITE failed, was cancelled or never answered |
| `other-ok`, `other-failed`, `other-timeout` | outcome of any other request outside a call |
| `msg-probe` | such a request, with a scanner's signature |
| `parse-error` | something that claims to be SIP and is none |
| `msg-shed` | messages were not even parsed, see `zt.sip.throttle` |
| `counters` | what was seen in a minute, see `zt.sip.throttle` |

Fields, each absent where there is nothing to say; `zt.sip.schema` has their types:

| field | meaning |
|---|---|
| `@timestamp` | of the packet that decided it; of the deadline where none came |
| `type` | see above |
| `sip.from`, `sip.to`, `sip.contact` | URIs as they stood in the request, without name and tags |
| `sip.pai1` | the first P-Asserted-Identity: who the caller is, says the network |
| `sip.fromtag`, `sip.totag` | tags of From and To; with `sip.call_id` they name the dialog |
| `sip.call_id`, `sip.cseq`, `sip.request.method` | of the request (of the BYE in a `call-end`) |
| `sip.request.sig` | fingerprint of the client's software, see `zt.sip.fingerprint` |
| `uri.original` | Request-URI |
| `sip.response.status`, `sip.sip_reason` | of the final response |
| `sip.response.last` | of the last response, where the final one was not seen |
| `sip.pdd` | post dial delay: milliseconds from the INVITE to the first sign of the callee |
| `sip.ring_time` | milliseconds from there to the final answer |
| `sip.auth.username`, `sip.auth.realm` | of the credentials that the request came with |
| `sip.originator` | `caller-terminated`, `callee-terminated` or `timeout-terminated` |
| `sip.unmatched_invite` | true: the call began before the capture, its start is not known |
| `user_agent.original`, `uas.original` | software of the client, and of the server |
| `client.ip`, `client.port`, `client.transport` | who sent the request (the caller, for a call) |
| `client.proven` | its address is no mere claim, see `zt.sip.proofs` |
| `server.ip`, `server.port` | whom it was sent to |
| `geoip.src`, `geoip.dst` | `iso_code` and `city_id` of client and server, see `zt.sip.geoip` |
| `event.reason` | what decided it where no response did, or what is wrong with a message |
| `event.signature` | the scanner that the request looks like |
| `event.messages`, `event.retransmissions` | packets of the transaction; repeats among them |
| `event.call_start`, `event.duration` | of a `call-end`: time of the 2xx; seconds to the end |
| `event.duration2` | of a `call-end`: seconds from the INVITE to the end |
| `event.lifetime` | of a `reg-del` or `reg-expired`: seconds that the binding existed |
| `rate` | of what the throttle held back, see `zt.sip.throttle` |
| `agent.type`, `agent.name`, `agent.version` | the probe |
| `tags` | `honeynet`: a honeypot saw it, see `zt.honeynet.honeypot`, which also adds: |
| `observer.name`, `observer.geo.name` | the honeypot, and the region where it stands |
| `sip.auth.tried` | salted hash of the credentials that the request came with |

Names are sipcmbeat's where it has one, as its users' dashboards ask for them; ECS has some of the
same (`client.ip`, `user_agent.original`). ECS's `client.address` would only repeat `client.ip`, and
the server's transport is the client's. Passwords and digests never become part of an event; what a
honeypot adds of them can't be turned back.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeAlias

from zt.sip.calls import Call
from zt.sip.capture import Datagram
from zt.sip.parse import Message
from zt.sip.registrations import Binding
from zt.sip.subject import Ends, Subject, subject
from zt.sip.transactions import Transaction

Event: TypeAlias = dict[str, Any]

_MICROSECONDS = 1_000_000


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
    about = subject(
        transaction.request, transaction.ends, transaction.order, proven=transaction.proven
    )
    if contact:
        about.contact = contact
    if response is not None and response.to_tag:
        about.to_tag = response.to_tag
    event = _event(agent, kind, time, about)
    sip = event["sip"]
    if response is not None:
        _answer(event, response)
    elif transaction.last:
        sip["response"] = {"last": transaction.last}
    if about.method == "INVITE":
        final = time if response is not None else 0
        _setup(sip, transaction.started, transaction.ringing, final)
    event["event"] = _details(transaction, reason, about)
    return event


def call_start(
    agent: Agent,
    time: int,
    call: Call,
    invite: Transaction,
    response: Message | None,
    reason: str = "",
) -> Event:
    """The event of an INVITE that was answered; `response` is None where the 2xx was lost."""
    event = _event(agent, "call-start", time, call.subject)
    if response is not None:
        _answer(event, response)
    else:
        event["sip"]["response"] = {"last": invite.last}
    _setup(event["sip"], invite.started, invite.ringing, time)
    event["event"] = _details(invite, reason, call.subject)
    return event


def call_end(
    agent: Agent,
    time: int,
    call: Call,
    bye: Transaction | None,
    response: Message | None,
    reason: str,
) -> Event:
    """The event of a call's end: the caller's addresses and names, whoever sent the BYE.

    Args:
        agent: who reports.
        time: microseconds; of the packet or deadline that decided it.
        call: what ended.
        bye: by which request, or None for a time-out.
        response: to the BYE, if there was one.
        reason: what decided it otherwise.
    """
    about = call.subject
    event = _event(agent, "call-end", time, about)
    sip = event["sip"]
    if call.software:
        event["uas"] = {"original": call.software}
    if bye is None:
        sip["response"] = {"last": call.last}
        event["event"] = {"reason": reason}
        originator, end = "timeout-terminated", time
    else:
        sip["request"]["method"] = bye.request.method
        sip["cseq"] = bye.request.cseq
        if response is not None:
            _answer(event, response, software=call.ended_by_caller)
        else:
            sip["response"] = {"last": bye.last or call.last}
        if not call.ended_by_caller and bye.request.user_agent:
            event["uas"] = {"original": bye.request.user_agent}
        event["event"] = _details(bye, reason, about)
        originator = "caller-terminated" if call.ended_by_caller else "callee-terminated"
        end = call.ended
    if call.running:
        sip["unmatched_invite"] = True
        if bye is None:
            sip["originator"] = originator
        return event
    sip["originator"] = originator
    _times(event, call, end)
    return event


def unmatched_end(agent: Agent, time: int, bye: Transaction, response: Message) -> Event:
    """The event of the end of a call of which only the BYE is known."""
    event = outcome(agent, "call-end", time, bye, response)
    event["sip"]["unmatched_invite"] = True
    return event


def late_start(agent: Agent, time: int, call: Call, reason: str) -> Event:
    """The event of a call whose INVITE was not seen."""
    event = _event(agent, "call-start", time, call.subject)
    event["sip"]["response"] = {"status": call.last}
    if call.software:
        event["uas"] = {"original": call.software}
    event["event"] = {"reason": reason}
    return event


def removed(event: Event, binding: Binding, time: int) -> None:
    """Adds how long a binding existed to the event of its removal."""
    event["event"]["lifetime"] = max(time - binding.since, 0) / _MICROSECONDS


def expired(agent: Agent, time: int, binding: Binding) -> Event:
    """The event of a binding that ran out at microsecond `time`."""
    event = _event(agent, "reg-expired", time, binding.subject)
    event["sip"]["response"] = {"last": binding.status}
    event["event"] = {"reason": "not refreshed in time"}
    removed(event, binding, time)
    return event


def parse_error(agent: Agent, datagram: Datagram, message: Message, *, proven: bool) -> Event:
    """The event of a message that claims to be SIP and is none, with what could be read of it."""
    ends = Ends(
        datagram.src, datagram.src_port, datagram.dst, datagram.dst_port, datagram.transport
    )
    event = _event(agent, "parse-error", datagram.time, subject(message, ends, "", proven=proven))
    event["event"] = {"reason": message.error}
    if message.status:
        event["sip"]["response"] = {"status": message.status}
    if not event["sip"]:
        del event["sip"]
    return event


def _event(agent: Agent, kind: str, time: int, about: Subject) -> Event:
    """What all events begin with."""
    sip: Event = {}
    event: Event = {"@timestamp": timestamp(time), "type": kind, "sip": sip}
    if about.from_uri:
        sip["from"] = about.from_uri
    if about.to_uri:
        sip["to"] = about.to_uri
    if about.contact:
        sip["contact"] = about.contact
    if about.pai:
        sip["pai1"] = about.pai
    if about.call_id:
        sip["call_id"] = about.call_id
    if about.from_tag:
        sip["fromtag"] = about.from_tag
    if about.to_tag:
        sip["totag"] = about.to_tag
    if about.cseq:
        sip["cseq"] = about.cseq
    if about.method:
        sip["request"] = {"method": about.method}
        if about.fingerprint:
            sip["request"]["sig"] = about.fingerprint
    if about.uri:
        event["uri"] = {"original": about.uri}
    if about.username or about.realm:
        auth = sip["auth"] = {}
        if about.username:
            auth["username"] = about.username
        if about.realm:
            auth["realm"] = about.realm
    if about.user_agent:
        event["user_agent"] = {"original": about.user_agent}
    ends = about.ends
    event["client"] = {
        "ip": ip_text(ends.client),
        "port": ends.client_port,
        "transport": ends.transport,
        "proven": about.proven,
    }
    event["server"] = {"ip": ip_text(ends.server), "port": ends.server_port}
    event["agent"] = agent.fields()
    return event


def _answer(event: Event, response: Message, *, software: bool = True) -> None:
    """Adds the final response; `software`: it was sent by the server's."""
    sip = event["sip"]
    sip["response"] = {"status": response.status}
    if response.reason:
        sip["sip_reason"] = response.reason
    if software and (name := response.server or response.user_agent):
        event["uas"] = {"original": name}


def _setup(sip: Event, invited: int, ringing: int, final: int) -> None:
    """Adds how long it took to ring and to answer; 0 for what did not happen."""
    if ringing or final:
        sip["pdd"] = max((ringing or final) - invited, 0) // 1_000
    if ringing and final:
        sip["ring_time"] = max(final - ringing, 0) // 1_000


def _times(event: Event, call: Call, end: int) -> None:
    """Adds when a call began and how long it was."""
    details = event["event"]
    details["call_start"] = timestamp(call.started)
    details["duration"] = max(end - call.started, 0) / _MICROSECONDS
    if call.invited:
        details["duration2"] = max(end - call.invited, 0) / _MICROSECONDS
        _setup(event["sip"], call.invited, call.ringing, call.started)


def _details(transaction: Transaction, reason: str, about: Subject) -> Event:
    details: Event = {"messages": transaction.messages}
    if transaction.retransmissions:
        details["retransmissions"] = transaction.retransmissions
    if reason:
        details["reason"] = reason
    if about.scanner:
        details["signature"] = about.scanner
    return details


def timestamp(time: int) -> str:
    """Microseconds since 1970 in RFC 3339, UTC: `2026-01-31T23:59:59.123456Z`."""
    seconds, fraction = divmod(time, _MICROSECONDS)
    return f"{_second(seconds)}.{fraction:06d}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")


@lru_cache(maxsize=4_096)
def ip_text(address: bytes) -> str:
    """The text of a packed address; IPv6 compressed in lower case (RFC 5952)."""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
