"""The desk: every message passes here, and every reply. It knows no sockets.

Whatever the lure says, these hold:

- only requests are answered, and only to where they came from;
- a source that is not proven (`Trust`) gets at most one datagram for each it sent, and no longer
  one: whoever writes a stranger's address on its requests gains nothing;
- no more is answered than `ListenLimits` says, to one source and to all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from zt.honeynet.honeypot.listen.buckets import Bucket, Buckets
from zt.honeynet.honeypot.listen.counters import ListenCounters
from zt.honeynet.honeypot.listen.limits import ListenLimits
from zt.honeynet.honeypot.listen.partners import Answer, Answerer, Witness
from zt.honeynet.honeypot.listen.pending import LONGEST, Pending, Waiting, Way
from zt.honeynet.honeypot.listen.sources import refusal, source_of
from zt.honeynet.honeypot.listen.trust import Trust
from zt.sip import Datagram
from zt.sip.parse import claims_sip, parse

_RESPONSE: Final = b"SIP/"


class Desk:
    """Takes messages, has them written down and answered, and sends the replies in their time.

    Args:
        lure: says what is answered.
        recorder: writes down what came and what was sent.
        limits: how much is answered.
        clock: nanoseconds since 1970, for what is written down.
        now: microseconds that never go back, for what has to wait and for rates.
        counters: where to count.
    """

    def __init__(
        self,
        lure: Answerer,
        recorder: Witness,
        limits: ListenLimits,
        clock: Callable[[], int],
        now: Callable[[], int],
        counters: ListenCounters,
    ) -> None:
        self._lure = lure
        self._recorder = recorder
        self._clock = clock
        self._now = now
        self._counters = counters
        self._trust = Trust(limits.proofs)
        self._pending = Pending(limits)
        self._sources = Buckets(limits.answers_per_source, limits.sources)
        # by whether their senders are proven
        self._answers = (Bucket(limits.answers), Bucket(limits.answers))
        self._bytes = (Bucket(limits.answer_bytes), Bucket(limits.answer_bytes))

    def take(self, datagram: Datagram, way: Way) -> None:
        """A message came."""
        counters, payload = self._counters, datagram.payload
        counters.messages[datagram.transport] += 1
        counters.received_bytes += len(payload)
        if not claims_sip(payload, datagram.src_port, datagram.dst_port):
            counters.foreign += 1
            self._recorder.seen(datagram)
            return
        message = parse(payload)
        self._recorder.seen(datagram, message)
        if datagram.cut:
            counters.foreign += 1
            return
        if message.status or payload.lstrip(b"\r\n")[:4].upper() == _RESPONSE:
            counters.responses += 1
            return
        if reason := refusal(datagram):
            counters.refused[reason] += 1
            return
        now = self._now()
        proven = self._trust.proves(datagram, message, now)
        if self._is_limited(source_of(datagram.src), proven, now):
            return
        replies = self._lure.answer(message, datagram)
        if not proven:
            replies = self._withhold(replies, len(payload))
        for reply in replies:
            self._reply(Waiting(datagram, reply.payload, way), reply.delay, now)

    def advance(self, find_way: Callable[[Datagram], Way | None]) -> None:
        """Lets time pass: for the recorder, for what the lure sends late, for the tables.

        Args:
            find_way: the way to a request's sender, if there still is one.
        """
        now = self._now()
        since_1970 = self._clock() // 1_000
        for request, payload in self._lure.advance(since_1970):
            if not self._trust.holds(request):
                self._counters.withheld += 1
            elif (way := find_way(request)) is not None:
                self._reply(Waiting(request, payload, way), 0, now)
        self._recorder.advance(since_1970)
        self._trust.expire(now)
        self._sources.expire(now)

    def next(self) -> int:
        """When `send_due` has something to do next: microseconds, or `NEVER`."""
        return self._pending.next()

    def send_due(self) -> None:
        """Sends the replies whose time has come."""
        now = self._now()
        while (reply := self._pending.pop_due(now)) is not None:
            self._send(reply, now)

    def close(self) -> None:
        """Forgets what waits."""
        self._pending.clear()

    def sizes(self) -> dict[str, int]:
        """Entries of the tables."""
        return {
            "pending": len(self._pending),
            "sources": len(self._sources),
            "nonces": len(self._trust),
        }

    def _is_limited(self, source: bytes, proven: bool, now: int) -> bool:
        """Whether a request is not answered, since there were too many; else it is counted."""
        limited = self._counters.limited
        if not self._sources.take(source, now):
            limited["source"] += 1
            return True
        if not self._answers[proven].take(now):
            limited["all"] += 1
            return True
        return False

    def _withhold(self, replies: Sequence[Answer], size: int) -> Sequence[Answer]:
        """What may be sent to a source that is not proven, for a datagram of `size` bytes."""
        sent = [reply for reply in replies[:1] if len(reply.payload) <= size]
        self._counters.withheld += len(replies) - len(sent)
        return sent

    def _reply(self, reply: Waiting, delay: int, now: int) -> None:
        """Sends a reply at once, or when its time comes."""
        if delay <= 0:
            self._send(reply, now)
        elif not self._pending.add(reply, now + min(delay, LONGEST)):
            self._counters.overflowed += 1

    def _send(self, reply: Waiting, now: int) -> None:
        request, payload, way = reply
        if not self._bytes[self._trust.holds(request)].take(now, len(payload)):
            self._counters.limited["bytes"] += 1
            return
        if not way.send(payload):
            self._counters.unsent += 1
            return
        self._counters.replies[request.transport] += 1
        self._counters.sent_bytes += len(payload)
        if not request.connected:
            self._trust.give(request, payload, now)
        self._recorder.seen(
            Datagram(
                self._clock() // 1_000,
                request.dst,
                request.dst_port,
                request.src,
                request.src_port,
                payload,
                request.transport,
                connected=request.connected,
            )
        )
