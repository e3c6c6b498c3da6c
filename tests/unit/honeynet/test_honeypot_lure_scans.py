"""Scanners find a PBX, and the extensions that pretend to exist."""

from __future__ import annotations

import pytest
from support.lure_asks import (
    NMAP,
    SCANS,
    SVMAP,
    SVWAR,
    log_in,
    lure,
    read,
    request,
    statuses,
    tell,
    value,
)

from zt.honeynet.honeypot.lure.personality import PERSONALITIES

EVERY = PERSONALITIES.names()


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("scan", [SVMAP, NMAP])
def test_a_scan_for_servers_is_answered_by_ok(name: str, scan: str) -> None:
    assert statuses(tell(lure(name), scan)) == [200]


@pytest.mark.parametrize("name", EVERY)
def test_svmap_reads_what_the_software_is_called(name: str) -> None:
    look = PERSONALITIES.load(name)
    (answer,) = tell(lure(name), SVMAP)
    assert value(answer, look.software_header) == look.software


@pytest.mark.parametrize("name", EVERY)
def test_extensions_that_exist_are_told_from_those_that_do_not(name: str) -> None:
    honeypot, look = lure(name, extensions="101, 104-105"), PERSONALITIES.load(name)
    found = []
    for number in range(99, 108):
        (answer,) = tell(honeypot, SVWAR.replace("101", str(number)))
        if read(answer).status == look.register_challenge:
            found.append(number)
        else:
            assert read(answer).status == look.unknown_user.status
    assert found == [101, 104, 105]


def test_a_repeated_request_gets_the_same_tag_and_another_one_does_not() -> None:
    honeypot = lure()
    first, again, other = (
        read(tell(honeypot, text, seconds)[0]).to_tag
        for text, seconds in ((SVMAP, 0), (SVMAP, 3), (SVMAP.replace("6341", "6342"), 3))
    )
    assert first == again != other


def test_who_knows_no_secret_foretells_no_tag() -> None:
    one, other = (read(tell(lure(secret=bytes([n] * 32)), SVMAP)[0]).to_tag for n in (1, 2))
    assert one != other


@pytest.mark.parametrize("status", [100, 200, 401, 503])
def test_responses_are_never_answered(status: int) -> None:
    text = SVMAP.replace("OPTIONS sip:100@198.51.100.7 SIP/2.0", f"SIP/2.0 {status} Any")
    assert tell(lure(), text) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Call-ID: ", "Call-IX: "),
        ("Via: ", "Vix: "),
        ("CSeq: 1 OPTIONS", "CSeq: OPTIONS"),
        ("From: ", "From: \x00"),
        ("Call-ID: ", "Call-ID: " + "9" * 5_000),
        ("Via: ", "Via: SIP/2.0/UDP a;branch=z9hG4bKx\r\nVia: " * 20),
        ("User-Agent: ", "User-Agent: " + "x" * 9_000),
    ],
)
def test_what_lacks_or_overfills_what_a_reply_repeats_is_not_answered(old: str, new: str) -> None:
    assert tell(lure(), SVMAP.replace(old, new)) == []


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (SVMAP.replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1), 505),
        (SVMAP.replace("sip:100@198.51.100.7 SIP", "* SIP"), 400),
        (SVMAP.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), 400),
    ],
)
def test_what_is_broken_but_can_be_answered_is_told_so(text: str, status: int) -> None:
    assert statuses(tell(lure(), text)) == [status]


@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "MESSAGE", "PUBLISH", "REFER"])
def test_whatever_costs_something_is_challenged(method: str) -> None:
    assert statuses(tell(lure("freepbx"), request(method))) == [401]
    assert statuses(tell(lure("kamailio"), request(method))) == [407]


def test_methods_that_belong_in_a_dialog_and_unknown_ones_are_refused() -> None:
    assert statuses(tell(lure(), request("INFO"))) == [481]
    assert statuses(tell(lure(), request("BYE", to_tag="made-up"))) == [481]
    assert statuses(tell(lure(), request("CANCEL"))) == [481]
    assert statuses(tell(lure(), request("NOTIFY", to_tag="made-up"))) == [481]
    assert statuses(tell(lure("asterisk"), request("DANCE"))) == [501]
    (answer,) = tell(lure("freepbx"), request("DANCE", extra=("Subject: " + "x" * 300,)))
    assert read(answer).status == 405
    assert "INVITE" in value(answer, "Allow")


@pytest.mark.parametrize(
    ("method", "status"), [("MESSAGE", 202), ("SUBSCRIBE", 489), ("PUBLISH", 489), ("REFER", 403)]
)
def test_nothing_is_behind_what_a_password_opens(method: str, status: int) -> None:
    answers = log_in(lure("freepbx"), method, user="102", password="1234")
    assert statuses(answers) == [status]


def test_acknowledgements_are_not_answered() -> None:
    assert tell(lure(), request("ACK", to_tag="made-up")) == []


def test_a_whole_reply_goes_to_who_is_connected() -> None:
    (short,) = tell(lure(), SVMAP)
    (whole,) = tell(lure(), SVMAP, transport="TCP")
    assert value(short, "Allow") == ""
    assert value(whole, "Allow").startswith("INVITE, ACK")
    assert value(whole, "Contact") == "<sip:198.51.100.7:5060;transport=tcp>"


def test_an_ipv6_source_is_answered() -> None:
    (answer,) = tell(lure(), SVMAP, src="2001:db8::66", transport="TCP")
    assert ";received=2001:db8::66;rport=5061" in answer
    assert value(answer, "Contact") == "<sip:[2001:db8::7]:5060;transport=tcp>"


def test_the_address_shown_may_be_another_one() -> None:
    (answer,) = tell(lure(address="192.0.2.9"), SVMAP, transport="TLS")
    assert value(answer, "Contact") == "<sip:192.0.2.9:5060;transport=tls>"


@pytest.mark.parametrize("name", SCANS)
def test_each_scan_is_answered_in_full_over_a_connection(name: str) -> None:
    assert len(tell(lure(), SCANS[name], transport="TCP")) == 1
