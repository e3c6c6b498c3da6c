"""Odd SIP messages of our own, in the spirit of RFC 4475: what they are, and what is read of them.

Each valid one says which fields of `Message` it must give; each broken one which error. The seeds
of the fuzzing are both.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Odd(NamedTuple):
    """A message that is hard to read, and the fields that it must give."""

    data: bytes
    fields: dict[str, Any]


def _message(start: str, *lines: str | bytes, end: str = "\r\n") -> bytes:
    texts = [line if isinstance(line, bytes) else line.encode() for line in (start, *lines, "", "")]
    return end.encode().join(texts)


_VIA = "Via: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bK-odd"
_FROM = "From: <sip:ann@a.example>;tag=a1"
_TO = "To: <sip:ben@b.example>"
_ID = "Call-ID: odd@192.0.2.7"
_REST = (_VIA, _FROM, _TO, _ID)
_CSEQ = "CSeq: 7 OPTIONS"
_START = "OPTIONS sip:ben@b.example SIP/2.0"
_PLAIN = {
    "method": "OPTIONS",
    "uri": "sip:ben@b.example",
    "branch": "z9hG4bK-odd",
    "from_uri": "sip:ann@a.example",
    "from_tag": "a1",
    "to_uri": "sip:ben@b.example",
    "to_tag": "",
    "call_id": "odd@192.0.2.7",
    "cseq": 7,
}


def _plain(*lines: str | bytes, start: str = _START, end: str = "\r\n") -> bytes:
    return _message(start, *lines, *_REST, _CSEQ, end=end)


def _with(old: str, new: str | bytes) -> bytes:
    """The plain message with one of its lines replaced."""
    return _message(
        _START, *(new if line == old else line for line in (*_REST, _CSEQ) if line != new)
    )


VALID: dict[str, Odd] = {
    "plain": Odd(_plain(), _PLAIN),
    "bare line feeds": Odd(_plain(end="\n"), _PLAIN),
    "bare line feeds, and a body with an empty line of the other kind": Odd(
        _plain(end="\n") + b"From: <sip:evil@e.example>;tag=e\r\n\r\n", _PLAIN
    ),
    "empty lines before": Odd(b"\r\n\r\n\n" + _plain(), _PLAIN),
    "lower case version": Odd(_plain(start=_START.lower().replace("options", "OPTIONS")), _PLAIN),
    "more than one space in the request line": Odd(
        _plain(start="OPTIONS  sip:ben@b.example\t SIP/2.0 "), _PLAIN
    ),
    "no space after the colon, spaces before": Odd(
        _message(_START, *(line.replace(": ", " \t:") for line in (*_REST, _CSEQ))), _PLAIN
    ),
    "all names in capitals": Odd(
        _message(
            _START,
            *(f"{n.upper()}:{v}" for n, _, v in (line.partition(":") for line in (*_REST, _CSEQ))),
        ),
        _PLAIN,
    ),
    "compact names, oddly cased": Odd(
        _message(
            _START,
            _VIA.replace("Via", "V"),
            _FROM.replace("From", "f"),
            _TO.replace("To", "T"),
            _ID.replace("Call-ID", "I"),
            "cSeQ: 0000000000000007\tOPTIONS",
            "M: <sip:ann@192.0.2.7>",
            "X: 90;refresher=uac",
        ),
        {**_PLAIN, "contacts": ("<sip:ann@192.0.2.7>",), "session_expires": 90},
    ),
    "everything folded": Odd(
        _message(
            _START,
            "Via:\r\n SIP/2.0/UDP\r\n\t192.0.2.7:5060\r\n ;\r\n branch=z9hG4bK-odd",
            "From:\r\n  <sip:ann@a.example>\r\n\t;tag\r\n =\r\n a1",
            "To:\r\n\t<sip:ben@b.example>",
            "Call-ID\r\n : odd@192.0.2.7",
            "CSeq: 7\r\n OPTIONS\r\n ",
        ),
        _PLAIN,
    ),
    "white space wherever a Via allows it": Odd(
        _with(_VIA, "Via: SIP / 2.0 / UDP 192.0.2.7 : 5060 ; rport ; branch = z9hG4bK-odd ; x"),
        _PLAIN,
    ),
    "a Via with quoted separators": Odd(
        _with(
            _VIA,
            'Via: SIP/2.0/UDP h;x=";branch=z9hG4bK-no, \\"";branch=z9hG4bK-odd,SIP/2.0/TCP g',
        ),
        {**_PLAIN, "previous_branch": ""},
    ),
    "two hops in one Via": Odd(
        _with(_VIA, f"{_VIA}, SIP/2.0/TCP g.example;branch=Z9HG4BKbelow , SIP/2.0/UDP f"),
        {**_PLAIN, "previous_branch": "Z9HG4BKbelow"},
    ),
    "two hops in two Vias": Odd(
        _message(_START, *_REST, "v: SIP/2.0/TLS g.example;branch=z9hG4bKbelow", _CSEQ),
        {**_PLAIN, "previous_branch": "z9hG4bKbelow"},
    ),
    "a Via of RFC 2543": Odd(
        _with(_VIA, "Via: SIP/2.0/UDP 192.0.2.7:5060 ;branch=old"),
        {**_PLAIN, "branch": "", "via": "192.0.2.7:5060;old"},
    ),
    "a name with quoted brackets, quotes, and a tag": Odd(
        _with(_FROM, 'From: "A \\"<sip:no@n.example>;tag=no\\", B" <sip:ann@a.example> ; tag=a1'),
        _PLAIN,
    ),
    "a name of several words": Odd(_with(_FROM, _FROM.replace("<", "Ann of A. <")), _PLAIN),
    "no brackets, so that all parameters are the header's": Odd(
        _with(_FROM, "From: sip:ann@a.example ;user=ip; TAG = a1"), _PLAIN
    ),
    "a tag inside the brackets is the URI's": Odd(
        _with(_FROM, "From: <sip:ann@a.example;tag=no>;tag=a1"),
        {**_PLAIN, "from_uri": "sip:ann@a.example;tag=no"},
    ),
    "a parameter that only looks like a tag": Odd(
        _with(_FROM, 'From: <sip:ann@a.example>;x=";tag=no";xtag=no;tagx=no;tag=a1;tag=no'), _PLAIN
    ),
    "a password does not get out": Odd(
        _with(_FROM, "From: <sip:ann:secret@a.example:5061;x=y>;tag=a1"),
        {**_PLAIN, "from_uri": "sip:ann@a.example:5061;x=y"},
    ),
    "a password in the request line does not get out": Odd(
        _plain(start="OPTIONS sip:ben:secret@b.example SIP/2.0"), _PLAIN
    ),
    "an IPv6 reference": Odd(
        _plain(start="OPTIONS sip:[2001:db8::7]:5062;transport=tcp SIP/2.0"),
        {**_PLAIN, "uri": "sip:[2001:db8::7]:5062;transport=tcp"},
    ),
    "headers and escapes in a URI": Odd(
        _plain(start="OPTIONS sips:%62en;day=1@b.example;lr?Subject=a%20b&To=%3Csip:r%3E SIP/2.0"),
        {**_PLAIN, "uri": "sips:%62en;day=1@b.example;lr?Subject=a%20b&To=%3Csip:r%3E"},
    ),
    "a telephone number": Odd(
        _with(_TO, "To: <tel:+49-30-1234;phone-context=x>"),
        {**_PLAIN, "to_uri": "tel:+49-30-1234;phone-context=x"},
    ),
    "an unknown scheme": Odd(
        _plain(start="OPTIONS soap.beep://b.example:1/x SIP/2.0"),
        {**_PLAIN, "uri": "soap.beep://b.example:1/x"},
    ),
    "an unknown method of all token characters": Odd(
        _message("!%*_+`'~-.aZ9 sip:b SIP/2.0", *_REST, "CSeq: 1 !%*_+`'~-.aZ9"),
        {"method": "!%*_+`'~-.aZ9", "cseq": 1},
    ),
    "the first counts where one may stand": Odd(
        _plain()[:-2]
        + b"From: <sip:no@n.example>\r\nTo: <sip:no@n>\r\nCall-ID: no\r\nCSeq: 9 BYE\r\n\r\n",
        _PLAIN,
    ),
    "lines that are no headers": Odd(_plain("no colon", ": no name", ":", "Bad name: x"), _PLAIN),
    "more headers than any phone sends": Odd(_plain(*(f"X-{n}: y" for n in range(4_000))), _PLAIN),
    "a long name before the brackets": Odd(
        _with(_FROM, _FROM.replace("<", '"' + "n" * 20_000 + '"<')), _PLAIN
    ),
    "bytes that are no text": Odd(
        _with(_FROM, b"From: \xff\x00 <sip:a\xfe\x00\xc3\xbc@a.example>;tag=a1"),
        {**_PLAIN, "from_uri": "sip:a\\xfe\x00\xfc@a.example"},
    ),
    "an encoded surrogate": Odd(
        _with(_ID, b"Call-ID: \xed\xa0\x80"), {**_PLAIN, "call_id": "\\xed\\xa0\\x80"}
    ),
    "a body of any bytes": Odd(_plain() + bytes(range(256)) * 20, _PLAIN),
    "a wrong length of the body": Odd(_plain("Content-Length: -1", "l: 99999999"), _PLAIN),
    "no end": Odd(_plain()[:-2], _PLAIN),
    "the largest CSeq number": Odd(
        _with(_CSEQ, "CSeq: 4294967295 OPTIONS"), {**_PLAIN, "cseq": 4_294_967_295}
    ),
    "a response without reason": Odd(
        _message("SIP/2.0 200", *_REST, _CSEQ), {"status": 200, "reason": "", "method": "OPTIONS"}
    ),
    "a response with a reason in another script": Odd(
        _message("sip/2.0  486  \u5fd9\t \u3044", *_REST, _CSEQ),
        {"status": 486, "reason": "\u5fd9 \u3044"},
    ),
    "a response to a method that nobody knows": Odd(
        _message("SIP/2.0 699 Odd", *_REST, "CSeq: 1 X"), {"status": 699, "method": "X"}
    ),
    "identities that the network asserts": Odd(
        _plain('P-Asserted-Identity: "a, b" <sip:ann@a.example>, <tel:+1>'),
        {**_PLAIN, "pai": "sip:ann@a.example"},
    ),
    "an unclosed quote": Odd(_with(_FROM, _FROM.replace("<", '"Ann <')), _PLAIN),
    "an unclosed bracket": Odd(
        _with(_TO, "To: <sip:ben@b.example"), {**_PLAIN, "to_uri": "sip:ben@b.example"}
    ),
}

_NUL = "OPTIONS\x00 sip:ben@b.example SIP/2.0"
BROKEN: dict[str, tuple[bytes, str]] = {
    "no Via": (_with(_VIA, "X: 1"), "no Via header"),
    "an empty From": (_with(_FROM, "From:"), "no From header"),
    "no To": (_with(_TO, "Too: <sip:a@b>"), "no To header"),
    "an empty Call-ID": (_with(_ID, "i: \t"), "no Call-ID header"),
    "no CSeq": (_with(_CSEQ, "CSec: 1 OPTIONS"), "no CSeq header"),
    "nothing but parameters in From": (_with(_FROM, "From: ;tag=1"), "no URI in the From header"),
    "empty brackets in To": (_with(_TO, 'To: "x" <>'), "no URI in the To header"),
    "a CSeq without number": (_with(_CSEQ, "CSeq: OPTIONS"), "malformed CSeq header"),
    "a CSeq without method": (_with(_CSEQ, "CSeq: 7"), "malformed CSeq header"),
    "a CSeq without space": (_with(_CSEQ, "CSeq: 7OPTIONS"), "malformed CSeq header"),
    "a negative CSeq": (_with(_CSEQ, "CSeq: -7 OPTIONS"), "malformed CSeq header"),
    "a CSeq in other digits": (_with(_CSEQ, "CSeq: \u0667 OPTIONS"), "malformed CSeq header"),
    "a CSeq of five thousand digits": (
        _with(_CSEQ, f"CSeq: {'9' * 5_000} OPTIONS"),
        "malformed CSeq header",
    ),
    "a large CSeq": (_with(_CSEQ, "CSeq: 4294967296 OPTIONS"), "CSeq number too large"),
    "a CSeq of another method": (_with(_CSEQ, "CSeq: 7 INVITE"), "CSeq names another method"),
    "methods differ in case": (_with(_CSEQ, "CSeq: 7 options"), "CSeq names another method"),
    "another version": (_plain(start="OPTIONS sip:b SIP/7.0"), "not SIP version 2.0"),
    "another protocol": (_plain(start="OPTIONS / RTSP/1.0"), "not SIP version 2.0"),
    "no version": (_plain(start="OPTIONS sip:ben@b.example"), "malformed request line"),
    "no URI": (_plain(start="OPTIONS SIP/2.0"), "malformed request line"),
    "a space in the URI": (
        _plain(start="OPTIONS sip:ben@b.example; lr SIP/2.0"),
        "malformed request line",
    ),
    "NUL in the method": (_plain(start=_NUL), "malformed request line"),
    "a method longer than any": (
        _plain(start=f"{'M' * 33} sip:ben@b.example SIP/2.0"),
        "malformed request line",
    ),
    "brackets around the URI": (
        _plain(start="OPTIONS <sip:ben@b.example> SIP/2.0"),
        "malformed Request-URI",
    ),
    "a host for a URI": (_plain(start="OPTIONS 192.0.2.7 SIP/2.0"), "malformed Request-URI"),
    "nothing but a scheme": (_plain(start="OPTIONS sip: SIP/2.0"), "malformed Request-URI"),
    "a status of two digits": (_message("SIP/2.0 20 OK", *_REST, _CSEQ), "malformed status line"),
    "a status of four digits": (_message("SIP/2.0 2000 O", *_REST, _CSEQ), "malformed status line"),
    "a status that runs into its reason": (
        _message("SIP/2.0 200OK", *_REST, _CSEQ),
        "malformed status line",
    ),
    "a status without space": (_message("SIP/2.0200 OK", *_REST, _CSEQ), "malformed status line"),
    "a status in other digits": (
        _message("SIP/2.0 \u0662\u0660\u0660 OK", *_REST, _CSEQ),
        "malformed status line",
    ),
    "a status that is too low": (
        _message("SIP/2.0 099 OK", *_REST, _CSEQ),
        "status code out of range",
    ),
    "a status that is too high": (
        _message("SIP/2.0 700 OK", *_REST, _CSEQ),
        "status code out of range",
    ),
    "nothing but a start line": (_START.encode(), "no Via header"),
    "nothing but a method": (b"OPTIONS", "malformed request line"),
    "headers after an empty line": (
        _message(_START, _VIA, "", _FROM, _TO, _ID, _CSEQ),
        "no From header",
    ),
}
