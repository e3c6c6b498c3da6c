"""What programs that run until they are stopped share: the way of events, figures, signals."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import msgspec
import typer
from pydantic import BaseModel

from analytics.wire.transport import LineOutput, Stop
from keys import Ring
from zt.cli.profile import warn_of_unsafe
from zt.cli.runtime import note
from zt.metrics import Figure, Metrics, MetricsPage, log_line
from zt.profile import load_profile
from zt.shipping import Shipper, WireOutlet, default_spool
from zt.sip import Event

if TYPE_CHECKING:
    from zt.shipping.settings import ShippingSettings

_PUBLISH: Final = 1.0  # seconds from one set of figures to the next


class Destination(NamedTuple):
    """Where encrypted events go: into a store, or to stdout as wire without one."""

    keys: Path
    profile: str
    store: str | None
    spool: Path | None


class WayOut:
    """Takes events, and prints or ships them.

    Args:
        destination: where they go encrypted; None prints them in clear.
        name: what the source is called in the ids of events.
        settings: of shipping.

    Attributes:
        shipper: None where events are printed.
    """

    def __init__(
        self, destination: Destination | None, name: str, settings: ShippingSettings
    ) -> None:
        self._destination = destination
        self._name = name
        self._settings = settings
        self.shipper: Shipper | None = None

    @contextmanager
    def opened(self, stop: Stop) -> Iterator[Callable[[list[Event]], None]]:
        """What takes events; at the end, all that can be delivered is.

        Args:
            stop: ends a wait for a reader of stdout.

        Raises:
            ZtError, KeysError, AnalyticsError: ring, profile, store or spool can't be used.
        """
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
        shipper = self.shipper = Shipper(
            ring,
            rules,
            store if store is not None else WireOutlet(sys.stdout.buffer),
            spool,
            name=self._name,
            settings=self._settings,
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

    def reload(self, settings: ShippingSettings) -> None:
        """Read ring and profile again; what is wrong changes nothing.

        Raises:
            ZtError, KeysError: it is wrong.
        """
        if self.shipper is not None and self._destination is not None:
            rules = load_profile(self._destination.profile)
            warn_of_unsafe(rules)
            self.shipper.reload(rules, settings)


class Teller:
    """Tells a program's figures: to Prometheus, and in lines of the log.

    Args:
        prefix: what the names of Prometheus begin with.
        read: gives the figures as of now.
        logged: the names of those in the log.
        every: seconds from one line of the log to the next; 0: only one at the end.
    """

    def __init__(
        self,
        prefix: str,
        read: Callable[[], list[Figure]],
        logged: Sequence[str],
        *,
        every: float,
    ) -> None:
        self._page = Metrics(prefix)
        self._read = read
        self._logged_names = logged
        self._every = every
        self._is_served = False
        self._logged = time.monotonic()
        self._published = self._logged - _PUBLISH

    def serve(self, place: tuple[str, int] | None, stack: ExitStack) -> None:
        """Serve them at an address and port, until the stack ends; None: nowhere.

        Raises:
            InputError: nobody can listen there.
        """
        if place is None:
            return
        page = MetricsPage(self._page, *place)
        stack.callback(page.close)
        self._is_served = True
        note(f"serves figures on {place[0]} port {page.port}")

    def turn(self) -> None:
        """Tell what is due; to be called often."""
        now = time.monotonic()
        if now - self._published >= _PUBLISH:
            self._published = now
            if self._is_served:
                self._page.publish(self._read())
        if self._every and now - self._logged >= self._every:
            self._logged = now
            self.log()

    def log(self) -> None:
        """A line of the log, now."""
        note(f"statistics {log_line(self._read(), self._logged_names)}")


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


def note_late(before: BaseModel, after: BaseModel, at_once: frozenset[str]) -> None:
    """Say which settings have changed, but need a new start."""
    late = [
        name
        for name in type(before).model_fields
        if name not in at_once and getattr(before, name) != getattr(after, name)
    ]
    if late:
        note(f"changed, but used from the next start on: {', '.join(late)}")


def destination_of(
    keys: Path | None, profile: str, store: str | None, spool: Path | None, *, plain: bool
) -> Destination | None:
    """Where events go, by a command's options; None prints them in clear.

    Raises:
        typer.BadParameter: a store, but no keys.
    """
    if plain:
        return None
    if store is not None and keys is None:
        raise typer.BadParameter(
            "a store takes encrypted events only: give -k, or --plain to print them",
            param_hint="-s",
        )
    return Destination(keys, profile, store, spool) if keys is not None else None


def statistics_seconds(text: str) -> float:
    """`--statistics` in seconds.

    Raises:
        typer.BadParameter: it is no time.
    """
    from analytics.wire import MICROSECONDS
    from zt.units import parse_span

    if text == "0":
        return 0.0
    try:
        return parse_span(text) / MICROSECONDS
    except ValueError:
        raise typer.BadParameter(
            "give a time, such as 30s or 1m, or 0 for never", param_hint="--statistics"
        ) from None


__all__ = [
    "Destination",
    "Hangup",
    "Teller",
    "WayOut",
    "destination_of",
    "note_late",
    "statistics_seconds",
]
