"""Frames of several rings, which hand them over late, in the order of their time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zt.sip.capture import Frame
from zt.sip.live.merging import HOLD, Merging


def frames(*times: int) -> list[Frame]:
    return [Frame(time, 1, b"", False) for time in times]


def times(taken: list[Frame]) -> list[int]:
    return [frame.time for frame in taken]


def test_what_comes_late_is_put_in_its_place() -> None:
    merging = Merging()
    merging.add(frames(20, 40), 0.0)
    assert merging.take(0.0) == []
    merging.add(frames(10, 30, 50), HOLD / 2)
    assert times(merging.take(HOLD)) == [10, 20, 30, 40]
    assert merging
    assert times(merging.take(HOLD * 1.5)) == [50]
    assert not merging


def test_frames_wait_no_longer_when_nothing_comes_any_more() -> None:
    merging = Merging()
    merging.add(frames(5), 0.0)
    merging.add([], HOLD / 2)
    assert merging.take(HOLD * 0.9) == []
    assert times(merging.take(HOLD)) == [5]


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    merging = Merging()
    merging.add(frames(1_000_000, 1_000_001), 0.0)
    merging.add(frames(3, 4), HOLD / 2)
    assert times(merging.take(HOLD)) == [3, 4, 1_000_000, 1_000_001]


def test_too_many_frames_do_not_wait() -> None:
    merging = Merging()
    merging.add(frames(*range(60_000)), 0.0)
    assert times(merging.take(0.0)) == list(range(10_000))
    assert len(merging.take(HOLD)) == 50_000


@given(st.lists(st.tuples(st.integers(0, 10), st.booleans()), max_size=60))
def test_rings_in_order_give_an_order_and_lose_nothing(steps: list[tuple[int, bool]]) -> None:
    """Two rings; each hands its frames over at most `HOLD` after it captured them."""
    merging = Merging()
    kept: dict[bool, list[Frame]] = {False: [], True: []}
    sent: list[int] = []
    taken: list[int] = []
    clock = 0
    for pause, ring in steps:
        clock += pause
        kept[ring] += frames(clock)
        sent.append(clock)
        for waiting in kept.values():
            if waiting and (clock - waiting[0].time >= 20 or (waiting is kept[ring] and pause > 5)):
                merging.add(waiting[:], clock / 1_000)
                waiting.clear()
        taken += times(merging.take(clock / 1_000))
    for waiting in kept.values():
        merging.add(waiting[:], clock / 1_000)
    taken += times(merging.take(clock / 1_000 + 2 * HOLD))
    assert taken == sent
