"""Who guesses passwords finds some, and only those; nonces prove addresses."""

from __future__ import annotations

import pytest
from support.lure_asks import credentials, log_in, lure, read, request, statuses, tell, value

from zt.honeynet.honeypot.lure.personality import PERSONALITIES

OTHER = "203.0.113.67"


@pytest.mark.parametrize("name", PERSONALITIES.names())
def test_guessing_finds_the_passwords_that_are_guessable(name: str) -> None:
    honeypot, look = lure(name), PERSONALITIES.load(name)
    for user, password in look.guessable.items():
        answers = log_in(honeypot, "REGISTER", user=user, number=user, password=password)
        assert statuses(answers) == [200]
        wrong = log_in(honeypot, "REGISTER", user=user, number=user, password=password + "x")
        refusal = look.wrong_password.status if look.wrong_password else look.register_challenge
        assert statuses(wrong) == [refusal]


@pytest.mark.parametrize("password", ["", "103", "1234", "password"])
def test_other_extensions_have_no_password_that_is_guessed(password: str) -> None:
    answers = log_in(lure(), "REGISTER", user="103", number="103", password=password)
    assert statuses(answers) == [403]


def test_qop_is_understood() -> None:
    honeypot = lure("freepbx")
    (asked,) = tell(honeypot, request("REGISTER", to="100", of="100"))
    header = credentials(asked, "REGISTER", user="100", password="100", qop=True)
    answers = tell(honeypot, request("REGISTER", to="100", of="100", extra=(header,)))
    assert statuses(answers) == [200]


def test_one_extension_cannot_log_in_as_another() -> None:
    answers = log_in(lure(), "REGISTER", user="101", password="101", number="102")
    assert statuses(answers) == [403]


def test_a_user_that_does_not_exist_cannot_log_in() -> None:
    assert statuses(log_in(lure("freepbx"), "INVITE", user="nobody", password="")) == [401]


def test_credentials_hold_for_their_method_only() -> None:
    honeypot = lure("freepbx", extensions="101", guessable={"101": "101"})
    (asked,) = tell(honeypot, request("REGISTER"))
    header = credentials(asked, "INVITE")
    assert statuses(tell(honeypot, request("REGISTER", extra=(header,)))) == [401]


def test_a_registration_gives_the_contact_back_for_a_while() -> None:
    (answer,) = log_in(lure(), "REGISTER", extra=("Expires: 99999",))
    assert value(answer, "Contact") == "<sip:101@203.0.113.66:5061>;expires=3600"
    (answer,) = log_in(lure(), "REGISTER", extra=("Expires: 0",))
    assert value(answer, "Contact") == ""


@pytest.mark.parametrize("contact", ["*", "<>", "<sip:a b>", '<sip:a">', "<sip:a\x0bX: y>"])
def test_a_contact_that_could_break_out_of_its_header_is_not_repeated(contact: str) -> None:
    honeypot = lure()
    (asked,) = tell(honeypot, request("REGISTER"))
    text = request("REGISTER", extra=(credentials(asked, "REGISTER"),))
    (answer,) = tell(honeypot, text.replace("<sip:101@203.0.113.66:5061>", contact))
    assert read(answer).status == 200
    assert value(answer, "Contact") == ""


def test_a_nonce_holds_for_the_source_that_it_was_sent_to() -> None:
    honeypot = lure()
    (asked,) = tell(honeypot, request("REGISTER"))
    assert statuses(log_in(honeypot, "REGISTER", answer_to=asked)) == [200]
    assert statuses(log_in(honeypot, "REGISTER", answer_to=asked, src=OTHER)) == [401]
    assert statuses(log_in(honeypot, "REGISTER", answer_to=asked, transport="TCP")) == [401]


def test_a_nonce_of_another_honeypot_is_worth_nothing() -> None:
    (asked,) = tell(lure(secret=b"other secret" * 3), request("REGISTER"))
    assert statuses(log_in(lure(), "REGISTER", answer_to=asked)) == [401]


def test_a_nonce_grows_stale_and_says_so() -> None:
    honeypot = lure(nonce_life=60)
    (asked,) = tell(honeypot, request("REGISTER"))
    assert statuses(log_in(honeypot, "REGISTER", 59, answer_to=asked)) == [200]
    (stale,) = log_in(honeypot, "REGISTER", 90, answer_to=asked, transport="UDP")
    assert read(stale).status == 401
    assert statuses(log_in(honeypot, "REGISTER", 90, answer_to=stale)) == [200]


def test_stale_is_said_where_there_is_room() -> None:
    honeypot = lure(nonce_life=60)
    (asked,) = tell(honeypot, request("REGISTER"), transport="TCP")
    (stale,) = log_in(honeypot, "REGISTER", 90, answer_to=asked, transport="TCP")
    assert "stale=true" in value(stale, "WWW-Authenticate")
    assert "stale" not in value(asked, "WWW-Authenticate")


def test_clocks_that_go_back_do_not_take_nonces_along() -> None:
    honeypot = lure(nonce_life=60)
    (asked,) = tell(honeypot, request("REGISTER"), 1_000)
    assert statuses(log_in(honeypot, "REGISTER", 0, answer_to=asked)) == [200]
