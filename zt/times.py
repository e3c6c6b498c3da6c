"""Times as people write them: absolute, as a date, or counted from now.

A date, and a time without a zone of its own, is meant by a clock on the wall: midnight of
2026-03-29 in Berlin is 23:00 UTC, and that day has 23 hours. What such a clock shows twice is
the first of the two, what it skips is as much later. Spans are lengths of time: `24h` and `1d`
before now are the same moment, whatever clocks did in between.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from analytics.wire import parse_time
from zt.errors import InputError
from zt.units import parse_span

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)\Z", re.ASCII)
_RELATIVE = re.compile(r"now(?:([+-])(\w+))?", re.ASCII)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_FIRST, _LAST = parse_time("0001-01-01"), parse_time("9999-12-31T23:59:59.999999Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL_EPOCH = datetime(1970, 1, 1)  # what a clock shows has no zone


class RelativeTimeError(ValueError):
    """A time counted from now, where there is no now."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What times are read by.

    Attributes:
        now: microseconds since 1970; None where text is kept and means the same for ever.
        zone: whose dates and times those are that name no zone.
    """

    now: int | None = None
    zone: tzinfo = UTC

    @classmethod
    def of(cls, zone: str) -> Clock:
        """The clock of this moment in a time zone of the IANA database, as `Europe/Berlin`.

        Raises:
            InputError: there is no such zone.
        """
        return cls(time.time_ns() // 1000, time_zone(zone))


class When(NamedTuple):
    """What a text means: microseconds since 1970, from `first` up to but without `end`.

    A date is its day; any other time one microsecond.
    """

    first: int
    end: int


def time_zone(name: str) -> tzinfo:
    """A time zone by its name in the IANA database.

    Raises:
        InputError: there is none of that name.
    """
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # as the library says unknown, no name, a folder
        raise InputError(
            f"there is no time zone {name!r}", "name one as Europe/Berlin or America/New_York"
        ) from None


def parse_when(text: str, clock: Clock) -> When:
    """The time that a text means.

    `2026-03-29`, `2026-03-29T14:00`, RFC 3339, `now`, `now-2h`, `now+30m`.

    Raises:
        RelativeTimeError: it is counted from now, and the clock has none.
        ValueError: it is no time, or lies outside the years 1 to 9999.
    """
    if match := _RELATIVE.fullmatch(text):
        span = parse_span(match[2]) if match[1] else 0
        if clock.now is None:
            raise RelativeTimeError
        moment = clock.now - span if match[1] == "-" else clock.now + span
        return _checked(moment, moment + 1)
    moment = parse_time(text)
    if _DATE.fullmatch(text):
        day = _LOCAL_EPOCH + timedelta(microseconds=moment)
        try:
            return _checked(_universal(day, clock.zone), _universal(day + _DAY, clock.zone))
        except OverflowError:
            raise ValueError("a time outside the years 1 to 9999") from None
    if not _ZONE.search(text):
        moment = _universal(_LOCAL_EPOCH + timedelta(microseconds=moment), clock.zone)
    return _checked(moment, moment + 1)


def parse_moment(text: str, clock: Clock) -> int:
    """A time, or a span (`2h`) before now, in microseconds since 1970; a date is its beginning.

    Raises:
        InputError: it is neither.
    """
    is_span = re.fullmatch(r"\d+[a-z]+", text, re.ASCII) is not None
    try:
        return parse_when(f"now-{text}" if is_span else text, clock).first
    except ValueError:
        raise InputError(
            f"{text!r} is no time", "write 2026-11-23, 2026-11-23T14:00, or 2h for two hours ago"
        ) from None


def _universal(shown: datetime, zone: tzinfo) -> int:
    """The first moment at which the clocks of a zone show this, in microseconds since 1970."""
    return (shown.replace(tzinfo=zone) - _EPOCH) // _MICROSECOND


def _checked(first: int, end: int) -> When:
    """What lies within the years that have a spelling.

    Raises:
        ValueError: it does not.
    """
    if not _FIRST <= first <= end <= _LAST:
        raise ValueError("a time outside the years 1 to 9999")
    return When(first, end)
