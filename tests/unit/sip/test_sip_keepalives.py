"""Keep-alives: news when the state begins or changes, and only counted else."""

from __future__ import annotations

import pytest
from support.sip_dialogs import exchange, run
from support.sip_packets import OTHER_PHONE, PHONE, SERVER, Step, types

from zt.sip import Limits, Timers


def polls(method: str, states: str, every: float = 30) -> list[Step]:
    """One request after the other; `+` is answered by 200, `-` by 503, `.` by nobody."""
    steps: list[Step] = []
    for n, state in enumerate(states):
        both = exchange(n * every, method, 503 if state == "-" else 200, n=n + 1, call=f"c{n}")
        steps += both[:1] if state == "." else both
    return steps


@pytest.mark.parametrize("method", ["OPTIONS", "SUBSCRIBE", "NOTIFY", "PUBLISH"])
@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ("+" * 120, ["other-ok"]),
        ("-" * 120, ["other-failed"]),
        ("+++---+++", ["other-ok", "other-failed", "other-ok"]),
        ("+" * 50 + "." * 50 + "+" * 50, ["other-ok", "other-timeout", "other-ok"]),
        ("-.-.", ["other-failed", "other-timeout", "other-failed", "other-timeout"]),
    ],
)
def test_polling_is_news_when_it_begins_or_changes(
    method: str, states: str, expected: list[str]
) -> None:
    events, probe = run(*polls(method, states, every=31), end=True)
    assert types(events) == expected
    assert probe.stats.keep_alives == len(states) - len(expected)


def test_what_comes_many_times_a_second_is_a_flood_and_all_of_it_counts() -> None:
    assert types(run(*polls("OPTIONS", "+" * 100, every=0.05))[0]) == ["other-ok"] * 100


def test_how_fast_a_keep_alive_may_be_can_be_set() -> None:
    timers = Timers(keep_alive=60)
    assert types(run(*polls("OPTIONS", "+++"), timers=timers)[0]) == ["other-ok"] * 3


def test_messages_are_no_keep_alives() -> None:
    assert types(run(*polls("MESSAGE", "+++"))[0]) == ["other-ok"] * 3


def test_a_scanner_has_no_keep_alives() -> None:
    steps = [
        step
        for n in range(5)
        for step in exchange(n * 30, "OPTIONS", 200, n=n + 1, agent="friendly-scanner")
    ]
    assert types(run(*steps)[0]) == ["msg-probe"] * 5


@pytest.mark.parametrize(
    "changed", [{"client": OTHER_PHONE}, {"server": "192.0.2.1"}, {"user": "carol"}, {"to": "dave"}]
)
def test_polls_of_others_are_polls_of_their_own(changed: dict[str, str]) -> None:
    steps = [*exchange(0, "OPTIONS", 200), *exchange(30, "OPTIONS", 200, call="c", **changed)]
    assert types(run(*steps)[0]) == ["other-ok"] * 2


def test_polling_that_paused_for_long_begins_anew() -> None:
    steps = [*exchange(0, "OPTIONS", 200), *exchange(4_000, "OPTIONS", 200, n=2)]
    assert types(run(*steps)[0]) == ["other-ok"] * 2


def test_memory_of_polls_is_bounded() -> None:
    steps = [
        step
        for n in range(40)
        for step in exchange(n, "OPTIONS", 200, user=f"u{n % 20}", call=f"c{n}", n=n + 1)
    ]
    assert types(run(*steps, limits=Limits(keep_alives=10))[0]) == ["other-ok"] * 40
    assert types(run(*steps, limits=Limits(keep_alives=20))[0]) == ["other-ok"] * 20


@pytest.mark.parametrize("ping", [b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"\0"])
def test_empty_lines_are_only_counted(ping: bytes) -> None:
    events, probe = run(*[(n * 15, PHONE, SERVER, ping) for n in range(240)])
    assert events == []
    assert (probe.stats.pings, probe.stats.not_sip) == (240, 240)
