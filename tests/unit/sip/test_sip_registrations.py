"""Registrations: bindings that come, stay and go, and passwords that are wrong."""

from __future__ import annotations

from typing import Any

import pytest
from support.sip_dialogs import exchange, run
from support.sip_packets import (
    OTHER_PHONE,
    PHONE,
    SERVER,
    Step,
    answer,
    ask,
    challenge,
    credentials,
    types,
)

from zt.sip import Limits, Timers


def register(at: float, n: int, status: int, *, nonce: str = "", new: str = "", **more: Any) -> Any:
    """A REGISTER with the credentials of `nonce`, and an answer with the challenge `new`."""
    extra = [*more.pop("extra", ()), *([credentials(nonce)] if nonce else [])]
    response = [*more.pop("response", ()), *([challenge(new)] if new else [])]
    return exchange(at, "REGISTER", status, n=n, extra=extra, response=response, **more)


def test_keep_alives_by_register_for_an_hour_are_one_event() -> None:
    steps = [*register(0, 1, 401, new="n1"), *register(0.1, 2, 200, nonce="n1")]
    for n in range(1, 120):
        steps += register(30 * n, n + 2, 200, nonce="n1", extra=["Expires: 60"])
    events, probe = run(*steps)
    assert types(events) == ["reg-new"]
    assert probe.stats.requests == 121


def test_keep_alives_whose_nonce_runs_out_every_five_minutes_are_one_event_too() -> None:
    steps, cseq, nonce = register(0, 1, 401, new="n0"), 2, "n0"
    for n in range(120):
        if n and n % 10 == 0:
            steps += register(30 * n, cseq, 401, nonce=nonce, new=f"n{n}")
            nonce, cseq = f"n{n}", cseq + 1
        steps += register(30 * n + 0.1, cseq, 200, nonce=nonce)
        cseq += 1
    assert types(run(*steps, end=True)[0]) == ["reg-new"]


def test_a_binding_that_is_not_refreshed_expires_by_time() -> None:
    steps = register(0, 1, 200, extra=["Expires: 60"])
    assert types(run(*steps, until=85)[0]) == ["reg-new"]
    new, expired = run(*steps, until=95)[0]
    assert expired["type"] == "reg-expired"
    assert expired["@timestamp"] == "2026-01-01T00:01:30.010000Z"
    assert expired["event"]["lifetime"] == 90
    for field in ("from", "to", "contact", "call_id"):
        assert expired["sip"][field] == new["sip"][field]
    assert expired["client"] == new["client"]


def test_a_refresh_moves_the_time_of_expiry() -> None:
    steps = [
        *register(0, 1, 200, extra=["Expires: 60"]),
        *register(50, 2, 200, extra=["Expires: 600"]),
        *register(100, 3, 200, extra=["Expires: 60"]),
    ]
    assert types(run(*steps, until=185)[0]) == ["reg-new"]
    events = run(*steps, until=195)[0]
    assert types(events) == ["reg-new", "reg-expired"]
    assert events[1]["event"]["lifetime"] == 190


def test_the_grace_of_bindings_can_be_set() -> None:
    steps = register(0, 1, 200, extra=["Expires: 60"])
    events = run(*steps, until=70, timers=Timers(binding_grace=5))[0]
    assert types(events) == ["reg-new", "reg-expired"]


def test_an_endless_lifetime_ends_after_a_day() -> None:
    steps = register(0, 1, 200, extra=["Expires: 4294967295"])
    assert types(run(*steps, until=25 * 3_600)[0]) == ["reg-new", "reg-expired"]


def test_a_removed_binding_says_how_long_it_existed_and_does_not_expire() -> None:
    steps = [*register(0, 1, 200), *register(100, 2, 200, extra=["Expires: 0"])]
    new, removed = run(*steps, until=9_999)[0]
    assert (new["type"], removed["type"]) == ("reg-new", "reg-del")
    assert removed["event"]["lifetime"] == 100
    assert "lifetime" not in new["event"]


def test_two_phones_of_one_user_are_two_bindings() -> None:
    second = register(1, 1, 200, client=OTHER_PHONE, call="second", extra=["Expires: 60"])
    events = run(*register(0, 1, 200), *second, until=200)[0]
    assert types(events) == ["reg-new", "reg-new", "reg-expired"]
    assert events[2]["client"]["ip"] == OTHER_PHONE


def test_each_user_may_have_only_so_many_bindings() -> None:
    steps = []
    for n in range(100):
        steps += register(n, n + 1, 200, client=f"192.0.2.{n + 1}", branch=f"z9hG4bK-{n}")
    events, probe = run(*steps)
    assert types(events) == ["reg-new"] * 100
    assert probe.stats.bindings_forgotten == 68
    assert probe._rules.sizes()["bindings"] == 32


def test_a_flood_of_forged_registers_pushes_out_no_proven_phone() -> None:
    steps = [*register(0, 1, 401, new="n1"), *register(0.1, 2, 200, nonce="n1")]
    for n in range(50):
        steps += register(1 + n / 100, 1, 200, user=f"forged{n}", call=f"f{n}", client=OTHER_PHONE)
    steps += register(60, 3, 200, nonce="n1")
    events, probe = run(*steps, limits=Limits(registrations=10))
    assert types(events) == ["reg-new"] * 51
    assert probe.stats.bindings_forgotten == 41


GUESSES: dict[str, tuple[list[Step], int]] = {
    "each with the nonce of the last rejection": (
        [
            *register(0, 1, 401, new="n0"),
            *(
                step
                for n in range(20)
                for step in register(1 + n, n + 2, 401, nonce=f"n{n}", new=f"n{n + 1}")
            ),
        ],
        20,
    ),
    "all with one nonce": (
        [
            *register(0, 1, 401, new="n0"),
            *(
                step
                for n in range(20)
                for step in register(1 + n, n + 2, 401, nonce="n0", new=f"n{n + 1}")
            ),
        ],
        20,
    ),
    "with nonces that nobody gave out": (
        [
            step
            for n in range(20)
            for step in register(n, n + 1, 401, nonce=f"made-up-{n}", new=f"n{n}")
        ],
        20,
    ),
    "the same, each as a call of its own": (
        [
            step
            for n in range(20)
            for step in register(n, 1, 401, nonce=f"m{n}", new=f"n{n}", call=f"c{n}", tag=f"t{n}")
        ],
        20,
    ),
    "each from the beginning": (
        [
            step
            for n in range(20)
            for step in [
                *register(n, 1, 401, new=f"n{n}", call=f"c{n}", tag=f"t{n}"),
                *register(n + 0.1, 2, 401, nonce=f"n{n}", new="x", call=f"c{n}", tag=f"t{n}"),
            ]
        ],
        20,
    ),
    "the server forbids": (
        [
            *register(0, 1, 401, new="n0"),
            *(step for n in range(5) for step in register(1 + n, n + 2, 403, nonce="n0")),
        ],
        5,
    ),
}


@pytest.mark.parametrize("case", GUESSES)
def test_every_guess_of_a_password_counts(case: str) -> None:
    steps, guesses = GUESSES[case]
    assert types(run(*steps, end=True)[0]) == ["auth-failed"] * guesses


PHONES: dict[str, list[Step]] = {
    "a nonce from before the capture": [
        *register(0, 1, 401, nonce="old", new="n1"),
        *register(0.1, 2, 200, nonce="n1"),
    ],
    "the same, and the phone starts anew": [
        *register(0, 1, 401, nonce="old", new="n1"),
        *register(0.1, 2, 401, new="n2"),
        *register(0.2, 3, 200, nonce="n2"),
    ],
    "the same, with another Call-ID": [
        *register(0, 1, 401, nonce="old", new="n1"),
        *register(0.1, 1, 200, nonce="n1", call="call-2", tag="again"),
    ],
    "a nonce that was good until now": [
        *register(0, 1, 401, new="n1"),
        *register(0.1, 2, 200, nonce="n1"),
        *register(60, 3, 401, nonce="n1", new="n2"),
        *register(60.1, 4, 200, nonce="n2"),
    ],
}


@pytest.mark.parametrize("case", PHONES)
def test_a_registered_phone_whose_nonce_ran_out_has_no_wrong_password(case: str) -> None:
    assert types(run(*PHONES[case], end=True)[0]) == ["reg-new"]


def test_a_client_that_gives_up_after_a_rejection_had_a_wrong_password() -> None:
    (event,) = run(*register(0, 1, 401, nonce="old", new="n1"), until=40)[0]
    assert event["type"] == "auth-failed"
    assert event["event"]["reason"] == "challenge not answered within 32 s"
    assert event["@timestamp"] == "2026-01-01T00:00:00.010000Z"


def test_a_wrong_password_after_an_old_nonce_is_one_failure() -> None:
    steps = [
        *register(0, 1, 401, nonce="old", new="n1"),
        *register(0.1, 2, 401, nonce="n1", new="n2"),
    ]
    assert types(run(*steps, end=True)[0]) == ["auth-failed"]


def test_a_nonce_of_another_server_proves_no_wrong_password_and_no_address() -> None:
    elsewhere = register(0, 1, 401, new="n1", server="192.0.2.99", call="elsewhere")
    steps = [*elsewhere, *register(1, 1, 200, nonce="n1")]
    events = run(*steps, end=True)[0]
    assert {event["type"]: event["client"]["proven"] for event in events}["reg-new"] is False


def test_a_binding_can_be_of_several_contacts() -> None:
    request = ask(
        "REGISTER", extra=["Contact: <sip:alice@192.0.2.1>;expires=60, <sip:a@192.0.2.2>"]
    )
    steps: list[Step] = [
        (0, PHONE, SERVER, request),
        (0.01, SERVER, PHONE, answer(request, 200)),
    ]
    events, probe = run(*steps, until=95)
    assert types(events) == ["reg-new", "reg-expired"]
    assert events[1]["sip"]["contact"] == "sip:alice@192.0.2.1"
    assert probe._rules.sizes()["bindings"] == 2
