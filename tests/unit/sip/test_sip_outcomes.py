"""The rules: which traffic becomes which events, and which becomes none."""

from __future__ import annotations

from typing import Any

import pytest
from support.sip_packets import (
    AGENT,
    CALLEE,
    OTHER_PHONE,
    PHONE,
    SERVER,
    Step,
    answer,
    ask,
    challenge,
    credentials,
    datagram,
    play,
    types,
)

from zt.errors import InputError
from zt.sip import Limits, Probe


def register(
    at: float, n: int, status: int, *request_extra: str, response: tuple[str, ...] = (), **more: Any
) -> list[Step]:
    """A REGISTER and its response."""
    request = ask("REGISTER", n=n, extra=request_extra, **more)
    return [
        (at, PHONE, SERVER, request),
        (at + 0.01, SERVER, PHONE, answer(request, status, tag="srv", extra=response)),
    ]


def login(at: float, n: int, nonce: str, status: int = 200, **more: Any) -> list[Step]:
    """A REGISTER that is challenged, and its second try."""
    return [
        *register(at, n, 401, response=(challenge(nonce),), **more),
        *register(at + 0.1, n + 1, status, credentials(nonce), response=(challenge("x"),), **more),
    ]


def simple(method: str, status: int, **more: Any) -> list[Step]:
    request = ask(method, **more)
    return [
        (0, PHONE, SERVER, request),
        (0.01, SERVER, PHONE, answer(request, status, tag="srv")),
    ]


INVITE = ask("INVITE")
AGAIN = ask("INVITE", n=2, extra=[credentials("n1", header="Proxy-Authorization")])
BYE = ask("BYE", n=3, to_tag="callee")
ACK = ask("ACK", n=2, to_tag="callee")
BYE_BY_CALLEE = ask("BYE", user="bob", to="alice", tag="callee", to_tag="caller", n=1, agent="Bob")
CANCEL = ask("CANCEL", branch="z9hG4bK-call-1-INVITE-1")
OPTIONS = ask("OPTIONS")
REINVITE = ask("INVITE", n=3, to_tag="callee")

ANSWERED: list[Step] = [
    (0, PHONE, SERVER, INVITE),
    (0.1, SERVER, PHONE, answer(INVITE, 180, tag="callee")),
    (1, SERVER, PHONE, answer(INVITE, 200, tag="callee")),
    (1.1, PHONE, SERVER, ACK),
]

TABLE: dict[str, tuple[list[Step], list[str]]] = {
    "a new binding": (register(0, 1, 200), ["reg-new"]),
    "a refresh is no news": (register(0, 1, 200) + register(60, 2, 200), ["reg-new"]),
    "a binding that ran out is news again": (
        register(0, 1, 200, "Expires: 60") + register(200, 2, 200, "Expires: 60"),
        ["reg-new", "reg-expired", "reg-new"],
    ),
    "the registrar's lifetime counts": (
        register(
            0, 1, 200, "Expires: 60", response=(f"Contact: <sip:alice@{PHONE}:5060>;expires=600",)
        )
        + register(200, 2, 200, "Expires: 60"),
        ["reg-new"],
    ),
    "expires 0 deletes": (
        register(0, 1, 200) + register(9, 2, 200, "Expires: 0"),
        ["reg-new", "reg-del"],
    ),
    "deleting what is unknown is no news": (register(0, 1, 200, "Expires: 0"), []),
    "an authenticated registration is one event": (login(0, 1, "n1"), ["reg-new"]),
    "a wrong password": (login(0, 1, "n1", 401), ["auth-failed"]),
    "a wrong password, forbidden": (login(0, 1, "n1", 403), ["auth-failed"]),
    "mistyped once, then right": (
        [
            *login(0, 1, "n1", 401),
            *register(5, 3, 200, credentials("x")),
        ],
        ["auth-failed", "reg-new"],
    ),
    "an expired nonce that was accepted before": (
        [
            *login(0, 1, "n1"),
            *register(60, 3, 401, credentials("n1"), response=(challenge("n2"),)),
            *register(60.1, 4, 200, credentials("n2")),
        ],
        ["reg-new"],
    ),
    "an expired nonce that the server calls stale": (
        [
            *register(0, 1, 401, credentials("old"), response=(challenge("n2", stale=True),)),
            *register(0.1, 2, 200, credentials("n2")),
        ],
        ["reg-new"],
    ),
    "accepted from alice says nothing about carol": (
        [
            *login(0, 1, "n1"),
            *register(9, 1, 401, credentials("n1", "carol"), user="carol", call="call-2"),
        ],
        ["reg-new", "auth-failed"],
    ),
    "a right password for a forbidden request": (
        [*login(0, 1, "n1"), *register(9, 3, 403, credentials("n1"))],
        ["reg-new", "other-failed"],
    ),
    "a challenge never answered": (register(0, 1, 401), ["other-failed"]),
    "a challenged call never tried again": (simple("INVITE", 407), ["call-attempt"]),
    "an answer with a new Call-ID": (
        [
            *register(0, 1, 401, response=(challenge("n1"),)),
            *register(1, 1, 200, credentials("n1"), call="call-2", tag="other"),
        ],
        ["reg-new"],
    ),
    "one login does not cover two guesses of names": (
        [
            *register(0, 1, 401, user="carol", call="c"),
            *register(1, 1, 401, user="dave", call="d"),
            *login(2, 1, "n1"),
        ],
        ["reg-new", "other-failed", "other-failed"],
    ),
    "svcrack: one CSeq, new branches": (
        [
            step
            for guess in range(4)
            for step in register(
                guess, 1, 401, credentials(f"g{guess}"), branch=f"z9hG4bK-{guess}", cseq=1
            )
        ],
        ["auth-failed"] * 4,
    ),
    "one branch for everything hides nothing": (
        [
            step
            for guess in range(3)
            for step in register(guess, 1, 401, credentials(f"g{guess}"), branch="z9hG4bK-same")
        ],
        ["auth-failed"] * 3,
    ),
    "unknown extension": (simple("REGISTER", 404), ["other-failed"]),
    "a call": (
        [*ANSWERED, (9, PHONE, SERVER, BYE), (9.1, SERVER, PHONE, answer(BYE, 200))],
        ["call-start", "call-end"],
    ),
    "an authenticated call is two events": (
        [
            (0, PHONE, SERVER, INVITE),
            (0.1, SERVER, PHONE, answer(INVITE, 407, tag="p", extra=[challenge("n1")])),
            (0.2, PHONE, SERVER, ask("ACK", to_tag="p", branch="z9hG4bK-call-1-INVITE-1")),
            (0.3, PHONE, SERVER, AGAIN),
            (0.4, SERVER, PHONE, answer(AGAIN, 100)),
            (1, SERVER, PHONE, answer(AGAIN, 200, tag="callee")),
            (1.1, PHONE, SERVER, ACK),
            (9, PHONE, SERVER, BYE),
            (9.1, SERVER, PHONE, answer(BYE, 200)),
        ],
        ["call-start", "call-end"],
    ),
    "a re-INVITE is no news, accepted or not": (
        [
            *ANSWERED,
            (2, PHONE, SERVER, REINVITE),
            (2.1, SERVER, PHONE, answer(REINVITE, 488)),
        ],
        ["call-start"],
    ),
    "a REGISTER does not hide in a call": (
        [*ANSWERED, *register(2, 9, 404, to_tag="callee")],
        ["call-start", "other-failed"],
    ),
    "a call that stays open": (ANSWERED, ["call-start"]),
    "a BYE nobody answers ends the call": (
        [*ANSWERED, (9, PHONE, SERVER, BYE)],
        ["call-start", "call-end"],
    ),
    "a challenged BYE does not end the call": (
        [*ANSWERED, (9, PHONE, SERVER, BYE), (9.1, SERVER, PHONE, answer(BYE, 407))],
        ["call-start"],
    ),
    "BYE from both sides is one end": (
        [
            *ANSWERED,
            (9, PHONE, SERVER, BYE),
            (9.05, SERVER, PHONE, BYE_BY_CALLEE),
            (9.1, SERVER, PHONE, answer(BYE, 200)),
            (9.2, PHONE, SERVER, answer(BYE_BY_CALLEE, 200)),
        ],
        ["call-start", "call-end"],
    ),
    "a BYE for a call that nobody knows": (simple("BYE", 481, to_tag="x"), ["other-failed"]),
    "busy": (simple("INVITE", 486), ["call-attempt"]),
    "cancelled": (
        [
            (0, PHONE, SERVER, INVITE),
            (0.1, SERVER, PHONE, answer(INVITE, 180, tag="callee")),
            (3, PHONE, SERVER, CANCEL),
            (3.1, SERVER, PHONE, answer(CANCEL, 200)),
            (3.2, SERVER, PHONE, answer(INVITE, 487, tag="callee")),
        ],
        ["call-attempt"],
    ),
    "no answer to a call": ([(0, PHONE, SERVER, INVITE)], ["call-attempt"]),
    "a proxied call is one call": (
        [
            (0, PHONE, SERVER, INVITE),
            (0.1, SERVER, CALLEE, INVITE.replace("-INVITE-1", "-hop-2")),
            (1, CALLEE, SERVER, answer(INVITE, 200, tag="callee").replace("-INVITE-1", "-hop-2")),
            (1.1, SERVER, PHONE, answer(INVITE, 200, tag="callee")),
            (9, CALLEE, SERVER, BYE_BY_CALLEE),
            (9.1, SERVER, PHONE, BYE_BY_CALLEE.replace("-BYE-1", "-bye-2")),
            (9.2, PHONE, SERVER, answer(BYE_BY_CALLEE, 200).replace("-BYE-1", "-bye-2")),
            (9.3, SERVER, CALLEE, answer(BYE_BY_CALLEE, 200)),
        ],
        ["call-start", "call-end"],
    ),
    "keep-alive": (simple("OPTIONS", 200), ["other-ok"]),
    "refused": (simple("MESSAGE", 403), ["other-failed"]),
    "unanswered": ([(0, PHONE, SERVER, OPTIONS)], ["other-timeout"]),
    "svmap": (simple("OPTIONS", 200, agent="friendly-scanner"), ["msg-probe"]),
    "svmap, challenged": (simple("OPTIONS", 401, agent="friendly-scanner"), ["msg-probe"]),
    "svmap into the void": (
        [(0, PHONE, SERVER, ask("OPTIONS", agent="SIPVicious 0.3"))],
        ["msg-probe"],
    ),
    "an invented To tag does not hide a call": (
        simple("INVITE", 404, to_tag="fake"),
        ["call-attempt"],
    ),
    "nor does it hide a probe": (
        simple("OPTIONS", 200, to_tag="fake", agent="sipcli/v1.8"),
        ["msg-probe"],
    ),
    "a request in a dialog that began before": (simple("NOTIFY", 200, to_tag="x"), []),
    "ACK and PRACK alone": (
        [(0, PHONE, SERVER, ACK), (1, PHONE, SERVER, ask("PRACK", to_tag="callee"))],
        [],
    ),
    "a response without request": ([(0, SERVER, PHONE, answer(INVITE, 200, tag="x"))], []),
    "no SIP": (
        [
            (0, PHONE, SERVER, b"\r\n\r\n"),
            (1, PHONE, SERVER, b"\x00\x00\x00\x00"),
            (2, PHONE, SERVER, b"jaK"),
            (3, PHONE, SERVER, b""),
            (4, PHONE, SERVER, b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)),
            (5, PHONE, SERVER, b"\x80\x00" + bytes(170)),
        ],
        [],
    ),
    "broken request line": (
        [(0, PHONE, SERVER, "INVITE sip:a b SIP/2.0\r\n\r\n")],
        ["parse-error"],
    ),
    "no headers, other port": (
        [(0, PHONE + "/9", SERVER + "/7", "OPTIONS sip:x SIP/2.0\r\n\r\n")],
        ["parse-error"],
    ),
    "a method on port 5060": ([(0, PHONE, SERVER, "REGISTER me please")], ["parse-error"]),
    "the same garbage again": (
        [(n, PHONE, SERVER, "SIP/2.0 huh\r\n\r\n") for n in range(5)],
        ["parse-error"],
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_outcome(case: str) -> None:
    steps, expected = TABLE[case]
    assert types(play(*steps)) == expected


@pytest.mark.parametrize("case", TABLE)
def test_retransmissions_change_nothing(case: str) -> None:
    steps, expected = TABLE[case]
    doubled = [
        (at + late, *rest) for step in steps for at, *rest in [step] for late in (0.0, 0.002)
    ]
    assert types(play(*doubled)) == expected  # type: ignore[arg-type]


def test_the_whole_event() -> None:
    events = play(*login(0, 1, "n1"))
    assert events == [
        {
            "@timestamp": "2026-01-01T00:00:00.110000Z",
            "type": "reg-new",
            "sip": {
                "from": "sip:alice@pbx.example",
                "to": "sip:alice@pbx.example",
                "contact": "sip:alice@203.0.113.5:5060",
                "call_id": "call-1",
                "fromtag": "caller",
                "totag": "srv",
                "cseq": 2,
                "request": {"method": "REGISTER", "sig": "VFTISCUL:x6:a6:x18"},
                "response": {"status": 200},
                "sip_reason": "Reason 200",
                "auth": {"username": "alice", "realm": "pbx.example"},
            },
            "uri": {"original": "sip:pbx.example"},
            "user_agent": {"original": "Phone 1.0"},
            "uas": {"original": "PBX 2.0"},
            "client": {"ip": PHONE, "port": 5060, "transport": "UDP", "proven": True},
            "server": {"ip": SERVER, "port": 5060},
            "event": {"messages": 2},
            "agent": {"type": "zt-probe", "name": "edge-1", "version": "0.1.0"},
        }
    ]


def test_a_call_ended_by_the_callee_keeps_the_callers_view() -> None:
    start, end = play(
        *ANSWERED,
        (9.5, SERVER, PHONE, BYE_BY_CALLEE),
        (9.6, PHONE, SERVER, answer(BYE_BY_CALLEE, 200)),
    )
    assert end["@timestamp"] == "2026-01-01T00:00:09.600000Z"
    assert end["event"]["duration"] == 8.5
    assert end["event"]["call_start"] == start["@timestamp"] == "2026-01-01T00:00:01.000000Z"
    assert end["client"] == start["client"]
    assert (end["sip"]["from"], end["sip"]["to"]) == (start["sip"]["from"], start["sip"]["to"])
    assert end["sip"]["originator"] == "callee-terminated"
    assert end["uas"]["original"] == "Bob"


def test_the_first_hop_of_a_proxied_call_is_the_client() -> None:
    for event in play(*TABLE["a proxied call is one call"][0]):
        assert (event["client"]["ip"], event["server"]["ip"]) == (PHONE, SERVER)


SERVER_V6, PHONE_V6 = "2001:db8::10", "2001:db8::5"
LAST_HOP = INVITE.replace("\r\nVia", "\r\nVia: SIP/2.0/UDP p;branch=z9hG4bK-hop-2\r\nVia", 1)


def test_a_proxy_may_relay_from_another_of_its_addresses() -> None:
    events = play(
        *simple("OPTIONS", 200),  # by now SERVER is known for one
        (1, PHONE_V6, SERVER_V6, INVITE),
        (1.1, SERVER, CALLEE, LAST_HOP),
        (2, CALLEE, SERVER, answer(LAST_HOP, 200, tag="callee")),
        (2.1, SERVER_V6, PHONE_V6, answer(INVITE, 200, tag="callee")),
    )
    assert types(events) == ["other-ok", "call-start"]
    assert events[1]["client"]["ip"] == PHONE_V6


def test_a_forged_via_hides_nothing() -> None:
    forged = [LAST_HOP.replace("hop-2", f"hop-{n}") for n in range(2, 5)]
    events = play(
        (0, PHONE, SERVER, INVITE),
        *((n, OTHER_PHONE, SERVER, request) for n, request in enumerate(forged, 1)),
    )
    assert types(events) == ["call-attempt"] * 4


@pytest.mark.parametrize(
    ("steps", "time", "reason"),
    [
        ([(0, PHONE, SERVER, OPTIONS)], 0, "end of capture"),
        (
            [(0, PHONE, SERVER, OPTIONS), (99, PHONE, SERVER, b"x")],
            30,
            "no answer within 30 s",
        ),
        (
            [
                (0, PHONE, SERVER, INVITE),
                (5, SERVER, PHONE, answer(INVITE, 180)),
                (999, PHONE, SERVER, b"x"),
            ],
            185,
            "no final answer within 180 s",
        ),
        (
            [*register(0, 1, 401), (99, PHONE, SERVER, b"x")],
            0.01,
            "challenge not answered within 32 s",
        ),
        (register(0, 1, 401), 0.01, "challenge not answered by the end of capture"),
        (TABLE["cancelled"][0], 3.2, "cancelled"),
    ],
)
def test_reasons_and_their_times(steps: list[Step], time: float, reason: str) -> None:
    (event,) = play(*steps)
    assert event["event"]["reason"] == reason
    minutes, seconds = divmod(time, 60)
    assert event["@timestamp"] == f"2026-01-01T00:{int(minutes):02}:{seconds:09.6f}Z"


def test_retransmissions_are_counted() -> None:
    (event,) = play(
        (0, PHONE, SERVER, OPTIONS),
        (0.5, PHONE, SERVER, OPTIONS),
        (1.5, PHONE, SERVER, OPTIONS),
        (1.6, SERVER, PHONE, answer(OPTIONS, 200)),
    )
    assert event["event"] == {"messages": 4, "retransmissions": 2}


def test_only_an_issued_nonce_proves() -> None:
    guess = register(0, 1, 401, credentials("made-up"))
    assert play(*guess)[0]["client"]["proven"] is False
    # The same nonce, but sent to somebody else.
    elsewhere = [
        (at, OTHER_PHONE if src == PHONE else src, OTHER_PHONE if dst == PHONE else dst, payload)
        for at, src, dst, payload in register(0, 1, 401, response=(challenge("n1"),), call="o")
    ]
    stolen = register(1, 1, 401, credentials("n1"))
    assert play(*elsewhere, *stolen)[0]["client"]["proven"] is False
    # A challenge that comes from an address which was not asked.
    foreign = register(0, 1, 401, response=(challenge("n1"),))
    foreign[1] = (0.01, CALLEE, PHONE, foreign[1][3])
    assert play(*foreign, *stolen)[0]["client"]["proven"] is False


def test_a_proof_holds_for_an_hour() -> None:
    proof = login(0, 1, "n1", 401)
    events = play(
        *proof,
        *register(3_000, 5, 404, call="later"),
        *register(7_000, 5, 404, call="too-late"),
    )
    assert [event["client"]["proven"] for event in events] == [True, True, False]


def test_tcp_is_proven() -> None:
    (event,) = play(*simple("OPTIONS", 200), transport="TCP")
    assert event["client"] == {"ip": PHONE, "port": 5060, "transport": "TCP", "proven": True}


def test_no_digest_leaves_the_probe() -> None:
    assert "0123456789abcdef" not in repr(play(*login(0, 1, "n1", 401)))


def test_star_deletes_all_bindings() -> None:
    star = ask("REGISTER", n=9, extra=["Expires: 0"]).replace(f"<sip:alice@{PHONE}:5060>", "*")
    steps: list[Step] = [
        *register(0, 1, 200),
        (5, OTHER_PHONE, SERVER, star),
        (5.1, SERVER, OTHER_PHONE, answer(star, 200)),
        *register(9, 2, 200),
    ]
    assert types(play(*steps)) == ["reg-new", "reg-del", "reg-new"]


def test_the_same_contact_from_elsewhere_is_a_new_binding() -> None:
    moved = [
        (at + 9, OTHER_PHONE if src == PHONE else src, OTHER_PHONE if dst == PHONE else dst, load)
        for at, src, dst, load in register(0, 2, 200)
    ]
    assert types(play(*register(0, 1, 200), *moved)) == ["reg-new", "reg-new"]


def test_evicted_transactions_get_an_honest_outcome() -> None:
    flood: list[Step] = [(n, PHONE, SERVER, ask("MESSAGE", n=n + 1)) for n in range(5)]
    events = play(*flood, limits=Limits(transactions=2))
    assert [event["event"]["reason"] for event in events] == [
        "too many open transactions",
        "too many open transactions",
        "too many open transactions",
        "end of capture",
        "end of capture",
    ]


def test_one_key_for_different_requests_hides_none_of_them() -> None:
    guesses: list[Step] = [
        (n / 10, PHONE, SERVER, ask("REGISTER", extra=[credentials(f"g{n}")])) for n in range(3)
    ]
    answers: list[Step] = [
        (1 + n / 10, SERVER, PHONE, answer(ask("REGISTER"), 401, tag="s")) for n in range(3)
    ]
    events = play(*guesses, *answers)
    assert types(events) == ["other-timeout", "other-timeout", "auth-failed"]
    assert events[0]["event"]["reason"] == "another request took its place"


def test_evicted_challenges_get_an_honest_outcome() -> None:
    flood = [step for n in range(5) for step in register(n, 1, 401, user=f"user{n}", call=f"c{n}")]
    events = play(*flood, limits=Limits(challenges=2))
    assert types(events) == ["other-failed"] * 5
    assert [event["event"]["reason"] for event in events[:3]] == ["too many open challenges"] * 3


def test_a_flood_leaves_nothing_behind() -> None:
    probe = Probe(AGENT, Limits(transactions=50, challenges=50, calls=50, registrations=50))
    for n in range(2_000):
        for method, status in (("REGISTER", 200), ("REGISTER", 401), ("INVITE", 200)):
            request = ask(method, n=n, call=f"{method}-{status}-{n}", user=f"u{n}", tag=f"t{n}")
            probe.feed(datagram(n / 100, PHONE, SERVER, request))
            probe.feed(datagram(n / 100, SERVER, PHONE, answer(request, status, tag="x")))
    probe.finish()
    assert probe.stats.calls_forgotten == 1_950
    assert not probe._rules._transactions._first_hops
    assert not probe._rules._challenges._by_sender


def test_time_that_goes_back_is_harmless() -> None:
    events = play(
        (100, PHONE, SERVER, OPTIONS),
        (0, SERVER, PHONE, answer(OPTIONS, 200)),
        (50, PHONE, SERVER, ask("OPTIONS", n=2)),
    )
    assert types(events) == ["other-ok", "other-timeout"]


def test_a_parse_error_tells_what_it_can() -> None:
    (event,) = play((0, PHONE, SERVER, OPTIONS.replace("CSeq: 1", "CSeq: one")))
    assert event["event"] == {"reason": "malformed CSeq header"}
    assert event["sip"]["from"] == "sip:alice@pbx.example"
    assert event["client"]["ip"] == PHONE


def test_long_requests_leave_sooner() -> None:
    long = "X-Padding: " + "x" * 10_000
    flood: list[Step] = [
        (n, PHONE, SERVER, ask("MESSAGE", n=n + 1, extra=[long])) for n in range(20)
    ]
    probe = Probe(AGENT, Limits(request_bytes=50_000))
    events = [event for step in flood for event in probe.feed(datagram(*step))]
    assert len(events) == 15
    assert {event["event"]["reason"] for event in events} == {"too many open transactions"}


def test_challenges_of_long_requests_leave_sooner() -> None:
    long = "X-Padding: " + "x" * 10_000
    flood = [
        step
        for n in range(20)
        for step in register(n / 10, 1, 401, long, user=f"user{n}", call=f"c{n}")
    ]
    probe = Probe(AGENT, Limits(request_bytes=50_000))
    events = [event for step in flood for event in probe.feed(datagram(*step))]
    assert types(events) == ["other-failed"] * 16
    assert {event["event"]["reason"] for event in events} == {"too many open challenges"}


def test_one_long_request_makes_room_for_itself_among_many_short_ones() -> None:
    probe = Probe(AGENT, Limits(request_bytes=20_000), throttle=None)
    for n in range(200):
        extra = ["X-Padding: " + "x" * 15_000] if n % 40 == 39 else []
        request = ask("INVITE", n=n + 1, call=f"c{n}", tag=f"t{n}", extra=extra)
        for status in (0, 180, 486):
            source, target = (SERVER, PHONE) if status else (PHONE, SERVER)
            load = answer(request, status, tag="x") if status else request
            probe.feed(datagram(n / 100, source, target, load))
        stages = probe._rules._transactions._stages
        assert all(stage.weight <= 20_000 + 16_000 for stage in stages)
        assert all(stage.weight == sum(t.weight for t in stage.entries) for stage in stages)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="the limit calls of the probe is 0"):
        Limits(calls=0)
