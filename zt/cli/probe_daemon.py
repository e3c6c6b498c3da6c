"""A probe that runs until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics.wire.transport import Stop
from keys.errors import KeysError
from zt import __version__
from zt.cli.daemon import Destination, Hangup, Teller, WayOut, note_late
from zt.cli.probe_options import agent_name
from zt.cli.runtime import note
from zt.errors import ZtError
from zt.metrics import Figure
from zt.sip import Agent
from zt.sip.figures import LOGGED, probe_figures, shipping_figures
from zt.sip.settings import ProbeSettings, load_settings, make_probe
from zt.sip.watch import Watch

if TYPE_CHECKING:
    from zt.sip.source import Source

_AT_ONCE: Final = frozenset({"shipping", "throttle", "sampler"})
"""Settings that a running probe takes over; the others need a new start."""


class Daemon:
    """A probe at work.

    Args:
        make_source: opens the source, by the settings.
        name: what the source is called, in messages.
        config: the file of settings; None: the defaults.
        destination: where events go encrypted; None prints them in clear.
        throttled: hold floods back.
        metrics: address and port for Prometheus; None: none.
        every: seconds from one line of figures to the next; 0: none.
    """

    def __init__(
        self,
        make_source: Callable[[ProbeSettings], Source],
        name: str,
        *,
        config: Path | None,
        destination: Destination | None,
        throttled: bool,
        metrics: tuple[str, int] | None,
        every: float,
    ) -> None:
        self._make_source = make_source
        self._name = name
        self._config = config
        self._destination = destination
        self._throttled = throttled
        self._metrics = metrics
        self._every = every

    def run(self) -> None:
        """Work until SIGTERM or SIGINT; a second one ends it at once.

        Raises:
            ZtError, KeysError, AnalyticsError: it can't begin, or not go on.
        """
        self._settings = settings = load_settings(self._config)
        agent = Agent(name=agent_name(settings), version=__version__)
        self._probe = make_probe(
            settings, agent, throttled=self._throttled, sampled=True, counting=True
        )
        self._way = WayOut(self._destination, f"probe/{agent.name}", settings.shipping)
        with ExitStack() as stack:
            stop = stack.enter_context(Stop())
            hangup = Hangup()
            if self._destination is not None:  # else a terminal that is closed ends it
                stack.enter_context(hangup)
            # first the way out, then the source: what is captured can be sent
            self._send = stack.enter_context(self._way.opened(stop))
            self._source = self._make_source(settings)
            stack.callback(self._source.close)
            self._probe.include("source", self._growing)
            teller = Teller("zt_probe", self._figures, LOGGED, every=self._every)
            teller.serve(self._metrics, stack)
            self._watch = Watch(self._source, self._probe, self._send)
            self._started = time.monotonic()
            note(f"watching: {self._name}")

            def between() -> None:
                if hangup.has_come():
                    self._reload()
                teller.turn()

            try:
                self._watch.run(lambda: stop.number is not None, between)
            finally:
                self._watch.finish()
                teller.log()

    def _reload(self) -> None:
        """Read ring, profile and settings again; what is wrong changes nothing."""
        try:
            settings = load_settings(self._config)
            self._way.reload(settings.shipping)
        except (ZtError, KeysError) as error:
            note(f"reloaded nothing: {error.diagnostics()}")
            return
        before, self._settings = self._settings, settings
        if (before.throttle, before.sampler) != (settings.throttle, settings.sampler):
            self._send(self._probe.retune(settings.throttle, settings.sampler))
        note("reloaded")
        note_late(before, settings, _AT_ONCE)

    def _growing(self) -> dict[str, int]:
        """The source's counters that only grow, for `counters` events."""
        counters = self._source.counters()
        return {name: value for name, value in counters.items() if not name.endswith("_now")}

    def _figures(self) -> list[Figure]:
        figures = probe_figures(
            self._probe,
            self._source.counters(),
            seconds=time.monotonic() - self._started,
            lag=self._watch.lag,
        )
        if self._way.shipper is not None:
            figures += shipping_figures(self._way.shipper.counters())
        return figures


__all__ = ["Daemon", "Destination"]
