"""Any messages in any order: nothing raises, memory is bounded, and no call ends twice."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given, settings, target
from hypothesis import strategies as st
from support.sip_dialogs import run
from support.sip_packets import (
    CALLEE,
    OTHER_PHONE,
    PHONE,
    SERVER,
    Step,
    answer,
    ask,
    challenge,
    credentials,
)

from zt.sip import Limits

METHODS = ["INVITE", "ACK", "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "REGISTER", "OPTIONS"]
STATUSES = [100, 180, 183, 200, 202, 302, 401, 403, 407, 408, 481, 486, 487, 500, 603]
EXTRAS: list[list[str]] = [
    [],
    ["Expires: 0"],
    ["Expires: 1"],
    ["Session-Expires: 90"],
    [credentials("n1")],
    [credentials("made-up")],
    [challenge("n1")],
    [challenge("n2", stale=True)],
]
FEW = Limits(
    transactions=3,
    challenges=2,
    request_bytes=2_000,
    calls=3,
    registrations=2,
    nonces=3,
    proofs=2,
    keep_alives=2,
)

requests = st.builds(
    ask,
    st.sampled_from(METHODS),
    user=st.sampled_from(["alice", "bob"]),
    n=st.integers(1, 3),
    call=st.sampled_from(["call-1", "call-2"]),
    tag=st.sampled_from(["caller", "callee"]),
    to_tag=st.sampled_from(["", "caller", "callee", "other"]),
    branch=st.sampled_from(["", "z9hG4bK-same", "old-style"]),
    extra=st.sampled_from(EXTRAS),
)
answers = st.lists(
    st.tuples(
        st.sampled_from(STATUSES),
        st.sampled_from(["", "callee", "other"]),
        st.sampled_from(EXTRAS),
        st.booleans(),
    ),
    max_size=3,
)
addresses = st.sampled_from([PHONE, SERVER, OTHER_PHONE])
pauses = st.sampled_from([0, 0, 0.01, 0.5, 5, 31, 200, 4_000])
exchanges = st.lists(st.tuples(pauses, addresses, addresses, requests, answers), max_size=30)


def in_order(drawn: list[Any]) -> list[Step]:
    """Requests and their answers, some of which come from elsewhere, and some before them."""
    steps: list[Step] = []
    at = 0.0
    for pause, client, server, request, replies in drawn:
        at += pause
        steps.append((at, client, server, request))
        for status, tag, extra, honest in replies:
            source = server if honest else CALLEE
            steps.append((at + 0.01, source, client, answer(request, status, tag=tag, extra=extra)))
    return steps


@settings(max_examples=100)
@given(exchanges)
def test_any_messages_in_any_order(drawn: list[Any]) -> None:
    events, probe = run(*in_order(drawn), end=True, limits=FEW)
    target(float(len({event["type"] for event in events})))
    dialogs = {
        kind: Counter(
            tuple(event["sip"].get(name, "") for name in ("call_id", "fromtag", "totag"))
            for event in events
            if event["type"] == kind and "unmatched_invite" not in event["sip"]
        )
        for kind in ("call-start", "call-end")
    }
    assert dialogs["call-end"] <= dialogs["call-start"]
    rules = probe._rules
    sizes = rules.sizes()
    assert sizes["transactions"] == 0  # the capture has ended
    assert sizes["calls"] <= 3
    assert sizes["bindings"] <= 2
    assert not rules._transactions._first_hops
    assert not rules._challenges._by_sender
    assert rules._challenges._weight == 0
    assert sum(map(len, rules._registrations._by_address.values())) == sizes["bindings"]
