"""A honeypot that runs until it is stopped."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from pathlib import Path

from analytics.wire.transport import Stop
from keys.errors import KeysError
from zt.cli.daemon import Destination, Hangup, Teller, WayOut, note_late
from zt.cli.runtime import note
from zt.errors import ZtError
from zt.honeynet.honeypot.run import AT_ONCE, LOGGED, Station
from zt.honeynet.honeypot.settings import load_honeypot
from zt.metrics import Figure
from zt.sip.figures import shipping_figures


class HoneypotDaemon:
    """A honeypot at work.

    Args:
        config: the file of settings.
        destination: where events go encrypted; None prints them in clear.
        throttled: hold floods of events back.
        metrics: address and port for Prometheus; None: none.
        every: seconds from one line of figures to the next; 0: none.
    """

    def __init__(
        self,
        config: Path,
        *,
        destination: Destination | None,
        throttled: bool,
        metrics: tuple[str, int] | None,
        every: float,
    ) -> None:
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
        self._settings = settings = load_honeypot(self._config)
        self._way = WayOut(self._destination, f"honeypot/{settings.name}", settings.shipping)
        with ExitStack() as stack:
            stop = stack.enter_context(Stop())
            hangup = Hangup()
            if self._destination is not None:  # else a terminal that is closed ends it
                stack.enter_context(hangup)
            # first the way out: nobody is answered whose attempts can't be recorded
            send = stack.enter_context(self._way.opened(stop))
            self._station = Station(settings, send, note, throttled=self._throttled)
            teller = Teller("zt_honeypot", self._figures, LOGGED, every=self._every)
            teller.serve(self._metrics, stack)

            def between() -> None:
                if hangup.has_come():
                    self._reload()
                teller.turn()

            try:
                asyncio.run(self._station.run(lambda: stop.number is not None, between))
            finally:
                teller.log()

    def _reload(self) -> None:
        """Read ring, profile, settings, token and certificate again; what is wrong is said."""
        try:
            settings = load_honeypot(self._config)
            self._way.reload(settings.shipping)
            self._station.reload(settings)
        except (ZtError, KeysError) as error:
            note(f"reloaded not all: {error.diagnostics()}")
            return
        before, self._settings = self._settings, settings
        note("reloaded")
        note_late(before, settings, AT_ONCE)

    def _figures(self) -> list[Figure]:
        figures = self._station.figures()
        if self._way.shipper is not None:
            figures += shipping_figures(self._way.shipper.counters())
        return figures


__all__ = ["HoneypotDaemon"]
