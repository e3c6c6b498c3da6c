"""The sampler: sheds messages before they are parsed, when one source sends too many.

Parsing is what a message costs most. Below its limits the sampler passes everything, and costs two
look-ups. Above, it passes one call in so many: requests and answers with the same Call-ID stay
together, so what passes is whole and gives right events. A forged Call-ID gains little, since what
passes above the limit is limited as well.

A request counts for its sender; an answer for its sender and receiver together, for a server that
answers everybody is no flood, and forged answers must not silence the server they are sent to.

Shed messages are counted in events of their own, `msg-shed`, by the back-off of all others: the
sum of `1 + rate.ex_diff` over them is the number of messages shed. `client.ip` is the sender of
requests, `server.ip` that of answers; neither is given where the sources were too many.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final
from zlib import crc32

from zt.sip.capture import Datagram
from zt.sip.events import Agent, Event, ip_text, timestamp
from zt.sip.tables import SECOND
from zt.sip.throttle.clock import Clock
from zt.sip.throttle.excess import Excess, rate_fields
from zt.sip.throttle.rates import Limit, Measure
from zt.sip.throttle.settings import SamplerSettings
from zt.sip.throttle.sources import Sources

KIND: Final = "msg-shed"
MAX_LEVEL: Final = 16
_CALL_ID: Final = (b"\nCall-ID:", b"\ni:", b"\nCall-Id:", b"\ncall-id:", b"\nCALL-ID:")


class _Shed:
    """What was shed of one source, or of all that have no place of their own.

    Attributes:
        excess: how much.
        who: its `client` or `server`, empty for all together.
        measure: its rate when a message was shed last.
        time: microseconds of capture; when that was.
    """

    __slots__ = ("excess", "measure", "name", "time", "who")

    def __init__(self, settings: SamplerSettings, name: str, who: Event) -> None:
        self.excess = Excess(settings.first, settings.step, settings.quiet * SECOND)
        self.name = name
        self.who = who
        self.measure: Measure | None = None
        self.time = 0

    def event(self, agent: dict[str, Any]) -> Event:
        """The report of all that is pending."""
        others = self.excess.settle() - 1
        rate = rate_fields(self.excess.count, others, self.measure, f"{KIND}:{self.name}")
        moment = {"@timestamp": timestamp(self.time), "type": KIND}
        return moment | self.who | {"agent": agent, "rate": rate}


class Sampler:
    """Says of each message whether it passes.

    Args:
        settings: limits and lists.
        agent: who makes the events.
        proven: whether a client's address is proven towards a server (`zt.sip.proofs`).

    Attributes:
        shed: messages that did not pass.
        sent: reports of them.
    """

    def __init__(
        self, settings: SamplerSettings, agent: Agent, proven: Callable[[bytes, bytes], bool]
    ) -> None:
        self._settings = settings
        self._agent = agent
        self._proven = proven
        self._clock = Clock()
        self._sources = Sources(settings.never_shed, settings.ipv6_prefix)
        self._rest_bits = 128 - settings.ipv6_prefix
        self._limit = settings.limit
        self._level = 0
        self._end = 0  # of the current second
        self._counts: dict[bytes, int] = {}  # messages in this second
        self._passed: dict[bytes, int] = {}  # of these, those that passed above the limit
        self._shed: OrderedDict[bytes, _Shed] = OrderedDict()  # shed from longest ago first
        self._all_others = _Shed(settings, "*", {})
        self.shed = 0
        self.sent = 0

    @property
    def level(self) -> int:
        """How much load is shed of everybody: at level n, one call in 2**n of unproven senders
        passes. 0, the normal level, sheds nothing. A live probe that lags sets it."""
        return self._level

    @level.setter
    def level(self, level: int) -> None:
        self._level = max(0, min(level, MAX_LEVEL))

    @property
    def pending(self) -> int:
        """Messages shed that no report stands for yet."""
        waiting = sum(one.excess.pending for one in self._shed.values())
        return waiting + self._all_others.excess.pending

    def sizes(self) -> dict[str, int]:
        """Entries of its tables."""
        return {"sampler_sources": len(self._counts), "sampler_shed": len(self._shed)}

    def passes(self, datagram: Datagram, out: list[Event]) -> bool:
        """Whether a message is to be parsed; if not, adds the report that is due, if one is."""
        now = self._clock.at(datagram.time)
        if now >= self._end:
            self._end = now - now % SECOND + SECOND
            self._counts.clear()
            self._passed.clear()
        answer = datagram.payload.startswith(b"SIP/")
        key = datagram.src
        if len(key) == 16:
            key = (int.from_bytes(key) >> self._rest_bits).to_bytes(16)
        if answer:
            key += datagram.dst
        counts = self._counts
        count = counts.get(key, 0) + 1
        if count > 1 or len(counts) < self._settings.sources:
            counts[key] = count
        if count <= self._limit and not self._level:
            return True
        return self._judge(datagram, key, count, answer, now, out)

    def advance(self, time: int) -> list[Event]:
        """Lets time pass; gives the reports of sources of which nothing more was shed lately."""
        now = self._clock.at(time)
        out: list[Event] = []
        while self._shed:
            key, shed = next(iter(self._shed.items()))
            if shed.excess.waits(now):
                break
            del self._shed[key]
            self._report(shed, out)
        if not self._all_others.excess.waits(now):
            self._report(self._all_others, out)
        return out

    def successor(self, settings: SamplerSettings) -> Sampler:
        """A sampler with other settings, which goes on with these totals; `finish` this before."""
        other = Sampler(settings, self._agent, self._proven)
        other._clock = self._clock
        other.shed, other.sent, other.level = self.shed, self.sent, self.level
        return other

    def finish(self) -> list[Event]:
        """Ends the capture: reports all that was shed."""
        out: list[Event] = []
        for shed in (*self._shed.values(), self._all_others):
            self._report(shed, out)
        self._shed.clear()
        return out

    def _judge(
        self,
        datagram: Datagram,
        key: bytes,
        count: int,
        answer: bool,
        now: int,
        out: list[Event],
    ) -> bool:
        """Decides where a source is over its limit, or the probe behind."""
        src, dst = ip_text(datagram.src), ip_text(datagram.dst)
        if self._sources.find(src).listed or (answer and self._sources.find(dst).listed):
            return True
        ends = (datagram.dst, datagram.src) if answer else (datagram.src, datagram.dst)
        proven = datagram.connected or self._proven(*ends)
        limit = self._limit * (self._settings.proven if proven else 1)
        if count > limit:
            passed = self._passed.get(key, 0)
            if passed < limit and _drawn(datagram.payload, count, self._settings.one_in):
                self._passed[key] = passed + 1
                return True
            shed = self._shed_of(key, datagram, answer, proven, out)
            shed.measure = Measure(count, Limit(SECOND, limit))
        elif proven or not self._level or _drawn(datagram.payload, count, 1 << self._level):
            return True
        else:
            shed = self._all_others
        self.shed += 1
        shed.time = datagram.time
        if shed.excess.add(1, now):
            self._report(shed, out)
        return False

    def _shed_of(
        self, key: bytes, datagram: Datagram, answer: bool, proven: bool, out: list[Event]
    ) -> _Shed:
        shed = self._shed.get(key)
        if shed is None:
            if len(self._shed) >= self._settings.reports:
                self._report(self._shed.popitem(last=False)[1], out)
            address = ip_text(datagram.src)
            who: Event = {"ip": address}
            if not answer:
                who["proven"] = proven
            name = self._sources.find(address).name
            shed = _Shed(self._settings, name, {"server" if answer else "client": who})
            self._shed[key] = shed
        else:
            self._shed.move_to_end(key)
        return shed

    def _report(self, shed: _Shed, out: list[Event]) -> None:
        if shed.excess.pending:
            self.sent += 1
            out.append(shed.event(self._agent.fields()))


def _drawn(payload: bytes, count: int, one_in: int) -> bool:
    """Whether a message is of the one call in so many that passes."""
    for name in _CALL_ID:
        start = payload.find(name)
        if start >= 0:
            start += len(name)
            end = payload.find(b"\n", start)
            call_id = payload[start : end if end >= 0 else None].strip()
            return crc32(call_id) % one_in == 0
    return count % one_in == 0
