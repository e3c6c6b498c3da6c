"""What a collector can be told, in a YAML file.

    book: {retention: 7d, most_bans: 1000000, most_waiting: 200000}
    guard:
      never: [203.0.113.0/24]         # ours and our customers', beside those built in
      witnesses: 3                    # who must have seen what nobody has proven
      window: 24h
      share: 0.5                      # of an hour's new bans on one word alone
      floor: 100
      pardon: 30d
    connections: {connections: 1000, each_source: 64}   # times in seconds
    trusted_proxies: [10.0.0.2]       # whose X-Forwarded-For counts
    geoip: /var/lib/GeoIP/GeoLite2-Country.mmdb
    page: {name: Honeynet, url: https://bans.example.org, contact: mail@example.org, newest: 10}

What stands in none of them has its default; what is no setting is an error that names the line.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from zt.configuration import read_yaml
from zt.errors import InputError
from zt.honeynet.collector.book.guard import GuardSettings
from zt.honeynet.collector.book.model import BookSettings
from zt.honeynet.collector.page import PageSettings
from zt.honeynet.collector.web.doorkeeper import ConnectionLimits
from zt.honeynet.collector.web.sources import Network, parse_networks
from zt.units import Span

_BOOK: Final = BookSettings()
_GUARD: Final = GuardSettings()
_LIMITS: Final = ConnectionLimits()
_PAGE: Final = PageSettings()


def _networks(value: Any) -> Any:
    if not isinstance(value, list):
        raise ValueError("give a list of networks")
    try:
        return tuple(parse_networks(map(str, value)))
    except InputError as error:
        raise ValueError(f"{error}; {error.hint}") from None


Networks = Annotated[tuple[Network, ...], BeforeValidator(_networks)]
_Positive = Annotated[int, Field(gt=0)]
_Seconds = Annotated[float, Field(gt=0, le=3_600)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Book(_Section):
    retention: Span = _BOOK.retention
    most_bans: _Positive = _BOOK.most_bans
    most_waiting: _Positive = _BOOK.most_waiting


class _Guard(_Section):
    never: Networks = ()
    unsafe_any_network: bool = False
    witnesses: _Positive = _GUARD.witnesses
    window: Span = _GUARD.window
    share: Annotated[float, Field(ge=0, le=1)] = _GUARD.share
    floor: Annotated[int, Field(ge=0)] = _GUARD.floor
    pardon: Span = _GUARD.pardon


class _Connections(_Section):
    connections: _Positive = _LIMITS.connections
    each_source: _Positive = _LIMITS.each_source
    head_bytes: Annotated[int, Field(ge=1_024)] = _LIMITS.head_bytes
    message_bytes: Annotated[int, Field(ge=1_048_576)] = _LIMITS.message_bytes
    handshake_seconds: _Seconds = _LIMITS.handshake_seconds
    request_seconds: _Seconds = _LIMITS.request_seconds
    stalled_seconds: _Seconds = _LIMITS.stalled_seconds


class _Page(_Section):
    name: Annotated[str, Field(min_length=1, max_length=80)] = _PAGE.name
    url: Annotated[str, Field(pattern=r"^https?://[!-~]{1,200}$")] | None = None
    contact: Annotated[str, Field(max_length=200)] = _PAGE.contact
    newest: Annotated[int, Field(ge=0, le=100)] = _PAGE.newest
    fresh: _Seconds = _PAGE.fresh


class CollectorSettings(_Section):
    """The settings of a collector.

    Attributes:
        book, guard: what is kept, and whom it believes.
        connections: what they may cost.
        trusted_proxies: whose `X-Forwarded-For` counts.
        geoip: a MaxMind file, for the page's table by country; a relative path begins at the
            settings' file.
        page: what the front page says.
    """

    book: _Book = Field(default_factory=_Book)
    guard: _Guard = Field(default_factory=_Guard)
    connections: _Connections = Field(default_factory=_Connections)
    trusted_proxies: Networks = ()
    geoip: Path | None = None
    page: _Page = Field(default_factory=_Page)

    def for_book(self) -> BookSettings:
        """What the book is opened with."""
        guard = self.guard
        never = guard.never if guard.unsafe_any_network else (*_GUARD.never, *guard.never)
        return BookSettings(
            retention=self.book.retention,
            most_bans=self.book.most_bans,
            most_waiting=self.book.most_waiting,
            guard=GuardSettings(
                never, guard.witnesses, guard.window, guard.share, guard.floor, guard.pardon
            ),
        )

    def for_connections(self) -> ConnectionLimits:
        """What connections may cost."""
        return ConnectionLimits(**dict(self.connections))

    def for_page(self) -> PageSettings:
        """What the front page says."""
        told = {name: value for name, value in self.page if value is not None}
        return replace(_PAGE, **told)


def load_settings(path: Path | None) -> CollectorSettings:
    """Settings from a file; the defaults without one.

    Raises:
        InputError: it can't be read, or is wrong; names the line.
    """
    if path is None:
        return CollectorSettings()
    settings = read_yaml(path, CollectorSettings)
    if settings.geoip is not None:
        settings = settings.model_copy(update={"geoip": path.parent / settings.geoip})
    return settings
