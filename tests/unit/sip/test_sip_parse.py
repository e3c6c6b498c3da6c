"""The parser and the grammar of header values, on good, odd and hostile text."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sip_packets import PHONE, SERVER, answer, ask, challenge, credentials, play, types

from zt.sip import headers
from zt.sip.headers import address, digest, number, parameter, split_list, user
from zt.sip.parse import Message, claims_sip, parse


@pytest.mark.parametrize(
    ("value", "uri", "tag"),
    [
        ("<sip:a@h>;tag=1", "sip:a@h", "1"),
        ("sip:a@h;tag=1", "sip:a@h", "1"),
        ("  sip:a@h  ", "sip:a@h", ""),
        ('"A, <x> \\" B" <sip:a@h;lr>;x=2;TAG = 1', "sip:a@h;lr", "1"),
        ("Alice <tel:+123>;tag=1", "tel:+123", "1"),
        ("<sip:a@h?x=y>;tag=1;tag=2", "sip:a@h?x=y", "1"),
        ('"unclosed <sip:a@h>;tag=1', "sip:a@h", "1"),
        ('<sip:a@h>;x=";tag=2\\"";tag=1', "sip:a@h", "1"),
        ("<sip:a@h>;tagged=2;xtag=3;tag=1", "sip:a@h", "1"),
        ("<sip:a:secret@h:5060>;tag=1", "sip:a@h:5060", "1"),
        ("sips:a:secret@[::1]:5060;tag=1", "sips:a@[::1]:5060", "1"),
        ("<sip:[2001:db8::1]:5060>", "sip:[2001:db8::1]:5060", ""),
        ("<tel:+1-2:3>", "tel:+1-2:3", ""),
        ("<sip:a@h", "sip:a@h", ""),
        ("", "", ""),
        ("*", "*", ""),
    ],
)
def test_address(value: str, uri: str, tag: str) -> None:
    found = address(value)
    assert (found.uri, parameter(found.parameters, "tag")) == (uri, tag)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("<sip:a>, <sip:b>", ["<sip:a>", "<sip:b>"]),
        ('"x, y" <sip:a,b>;q=1,sip:c', ['"x, y" <sip:a,b>;q=1', "sip:c"]),
        ('"open, <sip:a>', ['"open, <sip:a>']),
        ("<open, sip:a", ["<open, sip:a"]),
        (",,a,", ["a"]),
        ("", []),
    ],
)
def test_split_list(value: str, values: list[str]) -> None:
    assert [one for one in split_list(value) if one] == values


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("sip:alice@h", "alice"),
        ("sips:alice:secret@h:5061", "alice"),
        ("sip:+49;ext=1@h", "+49"),
        ("sip:%61l%69ce%3b@h", "alice;"),
        ("sip:%ff%zz@h", "\\xff%zz"),
        ("tel:+49-1;phone-context=x", "+49-1"),
        ("sip:h", ""),
        ("nonsense", ""),
    ],
)
def test_user(uri: str, name: str) -> None:
    assert user(uri) == name


def test_digest() -> None:
    found = digest('Digest username="a\\"b", realm=r , nonce="n=1, 2",stale=TRUE, x')
    assert (found.username, found.realm, found.nonce, found.stale) == ('a"b', "r", "n=1, 2", True)
    assert digest("Basic QTpC").nonce == ""
    assert digest("Digest username*=UTF-8''%61%C3%BC, nonce=n").username == "a\u00fc"
    assert digest('Digest realm="a, nonce=\\"no\\", x=", nonce="yes", nonce="2"').nonce == "yes"
    assert digest('Digest nonce="unclosed').nonce == "unclosed"
    assert digest(challenge("n")).fingerprint != digest(challenge("m")).fingerprint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("", None),
        ("-1", None),
        ("1_0", None),
        ("١", None),
        ("9" * 11, None),
        ("0" * 5_000, 0),
        ("0" * 5_000 + "9", 9),
        ("9" * 5_000, None),
    ],
)
def test_number(text: str, value: int | None) -> None:
    assert number(text) == value


def test_a_request() -> None:
    message = parse(ask("INVITE", to_tag="t", extra=[credentials("n1")]).encode())
    assert message.error == ""
    assert (message.method, message.uri, message.status) == ("INVITE", "sip:bob@pbx.example", 0)
    assert (message.from_uri, message.from_tag) == ("sip:alice@pbx.example", "caller")
    assert (message.to_uri, message.to_tag) == ("sip:bob@pbx.example", "t")
    assert (message.call_id, message.cseq, message.branch) == (
        "call-1",
        1,
        "z9hG4bK-call-1-INVITE-1",
    )
    assert message.credentials[0].username == "alice"
    assert message.user_agent == "Phone 1.0"


def test_a_response() -> None:
    message = parse(answer(ask("INVITE"), 407, extra=[challenge("n1")]).encode())
    assert (message.status, message.reason, message.method) == (407, "Reason 407", "INVITE")
    assert message.challenges[0].nonce == "n1"
    assert message.server == "PBX 2.0"


def test_what_a_session_and_its_network_say() -> None:
    message = parse(
        ask(
            "INVITE", extra=["P-Asserted-Identity: <sip:a@h>, <tel:+1>", "x: 90;refresher=uac"]
        ).encode()
    )
    assert (message.pai, message.session_expires) == ("sip:a@h", 90)


def test_compact_folded_and_bare() -> None:
    text = (
        "\r\nOPTIONS  sip:b@h   SIP/2.0\n"
        "v: SIP/2.0/UDP h;received=1.2.3.4\n\t;branch=z9hG4bK1, SIP/2.0/TCP g;branch=Z9HG4BK2\n"
        "f:\n <sip:a@h>;tag=1\nt : sip:b@h\ni: id\nCSEQ:  7   OPTIONS\n"
        "m: <sip:x>\nContact: <sip:y>\nno colon\n: no name\nUser-Agent:\n\nv: body"
    )
    message = parse(text.encode())
    assert message.error == ""
    assert (message.branch, message.previous_branch) == ("z9hG4bK1", "Z9HG4BK2")
    assert (message.from_uri, message.to_uri, message.cseq) == ("sip:a@h", "sip:b@h", 7)
    assert message.contacts == ("<sip:x>", "<sip:y>")
    assert message.user_agent == ""


GOOD = ask("OPTIONS")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("OPTIONS sip:a SIP/2.0\r\n\r\n", "no Via header"),
        (GOOD.replace("From:", "X:"), "no From header"),
        (GOOD.replace("Call-ID: call-1", "Call-ID:  "), "no Call-ID header"),
        (GOOD.replace("CSeq:", "X:"), "no CSeq header"),
        (GOOD.replace("CSeq: 1 OPTIONS", "CSeq: OPTIONS"), "malformed CSeq header"),
        (GOOD.replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), "CSeq names another method"),
        (GOOD.replace("CSeq: 1 ", "CSeq: 99999999999 "), "malformed CSeq header"),
        (GOOD.replace("SIP/2.0", "SIP/3.0", 1), "not SIP version 2.0"),
        (GOOD.replace("OPTIONS", "OPT\x00IONS", 1), "malformed request line"),
        ("SIP/2.0 200\r\n\r\n", "no Via header"),
        ("SIP/2.0 20 OK\r\n\r\n", "malformed status line"),
        ("SIP/2.0 999 OK\r\n\r\n", "status code out of range"),
        ("SIP/2.0\r\n\r\n", "malformed status line"),
        ("SIP/2.0200 OK\r\n\r\n", "malformed status line"),
    ],
)
def test_errors(text: str, error: str) -> None:
    assert parse(text.encode()).error == error


@pytest.mark.parametrize(
    ("payload", "port", "claims"),
    [
        (b"OPTIONS sip:a SIP/2.0\r\n", 9, True),
        (b"WHATEVER a b c SIP/2.0x", 9, True),
        (b"\r\n\r\nSIP/2.0 200 OK", 9, True),
        (b"options sip:a sip/2.0\n", 9, True),
        (b"M" * 40 + b" sip:a SIP/2.0\n", 9, True),
        (b"INVITE me", 5060, True),
        (b"OPTIONS", 5060, True),
        (b"\r\nACK\x00", 5060, True),
        (b"OPTIONS", 9, False),
        (b"INVITE me", 9, False),
        (b"INVITE me\r\nSIP/2.0", 9, False),
        (b"INVITEME", 5060, False),
        (b"HEP3\x00\x99INVITE sip:a SIP/2.0", 9060, False),
        (b"<134>Jan 1 INVITE sip:a SIP/2.0", 514, False),
        (b"\r\n\r\n", 5060, False),
        (b"", 5060, False),
    ],
)
def test_what_claims_to_be_sip(payload: bytes, port: int, claims: bool) -> None:
    assert claims_sip(payload, port, 7) is claims_sip(payload, 7, port) is claims


def test_bytes_that_are_no_utf8_become_text() -> None:
    raw = ask("OPTIONS", user="al", agent="Ph\N{LATIN SMALL LETTER O WITH DIAERESIS}ne").encode()
    raw = raw.replace(b"<sip:al@", b"<sip:\xff\xed\xa0\x80\x00@")
    (event,) = play((0, PHONE, SERVER, raw))
    assert event["sip"]["from"] == "sip:\\xff\\xed\\xa0\\x80\x00@pbx.example"
    assert event["user_agent"]["original"] == "Ph\N{LATIN SMALL LETTER O WITH DIAERESIS}ne"
    json.dumps(event, ensure_ascii=False).encode("utf-8")


def test_sizes_are_bounded() -> None:
    huge = "x" * 20_000
    message = parse(
        ask("OPTIONS", user=huge, call=huge, tag=huge, agent=huge, extra=["X: y"] * 9_000).encode()
    )
    texts = [getattr(message, name) for name in Message.__struct_fields__]
    assert max(len(text) for text in texts if isinstance(text, str)) <= 2 * headers.MAX_TEXT


@pytest.mark.parametrize(
    "evil",
    [
        '"' * 60_000,
        '"\\' * 30_000,
        "<" * 60_000,
        "," * 60_000,
        ";" * 60_000,
        "a" * 60_000,
        "a " * 30_000,
        'a="' * 20_000,
        'a="\\' * 15_000,
        "a=" * 30_000,
        " " * 60_000,
        "\n " * 30_000,
        "\r\n\t" * 20_000,
        "\r\na:" * 15_000,
        "\r\nFrom: <sip:a@b>" * 3_000,
        ';x="' * 15_000,
        '"<' * 30_000,
        "; branch" * 7_000,
        "@:" * 30_000,
        "\N{GREEK SMALL LETTER OMEGA}" * 30_000,
    ],
)
def test_no_text_takes_more_than_linear_time(evil: str) -> None:
    started = time.process_time()
    for name in ("Contact", "From", "Via", "Authorization", "CSeq"):
        parse(ask("REGISTER", extra=[f"{name}: {evil}"]).encode())
        parse(f"INVITE {evil} SIP/2.0\r\n{name}: {evil}\r\n\r\n".encode())
    for function in (address, split_list, digest, user):
        function(evil)
    # Generous, since the machine may be busy: quadratic time would take minutes.
    assert time.process_time() - started < 2


@given(st.binary(max_size=300))
def test_parse_never_raises(data: bytes) -> None:
    claims_sip(data, 5060, 5060)
    parse(data)


@given(
    st.sampled_from(
        [ask("REGISTER", extra=[credentials("n")]), answer(ask("INVITE"), 401), ask("BYE")]
    ),
    st.lists(st.tuples(st.integers(0, 1_000), st.binary(max_size=4)), max_size=8),
)
def test_mutated_messages_become_json(text: str, changes: list[tuple[int, bytes]]) -> None:
    raw = text.encode()
    for position, value in changes:
        position %= len(raw)
        raw = raw[:position] + value + raw[position + len(value) :]
    for event in play((0, PHONE, SERVER, raw), (99, PHONE, SERVER, b"")):
        json.dumps(event, ensure_ascii=False, allow_nan=False).encode("utf-8")
        assert None not in _leaves(event)


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for one in value.values() for leaf in _leaves(one)]
    return [value]


@given(st.text(max_size=200))
def test_grammar_never_raises(text: str) -> None:
    address(text)
    split_list(text)
    digest(text)
    user(text)
    number(text)
    parameter(text, "tag")


def test_a_scanner_by_its_from() -> None:
    request = ask("OPTIONS").replace("sip:alice@pbx.example", "sip:100@1.1.1.1")
    (event,) = play((0, PHONE, SERVER, request))
    assert types([event]) == ["msg-probe"]
    assert event["event"]["signature"] == "sipvicious"
