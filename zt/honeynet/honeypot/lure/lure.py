"""The lure: what a honeypot answers, so that attackers take it for a PBX and stay.

    scans       OPTIONS is answered; REGISTER tells extensions that exist from those that don't
    guesses     credentials are checked; some extensions have passwords that guessing finds
    calls       whoever knows a password may dial: it rings, and is busy, or is answered in the end
    the rest    refused, as a PBX does

Nothing is behind it: no call is placed, nothing is relayed, stored or looked up.

**It can't be turned against others.** Over UDP a source address is a claim. To a source that is not
proven (no established connection, no credentials with a nonce that was sent to that very address)
there is one reply at most, and it has no more bytes than the request: what does not fit is left
out, or not sent at all. Replies go where the request came from, whatever its Via, Contact or Route
headers say. Responses are never answered, so two honeypots can't keep each other busy.

**It holds next to nothing.** Nonces and tags are MACs (`marks`); only calls of proven sources are
remembered, a bounded number of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Final

import msgspec

from zt.honeynet.honeypot.lure import digest, sdp
from zt.honeynet.honeypot.lure.calls import Call, Calls, Key, Late
from zt.honeynet.honeypot.lure.digest import Credentials
from zt.honeynet.honeypot.lure.extensions import extensions
from zt.honeynet.honeypot.lure.luring import LureSettings
from zt.honeynet.honeypot.lure.marks import Marks, Verdict
from zt.honeynet.honeypot.lure.personality import Answer, Personality
from zt.honeynet.honeypot.lure.replies import (
    Line,
    Rank,
    Reply,
    challenge,
    header,
    repeated,
    status_line,
    text_of,
    write,
)
from zt.honeynet.honeypot.lure.request import Request, read
from zt.sip import Datagram, headers, parts
from zt.sip.parse import Message
from zt.sip.tables import SECOND

__all__ = ["Late", "Lure", "LureSettings", "Reply"]

_MAX_CONTACTS: Final = 4
_MAX_CSEQ: Final = 0xFFFF_FFFF
_CONTACT = re.compile(r"[A-Za-z]{1,10}:[!#-;=?-~]{1,500}")  # a URI that can stand in brackets
# What is broken in a way that a server still answers, and how.
_BROKEN: Final = {
    "not SIP version 2.0": 505,
    "malformed Request-URI": 400,
    "CSeq names another method": 400,
}
_AFTER_LOGIN: Final = {"MESSAGE": 202, "SUBSCRIBE": 489, "PUBLISH": 489}
_FORBIDDEN: Final = 403


class _Ask(msgspec.Struct, gc=False):
    """A request, whence it came, and how far it is believed."""

    message: Message
    datagram: Datagram
    request: Request
    credentials: tuple[tuple[Credentials, Verdict], ...]
    is_proven: bool
    tag: str

    def key(self) -> Key:
        """Of the call that it is about."""
        at = self.datagram
        return Key(at.src, at.src_port, at.transport, self.request.call_id, self.message.from_tag)


class _Login(Enum):
    """What came of credentials."""

    NONE = 0  # there are none with a nonce of ours
    STALE = 1
    WRONG = 2
    PASSED = 3


class Lure:
    """Answers as a PBX would.

    Args:
        personality: which one.
        secret: at least 16 random bytes that nobody else knows. Honeypots that share an address
            share them; a new secret changes the random passwords.
        settings: of extensions, passwords and calls.
    """

    def __init__(
        self, personality: Personality, *, secret: bytes, settings: LureSettings | None = None
    ) -> None:
        self._settings = settings = settings or LureSettings()
        self._look = personality
        self._marks = Marks(secret, settings.nonce_life, personality.nonce)
        self._calls = Calls(settings.calls, settings.calls_of_one, settings.call_life)
        self._now = 0
        known = extensions(settings.extensions or personality.extensions)
        guessable = settings.guessable if settings.extensions else personality.guessable
        self._passwords: dict[bytes, bytes] = {}
        for name in known:
            drawn = f"{self._marks.number(b'password', name.encode()):016x}"
            self._passwords[name.encode()] = guessable.get(name, drawn).encode()
        self._software = header(personality.software_header, personality.software, Rank.SOFTWARE)
        self._allow = header("Allow", ", ".join(personality.allow), Rank.ALLOW)
        self._supported = _optional("Supported", personality.supported, Rank.SUPPORTED)
        self._accept = _optional("Accept", personality.accept, Rank.ACCEPT)
        self._allow_events = _optional("Allow-Events", personality.allow_events, Rank.EVENTS)
        self._rules: dict[str, Callable[[_Ask], list[Reply]]] = {
            "OPTIONS": self._options,
            "REGISTER": self._register,
            "INVITE": self._invite,
            "CANCEL": self._cancel,
            "BYE": self._bye,
        }

    def answer(self, message: Message, datagram: Datagram) -> list[Reply]:
        """What is sent back to the source of a message; nothing for most of what is broken.

        Args:
            message: the datagram's payload, as `zt.sip.parse` reads it.
        """
        self._now = now = max(self._now, datagram.time)
        if message.status or (message.error and message.error not in _BROKEN):
            return []
        request = read(datagram.payload)
        if request is None:
            return []
        if message.method == "ACK":
            self._acknowledge(message, datagram, request)
            return []
        seen = [digest.read(one) for one in request.credentials]
        credentials = tuple(
            [(one, self._marks.verdict(one.nonce, datagram, now)) for one in seen if one]
        )
        ask = _Ask(
            message,
            datagram,
            request,
            credentials,
            datagram.connected or any(verdict is Verdict.GOOD for _, verdict in credentials),
            self._look.tag_prefix + self._marks.tag(datagram, request.call_id, message.from_tag),
        )
        if message.error:
            if not _has_identity(message, request):
                return []
            return self._send(ask, status_line(_BROKEN[message.error]))
        return self._rules.get(message.method, self._other)(ask)

    def advance(self, now: int) -> list[Late]:
        """Replies to earlier requests of proven sources that are due by now; call it often."""
        self._now = max(self._now, now)
        return self._calls.advance(self._now)

    def deadline(self) -> int:
        """When `advance` has something to do next, in microseconds since 1970."""
        return self._calls.deadline()

    def sizes(self) -> Mapping[str, int]:
        """How much is remembered, for figures."""
        return {"calls": len(self._calls)}

    def _options(self, ask: _Ask) -> list[Reply]:
        return self._send(ask, status_line(200), self._contact(ask), *self._abilities())

    def _register(self, ask: _Ask) -> list[Reply]:
        user = headers.user(ask.message.to_uri).encode()
        if user not in self._passwords:
            return self._refuse(ask, self._look.unknown_user)
        login = self._login(ask, user)
        if login is not _Login.PASSED:
            return self._challenge(ask, login, self._look.register_challenge)
        return self._send(ask, status_line(200), *self._bindings(ask.message))

    def _invite(self, ask: _Ask) -> list[Reply]:
        message = ask.message
        call = self._calls.get(ask.key())
        if message.to_tag:
            if call is None or message.to_tag != ask.tag or not call.is_answered:
                return self._send(ask, status_line(481))
            body = self._session(ask)
            return self._accepted(ask, body) if body else self._send(ask, status_line(488))
        if call is not None and call.branch == _branch(message) and call.cseq == message.cseq:
            return [Reply(call.last)]
        login = self._login(ask)
        if login is not _Login.PASSED:
            return self._challenge(ask, login, self._look.other_challenge)
        number = headers.user(message.uri)
        if not number:
            return self._send(ask, status_line(404))
        if not self._calls.has_room(ask.datagram.src):
            return self._send(ask, status_line(486))
        body = self._session(ask)
        if body is None:
            return self._send(ask, status_line(488))
        return self._ring(ask, number, body)

    def _ring(self, ask: _Ask, number: str, body: bytes) -> list[Reply]:
        """Begins a call; how it ends hangs on the number alone."""
        settings, message = self._settings, ask.message
        luck = self._marks.number(b"fate", number.encode())
        fate, pace = luck % 100, (luck >> 32) % 1_000
        wait = settings.ring * SECOND * (1_000 + 2 * pace) // 1_000
        is_answered = fate >= settings.busy + settings.unanswered
        if is_answered:
            final = self._accepted(ask, body)
        elif fate < settings.busy:
            final = self._send(ask, status_line(486))
        else:
            final = self._send(ask, status_line(480))
            wait = settings.unanswered_after * SECOND
        (trying,) = self._send(ask, status_line(100), has_tag=False)
        (ringing,) = self._send(ask, status_line(180), self._contact(ask))
        (terminated,) = self._send(ask, status_line(487))
        call = Call(
            ask.key(),
            msgspec.structs.replace(ask.datagram, payload=b""),
            _branch(message),
            message.cseq,
            ringing.payload,
            final[0].payload,
            terminated.payload,
            wait,
            is_answered,
            trying.payload,
        )
        self._calls.begin(call, self._now)
        return [trying]

    def _cancel(self, ask: _Ask) -> list[Reply]:
        call = self._calls.get(ask.key())
        message = ask.message
        if call is None or (call.branch, call.cseq) != (_branch(message), message.cseq):
            return self._send(ask, status_line(481))
        done = self._send(ask, status_line(200))
        terminated = self._calls.cancel(call, self._now)
        return [*done, Reply(terminated)] if terminated else done

    def _bye(self, ask: _Ask) -> list[Reply]:
        if ask.message.to_tag != ask.tag or not self._calls.end(ask.key()):
            return self._send(ask, status_line(481))
        return self._send(ask, status_line(200))

    def _acknowledge(self, message: Message, datagram: Datagram, request: Request) -> None:
        place = datagram.src, datagram.src_port, datagram.transport
        call = self._calls.get(Key(*place, request.call_id, message.from_tag))
        if call is not None and call.cseq == message.cseq:
            self._calls.acknowledge(call, self._now)

    def _other(self, ask: _Ask) -> list[Reply]:
        method, look = ask.message.method, self._look
        if ask.message.to_tag:
            is_known = ask.message.to_tag == ask.tag and self._calls.get(ask.key()) is not None
            return self._send(ask, status_line(200 if is_known else 481))
        if method in look.challenged:
            login = self._login(ask)
            if login is not _Login.PASSED:
                return self._challenge(ask, login, look.other_challenge)
            return self._send(ask, status_line(_AFTER_LOGIN.get(method, _FORBIDDEN)))
        if method in look.allow:
            return self._send(ask, status_line(481))
        return self._refuse(ask, look.unsupported)

    def _login(self, ask: _Ask, user: bytes | None = None) -> _Login:
        """Looks at a request's credentials; `user` is the only one that may log in, if given."""
        found = _Login.NONE
        for credentials, verdict in ask.credentials:
            if verdict is Verdict.GOOD:
                name = credentials.username
                password = self._passwords.get(name) if user in (None, name) else None
                offered, realm = self._look.algorithms, self._look.realm
                method = ask.message.method
                # Names that don't exist cost as much time as those that do.
                fits = digest.fits(credentials, realm, password or b"", method, offered)
                if fits and password is not None:
                    return _Login.PASSED
                found = _Login.WRONG
            elif verdict is Verdict.STALE and found is _Login.NONE:
                found = _Login.STALE
        return found

    def _challenge(self, ask: _Ask, login: _Login, status: int) -> list[Reply]:
        """Asks for credentials, or says that they are wrong."""
        look = self._look
        if login is _Login.WRONG and look.wrong_password is not None:
            return self._refuse(ask, look.wrong_password)
        nonce = self._marks.nonce(ask.datagram, self._now)
        more = ""
        if look.opaque:
            more += f', opaque="{self._marks.number(b"opaque", nonce.encode()):016x}"'
        if login is _Login.STALE:
            more += ", stale=true"
        if look.qop:
            more += ', qop="auth"'
        lines = [challenge(status, look.realm, nonce, name, more) for name in look.algorithms]
        return self._send(ask, status_line(status), self._allow, self._supported, *lines)

    def _refuse(self, ask: _Ask, answer: Answer) -> list[Reply]:
        return self._send(
            ask, status_line(answer.status, answer.reason), self._allow, self._supported
        )

    def _accepted(self, ask: _Ask, body: bytes) -> list[Reply]:
        kind = header("Content-Type", "application/sdp")
        lines = status_line(200), self._contact(ask), self._allow, self._supported, kind
        return self._send(ask, *lines, body=body)

    def _send(
        self, ask: _Ask, status: Line, *lines: Line, body: bytes = b"", has_tag: bool = True
    ) -> list[Reply]:
        """One reply, or none if it can't be as short as its receiver's standing wants it."""
        echo = repeated(ask.request, ask.datagram, ask.tag if has_tag else "")
        room = None if ask.is_proven else len(ask.datagram.payload)
        payload = write([status, *echo, self._software, *lines], body, room)
        return [Reply(payload)] if payload is not None else []

    def _abilities(self) -> tuple[Line, ...]:
        return self._allow, self._supported, self._accept, self._allow_events

    def _contact(self, ask: _Ask) -> Line:
        transport = ask.datagram.transport
        suffix = "" if transport == "UDP" else f";transport={transport.lower()}"
        address = self._address(ask)
        host = f"[{address}]" if ":" in address else address
        return header("Contact", f"<sip:{host}:{ask.datagram.dst_port}{suffix}>", Rank.CONTACT)

    def _address(self, ask: _Ask) -> str:
        return self._settings.address or text_of(ask.datagram.dst)

    def _session(self, ask: _Ask) -> bytes | None:
        look = self._look
        number = self._marks.number(b"session", ask.request.call_id)
        party = sdp.Party(self._address(ask), look.session_user, look.session, number)
        return sdp.answer(ask.request.body, party)

    def _bindings(self, message: Message) -> list[Line]:
        """The contacts that were registered, with the seconds that they hold."""
        lines: list[Line] = []
        for value in message.contacts:
            for uri, expires in parts.contacts(value):
                wanted = expires if expires is not None else message.expires
                seconds = min(self._look.expires if wanted is None else wanted, self._look.expires)
                if seconds and _CONTACT.fullmatch(uri) and len(lines) < _MAX_CONTACTS:
                    lines.append(header("Contact", f"<{uri}>;expires={seconds}"))
        return lines


def _has_identity(message: Message, request: Request) -> bool:
    """Whether a broken request says what a response must repeat."""
    cseq = parts.cseq(request.cseq.decode(errors="replace"))
    is_cseq = cseq.method and cseq.number <= _MAX_CSEQ
    return bool(is_cseq and message.from_uri and message.to_uri and message.call_id)


def _branch(message: Message) -> str:
    """What tells its transaction from others."""
    return message.branch or message.via


def _optional(name: str, value: str, rank: Rank) -> Line:
    return header(name, value, rank) if value else Line(b"", rank)
