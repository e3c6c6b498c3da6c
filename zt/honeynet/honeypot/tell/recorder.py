"""What a honeypot remembers of what it saw: events of the probe's schema, and sightings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from zt.honeynet.honeypot.listen.trust import Trust
from zt.honeynet.honeypot.tell.credentials import Credentials
from zt.honeynet.honeypot.tell.sightings import Sightings, kind_of, tool_of
from zt.honeynet.sighting import Kind
from zt.sip.capture import Datagram
from zt.sip.events import Event
from zt.sip.parse import Message, claims_sip, parse
from zt.sip.probe import Probe

TAG: Final = "honeynet"
AGENT_TYPE: Final = "zt-honeypot"
_RESPONSE: Final = b"SIP/2.0 "
_PROOFS: Final = 16_384  # nonces given out, and senders that gave one back

Send = Callable[[list[Event]], None]


class Observer(NamedTuple):
    """Which honeypot it is.

    Attributes:
        name: of the honeypot.
        region: where it stands, in the operator's own words; may be empty.
    """

    name: str
    region: str

    def fields(self) -> Event:
        """A fresh `observer` object, by ECS's names."""
        fields: Event = {"name": self.name}
        if self.region:
            fields["geo"] = {"name": self.region}
        return fields


class Recorder:
    """Shows a probe both directions of the honeypot's traffic, and counts who did what.

    The probe's rules, throttle and proofs hold here as anywhere: a flood becomes a few events, and
    a sender is proven once it answered a challenge that was sent to it, or speaks by a connection.
    Sightings don't wait for an outcome, as events do: the message itself is one. Nor does their
    proof depend on what the probe has time for: a flood can't make an attacker look unproven.

    No bytes make it raise, and memory is bounded by what it is given. It belongs to one thread, and
    knows no clock but the datagrams' and that of `advance`; events wait for the next `advance`, so
    that an answer to an attacker never waits for a way out.

    Args:
        probe: what makes events; its agent should be of `AGENT_TYPE`.
        observer: which honeypot it is.
        credentials: hashes what is tried.
        sightings: where to count; None: nobody asks.
        send: is given events.
    """

    def __init__(
        self,
        probe: Probe,
        observer: Observer,
        credentials: Credentials,
        sightings: Sightings | None,
        send: Send,
    ) -> None:
        self._probe = probe
        self._observer = observer
        self._credentials = credentials
        self._sightings = sightings
        self._send = send
        self._waiting: list[Event] = []
        self._trust = Trust(_PROOFS)
        self._now = 0  # microseconds; never goes back

    def seen(self, datagram: Datagram, message: Message | None = None) -> None:
        """Takes a message, of either direction, in the order in which they come and go.

        Args:
            datagram: what came, or was sent.
            message: the same, parsed, if somebody did that already.
        """
        payload = datagram.payload
        self._now = max(self._now, datagram.time)
        if payload.startswith(_RESPONSE):
            self._trust.give(_answered(datagram), payload, self._now)
        elif message is None and claims_sip(payload, datagram.src_port, datagram.dst_port):
            message = parse(payload)
        # first the probe: this very message may prove its sender
        self._waiting += self._probe.feed(datagram, message)
        if message is not None and not message.status:
            self._credentials.note(datagram, message)
            if self._sightings is not None:
                self._count(datagram, message, self._sightings)

    def advance(self, now: int) -> None:
        """Lets time pass, to microsecond `now` since 1970, and sends what was decided.

        Raises:
            Exception: what `send` raises.
        """
        self._waiting += self._probe.advance(now)
        self._trust.expire(self._now)
        self._flush()

    def finish(self) -> None:
        """Ends it: what is open gets its event, with that as its reason.

        Raises:
            Exception: what `send` raises.
        """
        self._waiting += self._probe.finish()
        self._flush()

    def give(self, events: list[Event]) -> None:
        """Takes events that the probe gave elsewhere, as when its settings change."""
        self._waiting += events

    def _count(self, datagram: Datagram, message: Message, sightings: Sightings) -> None:
        kind = kind_of(message)
        if kind is None or (datagram.cut and kind is Kind.BROKEN):  # what is missing was cut here
            return
        src, tool = datagram.src, tool_of(message)
        proven = self._trust.proves(datagram, message, self._now)
        proven = proven or self._probe.proven(src, datagram.dst)
        sightings.add(src, kind, proven=proven, moment=datagram.time, tool=tool)

    def _flush(self) -> None:
        events, self._waiting = self._waiting, []
        for event in events:
            event["observer"] = self._observer.fields()
            event["tags"] = [TAG]
            self._credentials.add_to(event)
        if events:
            self._send(events)


def _answered(reply: Datagram) -> Datagram:
    """A stand-in for the request that a reply answers: its two ends are all that counts.

    Of a response that a stranger sends, the ends show that the honeypot was asked, which proves
    nobody else.
    """
    return Datagram(
        reply.time, reply.dst, reply.dst_port, reply.src, reply.src_port, b"", reply.transport
    )
