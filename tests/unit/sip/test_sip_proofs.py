"""`client.proven`: whose address is no mere claim, and whose may be forged."""

from __future__ import annotations

from support.sip_dialogs import acknowledge, call, exchange, run
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

LATER = exchange(60, "MESSAGE", 404, call="later")


def proven(*steps: Step, last: list[Step] = LATER) -> bool:
    """Whether the client is proven by the time it sends the last request."""
    event = run(*steps, *last)[0][-1]
    assert event["sip"]["call_id"] == "later"
    return bool(event["client"]["proven"])


def test_nobody_is_proven_by_speaking() -> None:
    assert not proven()
    assert not proven(*exchange(0, "OPTIONS", 200))
    assert not proven(*call(acknowledged=False))


def test_who_acknowledges_with_the_tag_it_was_given_is_proven() -> None:
    assert proven(*call())


def test_who_acknowledges_with_another_tag_is_not() -> None:
    wrong = (3, PHONE, SERVER, acknowledge(to_tag="guessed"))
    assert not proven(*call(acknowledged=False), wrong)


def test_the_first_request_inside_a_call_proves_as_well_as_the_ack() -> None:
    for method in ("BYE", "INVITE", "UPDATE"):
        inside = exchange(4, method, 200, to_tag="callee", n=9)
        assert proven(*call(acknowledged=False), *inside)


def test_who_uses_the_tag_of_a_ringing_callee_is_proven() -> None:
    assert proven(*call()[:3], *exchange(1, "PRACK", 200, to_tag="callee", n=2))


def test_an_address_that_the_answer_did_not_go_to_is_not_proven_by_its_tag() -> None:
    forged = exchange(4, "BYE", 200, client=OTHER_PHONE, to_tag="callee", n=9)
    last = exchange(60, "MESSAGE", 404, call="later", client=OTHER_PHONE)
    assert not proven(*call(), *forged, last=last)


def test_a_callee_is_not_proven_by_the_callers_tag_which_an_attacker_may_have_made() -> None:
    hang_up = exchange(4, "BYE", 200, client=SERVER, server=PHONE, tag="callee", to_tag="caller")
    last = exchange(60, "MESSAGE", 404, call="later", client=SERVER, server=PHONE)
    assert not proven(*call(), *hang_up, last=last)


def test_an_answer_from_an_address_that_was_not_asked_proves_nothing() -> None:
    invite = ask("INVITE")
    accomplice: list[Step] = [
        (0, PHONE, SERVER, invite),
        (1, CALLEE, PHONE, answer(invite, 200, tag="callee")),
        (2, PHONE, SERVER, acknowledge()),
    ]
    assert not proven(*accomplice)


def test_the_tag_of_a_rejection_proves_nothing_since_proxies_compute_it() -> None:
    rejected = exchange(0, "INVITE", 404, answer_tag="computed", branch="z9hG4bK-a")
    ack = (1, PHONE, SERVER, ask("ACK", to_tag="computed", branch="z9hG4bK-a"))
    assert not proven(*rejected, ack)


def test_a_proof_holds_towards_the_server_it_was_given_to() -> None:
    login = exchange(0, "REGISTER", 401, response=[challenge("n1")])
    again = exchange(1, "REGISTER", 200, n=2, extra=[credentials("n1")])
    assert proven(*login, *again)
    elsewhere = exchange(60, "MESSAGE", 404, call="later", server="192.0.2.99")
    assert not proven(*login, *again, last=elsewhere)
