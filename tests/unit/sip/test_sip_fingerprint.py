"""Fingerprints: the same for one tool whatever it calls itself, another for others."""

from __future__ import annotations

from support.sip_dialogs import exchange, run
from support.sip_packets import ask

from zt.sip import Event
from zt.sip.fingerprint import fingerprint, header_order


def signed(**more: str) -> str:
    event: Event = run(*exchange(0, "MESSAGE", 404, **more))[0][0]
    return str(event["sip"]["request"]["sig"])


def test_another_name_is_the_same_tool() -> None:
    assert signed(agent="Phone 1.0") == signed(agent="Innocent 7")


def test_credentials_change_nothing() -> None:
    plain = header_order(ask("REGISTER").encode())
    assert header_order(ask("REGISTER", extra=["Authorization: Digest x"]).encode()) == plain


def test_another_order_of_headers_is_another_tool() -> None:
    lines = ask("REGISTER").split("\r\n")
    lines[2], lines[3] = lines[3], lines[2]
    assert header_order("\r\n".join(lines).encode()) == "VTFISCUL"
    assert header_order(ask("REGISTER").encode()) == "VFTISCUL"


def test_compact_and_unknown_headers_show() -> None:
    assert header_order(b"OPTIONS x SIP/2.0\r\nv: a\r\nX-Odd: b\r\nf : c\r\n\r\nTo: d\r\n") == "vxf"


def test_shapes_of_what_is_drawn_at_random() -> None:
    uuid = "0b2f8a4e-57c1-4d7e-9a63-2f1d0c5b8e77"
    assert fingerprint("V", uuid, "123", "z9hG4bKabCD12") == "V:u36:d3:a6"
    assert fingerprint("V", "0a1b@host", "", "z9hG4bK-1.2") == "V:h4@:x0:x4"


def test_no_header_makes_it_long() -> None:
    assert len(header_order(b"\n" + b"X: y\n" * 10_000)) == 40
    assert header_order(b"\xff" * 10_000) == ""
