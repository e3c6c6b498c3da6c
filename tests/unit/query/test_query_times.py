"""Times in questions: whose clock they are read by, and what days are where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.wire import MICROSECONDS, format_time, parse_time
from zt.errors import InputError, QueryError
from zt.query import Range, parse
from zt.times import Clock, RelativeTimeError, parse_moment, parse_when, time_zone

NOW = parse_time("2026-11-30T12:00:00Z")
HOUR = 3600 * MICROSECONDS


def clock(zone: str) -> Clock:
    return Clock(NOW, time_zone(zone))


@pytest.mark.parametrize(
    ("zone", "day", "begins", "hours"),
    [
        ("UTC", "2026-03-29", "2026-03-29T00:00:00Z", 24),
        ("Europe/Berlin", "2026-03-28", "2026-03-27T23:00:00Z", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", 23),
        ("Europe/Berlin", "2026-03-30", "2026-03-29T22:00:00Z", 24),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", 25),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00:00Z", 25),
        ("Asia/Kolkata", "2026-11-01", "2026-10-31T18:30:00Z", 24),
        # clocks went from 00:00 to 01:00: the day has no midnight
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z", 23),
        # clocks went from 01:00 back to 00:00: it has two
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", 25),
        # crossing the date line left the day out
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z", 0),
    ],
)
def test_a_date_is_the_day_of_its_zone(zone: str, day: str, begins: str, hours: int) -> None:
    when = parse_when(day, clock(zone))
    assert format_time(when.first) == format_time(parse_time(begins))
    assert when.end - when.first == hours * HOUR


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-29T01:59", "2026-03-29T00:59:00Z"),
        ("2026-03-29T02:30", "2026-03-29T01:30:00Z"),  # skipped: as much later
        ("2026-03-29T03:00:00.5", "2026-03-29T01:00:00.5Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),  # shown twice: the first
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00Z"),
        ("2026-10-25T02:30Z", "2026-10-25T02:30:00Z"),
        ("2026-10-25 02:30:00-0500", "2026-10-25T07:30:00Z"),
        ("now", "2026-11-30T12:00:00Z"),
        ("now-2h", "2026-11-30T10:00:00Z"),
        ("now+30m", "2026-11-30T12:30:00Z"),
        ("now-60d", "2026-10-01T12:00:00Z"),  # a length of time, whatever clocks did
    ],
)
def test_times_without_a_zone_are_those_of_the_clock(text: str, moment: str) -> None:
    first, end = parse_when(text, clock("Europe/Berlin"))
    assert format_time(first) == format_time(parse_time(moment))
    assert end == first + 1


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2037, 12, 31)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]),
)
def test_what_a_clock_shows_is_read_as_it_was(moment: datetime, zone: str) -> None:
    """From a moment to the clock on the wall and back; what it shows twice is the first."""
    shown = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    first = parse_when(shown.strftime("%Y-%m-%dT%H:%M:%S.%f"), clock(zone)).first
    back = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=first)
    assert back == shown.replace(fold=0).astimezone(UTC)
    day = parse_when(shown.strftime("%Y-%m-%d"), clock(zone))
    assert day.first <= first < day.end


NO_TIMES = ["", "2h", "5", "now-", "now-2", "now - 2h", "now-2y", "Now", "2026-02-30", "24:00"]
OUTSIDE = ["9999-12-31", "now+999999999d", "now-999999999d"]


@pytest.mark.parametrize("text", [*NO_TIMES, *OUTSIDE, "0001-01-01", "0001-01-01T00:30"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|day is out of range"):
        parse_when(text, clock("Europe/Berlin"))


def test_where_there_is_no_now() -> None:
    with pytest.raises(RelativeTimeError):
        parse_when("now-2h", Clock())


def test_options_take_spans_too() -> None:
    assert parse_moment("2h", clock("UTC")) == NOW - 2 * HOUR
    assert parse_moment("now-2h", clock("UTC")) == NOW - 2 * HOUR
    berlin = parse_moment("2026-03-29", clock("Europe/Berlin"))
    assert berlin == parse_time("2026-03-28T23:00:00Z")
    for text in ("yesterday", "2x", "2026-13-01", "9999999d"):
        with pytest.raises(InputError, match="is no time"):
            parse_moment(text, clock("UTC"))


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "Europe", "/etc/passwd", "../UTC", "x\0", "\ud800"]
)
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(InputError, match="no time zone"):
        time_zone(name)


@pytest.mark.parametrize(
    ("question", "low", "high"),
    [
        # a date is included as a whole, and excluded as a whole
        ("t:[2026-03-29 TO 2026-03-29]", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("t:{2026-03-29 TO 2026-03-31}", "2026-03-29T22:00:00Z", "2026-03-30T22:00:00Z"),
        ("t:>=2026-03-29", "2026-03-28T23:00:00Z", None),
        ("t:>2026-03-29", "2026-03-29T22:00:00Z", None),
        ("t:<=2026-03-29", None, "2026-03-29T22:00:00Z"),
        ("t:<2026-03-29", None, "2026-03-28T23:00:00Z"),
        # a moment is one microsecond
        ("t:[now-2h TO now]", "2026-11-30T10:00:00Z", "2026-11-30T12:00:00.000001Z"),
        ("t:{now-2h TO now}", "2026-11-30T10:00:00.000001Z", "2026-11-30T12:00:00Z"),
        ('t:["2026-03-29T03:00" TO *]', "2026-03-29T01:00:00Z", None),
    ],
)
def test_ranges_of_times_are_moments_once_they_are_parsed(
    question: str, low: str | None, high: str | None
) -> None:
    """So a question means the same when it is compiled and when its answer is checked."""

    def text(time: str | None) -> str | None:
        return time and format_time(parse_time(time))

    expected = Range("t", text(low), text(high), low is not None, False)
    assert parse(question, clock("Europe/Berlin")) == expected


def test_what_is_kept_knows_no_now() -> None:
    with pytest.raises(QueryError, match="knows no now"):
        parse("t:>now-2h")
