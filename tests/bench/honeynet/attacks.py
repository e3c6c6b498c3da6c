"""What attackers send to a SIP server, without end, the same each time.

Requests of all methods as scanners and dialers make them, with and without credentials that nobody
gave them, and in between what is no SIP at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..probe.messages import PORT, Dialog, Phone, phone
from ..probe.traffic import SECOND, START, Packet

METHODS = (
    *("OPTIONS", "REGISTER", "INVITE", "SUBSCRIBE", "MESSAGE", "NOTIFY", "PUBLISH", "REFER"),
    *("INFO", "UPDATE", "PRACK", "BYE", "CANCEL", "ACK", "NONSENSE"),
)
"""Those that a server may be asked by, and one that there is none of."""

_TINY = (
    "{0} sip:1 SIP/2.0\r\nVia:SIP/2.0/UDP 1.1.1.1;branch=z9hG4bK1\r\n"
    "From:<sip:1>;tag=1\r\nTo:<sip:1>\r\nCall-ID:1\r\nCSeq:1 {0}\r\n\r\n"
)
_COMPACT = (
    "{0} sip:1 SIP/2.0\r\nv:SIP/2.0/UDP 1\r\nf:<sip:1>\r\nt:<sip:1>\r\ni:1\r\nCSeq:1 {0}\r\n\r\n"
)

_AGENT = b"friendly-scanner"
_FIRST = 2_000_000  # the attackers' numbers among `phone`'s, apart from those of other traffic
_HAMMER = 1_999_999  # one that sends as much as all others together
_NOISE = b"\x00\xff" * 40 + b"INVITE sip:\r\n\r\n"
_TORN = 0.6  # of a message's length; there a torn one ends


def attacker(number: int) -> Phone:
    """One of many, at an address of his own in 10.0.0.0/8."""
    return phone(_FIRST + number, _AGENT)


def request(who: Phone, method: str, number: int) -> bytes:
    """A request without credentials, as a scanner's first one."""
    body = method in ("INVITE", "MESSAGE")
    return Dialog(who, number, _target(number)).request(method.encode(), 1, body=body)


def storm(seconds: int, rate: int, sources: int, server: bytes) -> Iterator[Packet]:
    """So many messages each second: one half from one address, the other half from many.

    Args:
        seconds: how long it lasts.
        rate: messages a second.
        sources: how many addresses the second half comes from.
        server: packed IPv4 address that all goes to.
    """
    hammer = phone(_HAMMER, _AGENT)
    crowd = [attacker(number) for number in range(sources)]
    for number in range(seconds * rate):
        who = hammer if number % 2 else crowd[number // 2 % sources]
        payload = _MESSAGES[number // 2 % len(_MESSAGES)](who, number)
        yield Packet(START + number * SECOND // rate, who.address, who.port, server, PORT, payload)


def _target(number: int) -> bytes:
    """Whom a request is for: extensions, of which a few may exist."""
    return b"%d" % (100 + number % 900)


def _forged(method: str) -> Callable[[Phone, int], bytes]:
    """With credentials for a nonce that nobody gave."""

    def make(who: Phone, number: int) -> bytes:
        dialog = Dialog(who, number, _target(number))
        return dialog.request(method.encode(), 2, nonce=b"%032x" % number)

    return make


def _torn(who: Phone, number: int) -> bytes:
    """A request that ends in the middle."""
    whole = request(who, "REGISTER", number)
    return whole[: int(len(whole) * _TORN)]


def _noise(who: Phone, number: int) -> bytes:
    return b"%d" % number + _NOISE


def _plain(method: str) -> Callable[[Phone, int], bytes]:
    return lambda who, number: request(who, method, number)


_MESSAGES = (
    *map(_plain, METHODS),
    _plain("REGISTER"),
    _plain("INVITE"),
    _forged("REGISTER"),
    _torn,
    _noise,
)

SHAPES: dict[str, Callable[[str, int], bytes]] = {
    "ordinary": lambda method, number: request(attacker(number), method, number),
    "forged": lambda method, number: _forged(method)(attacker(number), number),
    "tiny": lambda method, number: _TINY.format(method).encode(),
    "compact": lambda method, number: _COMPACT.format(method).encode(),
}
"""Makes a request of a method: as scanners do, with credentials, and as short as can be."""
