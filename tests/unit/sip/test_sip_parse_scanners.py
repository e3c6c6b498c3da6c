"""What scanners send by default is recognised; what phones send is not."""

from __future__ import annotations

import pytest
from support.sip_packets import PHONE, SERVER, answer, ask, play, types

from zt.sip.parse import parse
from zt.sip.scanners import signature

OPTIONS = ask("OPTIONS", agent="abcdefgh")
NMAP = (
    "OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm;branch=foo\r\nFrom: <sip:nm@nm>;tag=root\r\n"
    "To: <sip:nm2@nm2>\r\nCall-ID: 50000\r\nCSeq: 42 OPTIONS\r\nMax-Forwards: 70\r\n\r\n"
)
ZMAP = OPTIONS.replace("z9hG4bK-call-1-OPTIONS-1", "QwErTy.0123456789")


@pytest.mark.parametrize(
    ("request_text", "name"),
    [
        (ask("REGISTER", agent="friendly-scanner"), "friendly-scanner"),
        (ask("INVITE", agent="sipcli/v1.8"), "sipcli"),
        (ask("OPTIONS", agent="VaxSIPUserAgent/3.1"), "vaxsipuseragent"),
        (ask("OPTIONS", agent="pplsip"), "pplsip"),
        (OPTIONS.replace("sip:alice@pbx.example", "sip:100@1.1.1.1"), "sipvicious"),
        (OPTIONS.replace('"Alice, <tester>" ', '"sipvicious"'), "sipvicious"),
        (ask("OPTIONS", tag="70c00e8c"), "metasploit"),
        (NMAP, "nmap"),
        (ZMAP, "zmap"),
        (ZMAP.replace("\r\n", "\n"), "zmap"),
    ],
)
def test_a_scanner_is_known_by_what_it_sends_by_default(request_text: str, name: str) -> None:
    message = parse(request_text.encode())
    assert message.error == ""
    assert signature(message) == name


@pytest.mark.parametrize(
    "request_text",
    [
        OPTIONS,
        ask("OPTIONS", agent="eyeBeam release 1102q stamp 51814"),
        ask("OPTIONS", agent="Asterisk PBX 20.1"),
        ask("OPTIONS", agent="Cisco-SIPGateway/IOS-15"),
        ask("OPTIONS", branch="z9hG4bKQwErTy.0123456789"),
        ask("OPTIONS", branch="an.old-one"),  # RFC 2543
    ],
)
def test_a_phone_is_no_scanner(request_text: str) -> None:
    assert signature(parse(request_text.encode())) is None


@pytest.mark.parametrize("request_text", [NMAP, ZMAP, ask("OPTIONS", tag="70c00e8c")])
def test_an_answered_probe_is_a_msg_probe_event(request_text: str) -> None:
    events = play((0, PHONE, SERVER, request_text), (0.1, SERVER, PHONE, answer(request_text, 200)))
    assert types(events) == ["msg-probe"]


def test_a_datagram_with_nothing_but_a_method_is_a_parse_error() -> None:
    (event,) = play((0, PHONE, SERVER, b"OPTIONS"))  # a probe of ZMap's examples
    assert (event["type"], event["event"]["reason"]) == ("parse-error", "malformed request line")
