"""A honeypot at work: the parts put together, for as long as it runs."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from zt import __version__
from zt.honeynet.honeypot.listen.server import Honeypot
from zt.honeynet.honeypot.lure.lure import Lure
from zt.honeynet.honeypot.settings import (
    HoneypotSettings,
    load_personality,
    load_secrets,
    load_tls,
    renew_tls,
)
from zt.honeynet.honeypot.tell.credentials import Credentials
from zt.honeynet.honeypot.tell.posting import Mailbox
from zt.honeynet.honeypot.tell.recorder import AGENT_TYPE, Observer, Recorder, Send
from zt.honeynet.honeypot.tell.reporting import Reporter
from zt.honeynet.honeypot.tell.sightings import Sightings
from zt.metrics import Figure
from zt.sip.events import Agent
from zt.sip.figures import probe_figures
from zt.sip.geoip import Places
from zt.sip.load import Load
from zt.sip.probe import Probe

LOGGED: Final = (
    "seconds", "listen_messages", "listen_replies", "listen_limited", "listen_kernel_drops",
    "messages", "parse_errors", "events_made", "events_sent", "events_suppressed",
    "messages_shed", "shed_level", "table_entries",
    "report_sightings", "report_waiting", "report_failures", "report_refused", "report_dropped",
    "shipping_encrypted", "shipping_delivered", "shipping_lost", "shipping_dropped_events",
    "shipping_failures", "shipping_spool_events", "shipping_spool_bytes", "shipping_spool_age",
)  # fmt: skip
"""What stands in the line of the log, in this order, where it is known."""

AT_ONCE: Final = frozenset({"shipping", "throttle", "sampler"})
"""Settings that a running honeypot takes over; the others need a new start."""

_TICK: Final = 0.05  # seconds from one look at signals to the next
_REPORT_LAST: Final = 5.0  # seconds at most for what is not reported at the end
_DROPS: Final = "listen_kernel_drops"
_MOST_SHED: Final = 4
"""The highest level of shedding. The probe is half of the work, so more of it makes no room for
others, and a level that is high when a flood ends takes a minute to come down."""


class Station:
    """A honeypot with its recorder, its probe and its reporter.

    Args:
        settings: of it all.
        send: is given events; see `Recorder`.
        say: is given what a person should know.
        throttled: hold floods of events back.

    Raises:
        ZtError, KeysError: a file that the settings name can't be used.
    """

    def __init__(
        self,
        settings: HoneypotSettings,
        send: Send,
        say: Callable[[str], None],
        *,
        throttled: bool = True,
    ) -> None:
        self._say = say
        self._settings = settings
        self._started = time.monotonic()
        secrets = load_secrets(settings)
        self._tls = load_tls(settings)
        self._probe = Probe(
            Agent(settings.name, __version__, AGENT_TYPE),
            settings.memory,
            timers=settings.timers,
            places=Places(settings.geoip) if settings.geoip is not None else None,
            throttle=settings.throttle if throttled else None,
            sampler=settings.sampler,
            counters_every=settings.counters_every,
        )
        self._sightings: Sightings | None = None
        self._reporter: Reporter | None = None
        if settings.report.url:
            self._sightings = Sightings(settings.report.never_report)
            self._reporter = Reporter(Mailbox(settings.report), self._sightings, say)
        self._recorder = Recorder(
            self._probe,
            Observer(settings.name, settings.region),
            Credentials(secrets.salt),
            self._sightings,
            send,
        )
        lure = Lure(load_personality(settings), secret=secrets.lure, settings=settings.lure)
        self._honeypot = Honeypot(settings.listen, lure, self._recorder, settings.limits, self._tls)
        self._load = Load(time.monotonic(), time.thread_time())

    async def run(self, is_over: Callable[[], bool], between: Callable[[], None]) -> None:
        """Listen until it is over; then record and report what is open.

        Args:
            is_over: asked often.
            between: called as often.

        Raises:
            ZtError, KeysError, AnalyticsError, BrokenPipeError: it can't begin, or not go on.
        """
        over = asyncio.Event()
        await self._honeypot.start()
        for endpoint in self._honeypot.addresses:
            self._say(f"listens on {endpoint}")
        if self._reporter is not None:
            self._reporter.start()
        ticking = asyncio.create_task(self._tick(is_over, between, over))
        try:
            await self._honeypot.run(over)
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            self._recorder.finish()
            if self._reporter is not None:
                self._reporter.close(_REPORT_LAST)

    def reload(self, settings: HoneypotSettings) -> None:
        """Go on with other settings as far as that can be, and read token and certificate again.

        Raises:
            ZtError, KeysError: a file can't be used.
        """
        if self._reporter is not None:
            self._reporter.reload()
        if self._tls is not None and settings.tls is not None:
            renew_tls(self._tls, settings.tls)
        before, self._settings = self._settings, settings
        if (before.throttle, before.sampler) != (settings.throttle, settings.sampler):
            self._recorder.give(self._probe.retune(settings.throttle, settings.sampler))

    def figures(self) -> list[Figure]:
        """What it has seen, answered, recorded and reported."""
        seconds = time.monotonic() - self._started
        found = self._honeypot.figures()
        found += [
            figure
            for figure in probe_figures(self._probe, {}, seconds=seconds, lag=0.0)
            if figure.name != "lag_seconds"  # it works on each message as it comes
        ]
        if self._reporter is not None and self._sightings is not None:
            found += self._reporter.figures()
            dropped = self._sightings.dropped
            found.append(Figure("report_dropped", dropped, "Messages no sighting told of."))
        return found

    async def _tick(
        self, is_over: Callable[[], bool], between: Callable[[], None], over: asyncio.Event
    ) -> None:
        """Looks at signals, figures and load until it is over, or something fails."""
        try:
            while not is_over():
                between()
                if self._reporter is not None:
                    self._reporter.check()
                self._judge_load()
                await asyncio.sleep(_TICK)
        finally:
            over.set()

    def _judge_load(self) -> None:
        """Has the probe shed of everybody's messages what it has no time for."""
        now, sampler = time.monotonic(), self._probe.sampler
        if sampler is not None and self._load.is_due(now):
            drops = sum(
                figure.value
                for figure in self._honeypot.figures()
                if figure.name == _DROPS and isinstance(figure.value, int)
            )
            self._load.judge(sampler, now, time.thread_time(), drops)
            sampler.level = min(sampler.level, _MOST_SHED)


__all__ = ["AT_ONCE", "LOGGED", "Station"]
