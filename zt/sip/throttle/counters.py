"""`counters` events: what came and what became of it, whatever was throttled.

One is made a minute, at the minutes of capture time; after a gap one covers all of it. Every number
is what happened since the last one, so a sum over any time is right; only `tables` says how it is.
What is zero is absent.

| field | counts |
|---|---|
| `counters.seconds` | seconds of capture time that it covers |
| `counters.messages` | datagrams that reached the probe, shed ones included |
| `counters.requests.METHOD`, `counters.responses.2xx` | of these, by how they begin |
| `counters.shed` | of these, shed before they were parsed |
| `counters.sip.*` | what the rest was, by the names of `zt.sip.Stats`; `not_sip`: keep-alives |
| `counters.events.made.TYPE` | events before the throttle |
| `counters.events.sent.TYPE` | events sent, those over all sources included |
| `counters.events.suppressed.TYPE` | what these stand for beside themselves, `rate.ex_diff` |
| `counters.tables.*` | entries of tables |
| `counters.NAME.*` | what else a source counts, for instance `capture`: packets, drops |
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from zt.sip.events import Agent, Event, timestamp
from zt.sip.tables import SECOND

KIND: Final = "counters"
_OUT_OF_ORDER: Final = 60 * SECOND
_CLASSES: Final = {b"%d" % n: f"{n}xx" for n in range(1, 7)}
_METHODS: Final = {
    method[:4].ljust(4).encode(): method
    for method in (
        "REGISTER", "INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "SUBSCRIBE", "NOTIFY",
        "MESSAGE", "PUBLISH", "INFO", "PRACK", "REFER", "UPDATE",
    )
}  # fmt: skip

Reading = Mapping[str, Any]  # names to numbers, or to such mappings


class Counters:
    """Makes `counters` events.

    Args:
        agent: who makes them.
        every: seconds from one to the next.
    """

    def __init__(self, agent: Agent, every: int) -> None:
        self._agent = agent
        self._period = every * SECOND
        self._since = -1
        self._due = 0
        self._messages = 0
        self._requests: dict[str, int] = {}
        self._responses: dict[str, int] = {}
        self._growing: list[tuple[str, Callable[[], Reading]]] = [("", self._traffic)]
        self._states: list[tuple[str, Callable[[], Mapping[str, int]]]] = []
        self._last: list[Reading] = [{}]

    def include(self, name: str, read: Callable[[], Reading]) -> None:
        """Adds counters that only grow, as `counters.NAME`; `read` gives them as of now.

        Without a name they stand in `counters` itself.
        """
        self._growing.append((name, read))
        self._last.append({})

    def include_states(self, name: str, read: Callable[[], Mapping[str, int]]) -> None:
        """Adds numbers that are given as they are, as `counters.NAME`."""
        self._states.append((name, read))

    def count(self, payload: bytes) -> None:
        """Counts a message by how it begins; whether it is one is not asked."""
        self._messages += 1
        if (method := _METHODS.get(payload[:4])) is not None:
            self._requests[method] = self._requests.get(method, 0) + 1
        elif payload.startswith(b"SIP/2.0 ") and (name := _CLASSES.get(payload[8:9])) is not None:
            self._responses[name] = self._responses.get(name, 0) + 1

    def advance(self, time: int) -> list[Event]:
        """Lets capture time pass to microsecond `time`; gives the event that is due, if one is."""
        if self._since < 0 or time < self._since - _OUT_OF_ORDER:  # the clock was set back
            self._since = time
            self._due = time - time % self._period + self._period
        if time < self._due:
            return []
        self._due = time - time % self._period + self._period
        return [self._event(self._due - self._period)]

    def finish(self, time: int) -> list[Event]:
        """Ends the capture at microsecond `time`; gives the event of the part of a minute."""
        event = self._event(max(time, self._since))
        return [event] if len(event["counters"]) > 1 else []

    def _traffic(self) -> Reading:
        return {
            "messages": self._messages,
            "requests": dict(self._requests),
            "responses": dict(self._responses),
        }

    def _event(self, time: int) -> Event:
        counted: dict[str, Any] = {"seconds": (time - self._since) // SECOND}
        for index, (name, read) in enumerate(self._growing):
            now = read()
            grown = _grown(now, self._last[index])
            self._last[index] = now
            if grown:
                counted.update({name: grown} if name else grown)
        for name, read_state in self._states:
            if state := {key: number for key, number in read_state().items() if number}:
                counted[name] = state
        self._since = time
        return {
            "@timestamp": timestamp(time),
            "type": KIND,
            "agent": self._agent.fields(),
            "counters": counted,
        }


def _grown(now: Reading, last: Reading) -> dict[str, Any]:
    """How much each number has grown; without those that have not."""
    grown: dict[str, Any] = {}
    for name, value in now.items():
        if isinstance(value, Mapping):
            if below := _grown(value, last.get(name, {})):
                grown[name] = below
        elif more := value - last.get(name, 0):
            grown[name] = more
    return grown
