"""A probe that runs until it is stopped: signals, figures, and the way of its events."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from analytics.wire.transport import LineOutput, Stop
from keys import Ring
from keys.errors import KeysError
from zt import __version__
from zt.cli.probe_options import agent_name
from zt.cli.profile import warn_of_unsafe
from zt.cli.runtime import note
from zt.errors import ZtError
from zt.metrics import Figure, Metrics, MetricsPage, log_line
from zt.profile import load_profile
from zt.shipping import Shipper, WireOutlet, default_spool
from zt.sip import Agent, Event
from zt.sip.figures import LOGGED, probe_figures, shipping_figures
from zt.sip.settings import ProbeSettings, load_settings, make_probe
from zt.sip.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zt.sip.source import Source

_PUBLISH: Final = 1.0  # seconds from one set of figures to the next
_AT_ONCE: Final = frozenset({"shipping", "throttle", "sampler"})
"""Settings that a running probe takes over; the others need a new start."""


class Destination(NamedTuple):
    """Where encrypted events go: into a store, or to stdout as wire without one."""

    keys: Path
    profile: str
    store: str | None
    spool: Path | None


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
        self._shipper: Shipper | None = None

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
        with ExitStack() as stack:
            stop = stack.enter_context(Stop())
            hangup = Hangup()
            if self._destination is not None:  # else a terminal that is closed ends it
                stack.enter_context(hangup)
            # first the way out, then the source: what is captured can be sent
            self._send = stack.enter_context(self._outlet(stop))
            self._source = self._make_source(settings)
            stack.callback(self._source.close)
            self._probe.include("source", self._growing)
            self._page = Metrics("zt_probe")
            if self._metrics is not None:
                page = MetricsPage(self._page, *self._metrics)
                stack.callback(page.close)
                note(f"serves figures on {self._metrics[0]} port {page.port}")
            self._watch = Watch(self._source, self._probe, self._send)
            self._started = self._logged = time.monotonic()
            self._published = self._started - _PUBLISH
            note(f"watching: {self._name}")
            try:
                self._watch.run(lambda: stop.number is not None, lambda: self._between(hangup))
            finally:
                self._watch.finish()
                self._log()

    @contextmanager
    def _outlet(self, stop: Stop) -> Iterator[Callable[[list[Event]], None]]:
        """What takes events; at the end, all that can be delivered is."""
        if self._destination is None:
            out = LineOutput(sys.stdout.buffer, stop=stop)
            encode = msgspec.json.Encoder().encode
            yield lambda events: out.write([encode(event) + b"\n" for event in events])
            return
        keys, profile, store, spool = self._destination
        ring, rules = Ring.open(keys), load_profile(profile)
        warn_of_unsafe(rules)
        if store is not None and spool is None:
            spool = default_spool(store)
        shipper = self._shipper = Shipper(
            ring,
            rules,
            store if store is not None else WireOutlet(sys.stdout.buffer),
            spool,
            name=f"probe/{agent_name(self._settings)}",
            settings=self._settings.shipping,
            say=note,
        )
        shipper.start()
        seconds = None
        try:
            yield shipper.send
        except KeyboardInterrupt:
            seconds = 0.0  # somebody is in a hurry
            raise
        finally:
            left = shipper.drain(seconds)
            if left.spool_events and spool is not None:
                note(f"{left.spool_events} events stay in the spool {spool} for the next start")

    def _between(self, hangup: Hangup) -> None:
        """What is done between two turns."""
        now = time.monotonic()
        if hangup.has_come():
            self._reload()
        if now - self._published >= _PUBLISH:
            self._published = now
            if self._metrics is not None:
                self._page.publish(self._figures())
        if self._every and now - self._logged >= self._every:
            self._logged = now
            self._log()

    def _reload(self) -> None:
        """Read ring, profile and settings again; what is wrong changes nothing."""
        try:
            settings = load_settings(self._config)
            if self._shipper is not None and self._destination is not None:
                rules = load_profile(self._destination.profile)
                warn_of_unsafe(rules)
                self._shipper.reload(rules, settings.shipping)
        except (ZtError, KeysError) as error:
            note(f"reloaded nothing: {error.diagnostics()}")
            return
        before, self._settings = self._settings, settings
        if (before.throttle, before.sampler) != (settings.throttle, settings.sampler):
            self._send(self._probe.retune(settings.throttle, settings.sampler))
        late = [
            name
            for name in ProbeSettings.model_fields
            if getattr(before, name) != getattr(settings, name) and name not in _AT_ONCE
        ]
        note("reloaded")
        if late:
            note(f"changed, but used from the next start on: {', '.join(late)}")

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
        if self._shipper is not None:
            figures += shipping_figures(self._shipper.counters())
        return figures

    def _log(self) -> None:
        note(f"statistics {log_line(self._figures(), LOGGED)}")


class Hangup:
    """Notes that SIGHUP came, from entry to exit, in the main thread only; one that is ignored
    stays so."""

    def __init__(self) -> None:
        self._came = False

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGHUP)
        if self._before != signal.SIG_IGN:
            signal.signal(signal.SIGHUP, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGHUP, self._before)

    def has_come(self) -> bool:
        """Whether it came since this was asked last."""
        came, self._came = self._came, False
        return came

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True


__all__ = ["Daemon", "Destination"]
