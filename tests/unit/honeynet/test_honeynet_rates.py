"""How often somebody may ask, and who that is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zt.honeynet.collector.book.access import Rate
from zt.honeynet.collector.web.rates import Limiter, network_of


def test_the_window_slides() -> None:
    limiter = Limiter(10)
    rate = Rate(2, 100)
    assert [limiter.wait("a", rate, now) for now in (0, 60, 60, 99, 100, 101, 160)] == [
        0, 0, 40, 1, 0, 59, 0,
    ]  # fmt: skip


@given(
    st.integers(1, 5),
    st.integers(1, 50),
    st.lists(st.integers(0, 20), min_size=1, max_size=100),
)
def test_no_window_holds_more_than_the_rate_and_none_is_refused_without_need(
    requests: int, span: int, gaps: list[int]
) -> None:
    limiter = Limiter(1)
    now = 0
    taken: list[int] = []
    for gap in gaps:
        now += gap
        recent = [t for t in taken if t > now - span]
        wait = limiter.wait("a", Rate(requests, span), now)
        assert (wait == 0) == (len(recent) < requests)
        if wait == 0:
            taken.append(now)
        else:
            assert wait == recent[0] + span - now


def test_a_high_rate_needs_no_more_memory_and_is_never_exceeded() -> None:
    limiter = Limiter(1)
    rate = Rate(50_000, 1_000_000)
    taken = [now for now in range(0, 3_000_000, 5) if not limiter.wait("a", rate, now)]
    for start in range(0, 3_000_000, 100_000):
        assert sum(start <= now < start + 1_000_000 for now in taken) <= 50_000
    assert len(taken) >= 140_000
    (window,) = limiter._asked.values()
    assert len(window._moments) <= 1_002


def test_each_client_has_a_window_of_its_own_and_there_are_only_so_many() -> None:
    limiter = Limiter(2)
    rate = Rate(1, 100)
    assert [limiter.wait(name, rate, 0) for name in "aabb"] == [0, 100, 0, 100]
    assert limiter.wait("c", rate, 1) == 0
    assert len(limiter) == 2
    assert limiter.wait("b", rate, 2) == 98
    assert limiter.wait("a", rate, 2) == 0  # forgotten


def test_an_owner_of_ipv6_has_a_64() -> None:
    assert network_of("45.0.0.1") == "45.0.0.1"
    assert network_of("2a00:1:2:3:4:5:6:7") == network_of("2a00:1:2:3::1") == "2a00:1:2:3::"
    assert network_of("2a00:1:2:4::1") != network_of("2a00:1:2:3::1")
    assert network_of("::ffff:45.0.0.1") == "45.0.0.1"
    assert network_of("fe80::1%eth0") == "fe80::"
    assert network_of("unknown") == "unknown"
