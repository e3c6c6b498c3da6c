"""Hostile traffic without end, the same for the same seed: mutated messages, and noise.

Seeds are odd messages of our own, ordinary dialogs, and the messages of real captures where there
are some. Senders are few enough that dialogs continue, and many enough that tables overflow.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from support.sip_packets import (
    PHONE,
    SERVER,
    START,
    answer,
    ask,
    challenge,
    credentials,
    packed,
)
from support.sip_torture import BROKEN, VALID
from zt.errors import CaptureError
from zt.sip import Datagram
from zt.sip.capture import read_frames

_SECOND = 1_000_000  # microseconds
_HOUR = 3_600 * _SECOND
_LONGEST = 9_000  # bytes of a mutated message

# What grammars stumble over.
_PIECES = (
    *(b'"', b"\\", b"<", b">", b";", b",", b":", b"=", b"@", b" ", b"\t", b"\r", b"\n", b"\x00"),
    *(b"\r\n", b"\r\n ", b"\r\n\r\n", b"\n\n", b"\xff", b"\xc3", b"\xed\xa0\x80", b"%", b"%zz"),
    *(b"SIP/2.0", b"sip:", b"tag=", b";branch=z9hG4bK", b"Contact: *\r\n", b"Expires: 0\r\n"),
    *(b"-1", b"0", b"99999999999999999999", b"\xd9\xa7", b"\xf0\x9f\x93\x9e", b"'\"><{{"),
    *(b"l: 3\r\n", b"Content-Length: 70000\r\n", b"a" * 300, b'"' * 90, b"(" * 90, b";x" * 90),
)


def seeds(captures: Path | None = None) -> list[bytes]:
    """Messages to begin with, and what stands beside them on a wire."""
    found = [odd.data for odd in VALID.values()] + [data for data, _ in BROKEN.values()]
    found += [message.encode() for message in _dialogs()]
    found += [b"\r\n\r\n", b"\x00" * 4, b"\x80\x08" + bytes(range(170)), b"", b"jaK"]
    if captures is not None:
        found += _from_captures(captures)
    return [data for data in found if len(data) <= _LONGEST]


def _dialogs() -> Iterator[str]:
    for method in ("REGISTER", "INVITE", "OPTIONS", "SUBSCRIBE", "MESSAGE", "REFER", "PUBLISH"):
        first = ask(method, call=f"{method}-call")
        second = ask(method, call=f"{method}-call", n=2, extra=[credentials("n1")])
        yield from (first, second, answer(first, 401, extra=[challenge("n1")]))
        yield answer(second, 407, extra=[challenge("n2", header="Proxy-Authenticate")])
        for status in (100, 180, 200, 302, 403, 404, 486, 487, 503, 603):
            yield answer(second, status, tag="callee")
    for method in ("ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "INVITE", "INFO", "NOTIFY"):
        inside = ask(method, call="INVITE-call", n=3, to_tag="callee")
        yield from (inside, answer(inside, 200, tag="callee"), answer(inside, 481, tag="callee"))


def _from_captures(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.glob("*.pcap*")):
        try:
            with path.open("rb") as file:
                for frame in read_frames(file, path.name):
                    at = max(frame.data.find(b"SIP/2.0"), 0)
                    if at:
                        yield frame.data[42:]  # after Ethernet, IPv4 and UDP, of most
        except CaptureError:
            continue  # what came before the damage is used


class Mutator:
    """Makes broken messages out of good ones.

    Args:
        seed: the same one gives the same messages.
        messages: what to begin with.
    """

    def __init__(self, seed: int, messages: Sequence[bytes]) -> None:
        self.random = random.Random(seed)
        self._messages = messages
        self._changes: tuple[Callable[[bytes], bytes], ...] = (
            self._flip,
            self._flip,
            self._cut,
            self._repeat,
            self._insert,
            self._insert,
            self._splice,
            self._swap_lines,
            self._renumber,
            self._renumber,
        )

    def message(self) -> bytes:
        """One message, unchanged at times, so that states change too; or noise."""
        chance = self.random.random()
        if chance < 0.02:
            return self.random.randbytes(self.random.randrange(300))
        data = self.random.choice(self._messages)
        if chance < 0.3:
            return data
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            data = self.random.choice(self._changes)(data)
        return data[:_LONGEST]

    def _at(self, data: bytes) -> int:
        return self.random.randrange(len(data) + 1)

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self.random.randrange(len(data))
        return data[:at] + bytes([self.random.randrange(256)]) + data[at + 1 :]

    def _cut(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at + self.random.choice((1, 1, 4, 40, _LONGEST)) :]

    def _repeat(self, data: bytes) -> bytes:
        at = self._at(data)
        piece = data[at : at + self.random.choice((1, 8, 80))]
        return data[:at] + piece * self.random.choice((1, 2, 30)) + data[at:]

    def _insert(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + self.random.choice(_PIECES) + data[at:]

    def _splice(self, data: bytes) -> bytes:
        other = self.random.choice(self._messages)
        return data[: self._at(data)] + other[self._at(other) :]

    def _swap_lines(self, data: bytes) -> bytes:
        lines = data.split(b"\r\n")
        one, other = (self.random.randrange(len(lines)) for _ in range(2))
        lines[one], lines[other] = lines[other], lines[one]
        return b"\r\n".join(lines)

    def _renumber(self, data: bytes) -> bytes:
        """Changes what tells transactions and calls apart, and leaves the rest."""
        old = self.random.choice((b"-call", b"callee", b"caller", b"z9hG4bK", b"n1", b"alice"))
        return data.replace(old, old + b"%d" % self.random.randrange(200))


class Traffic:
    """Datagrams of many senders; time goes on, and stumbles.

    Args:
        seed: the same one gives the same traffic.
        messages: what to begin with.
    """

    def __init__(self, seed: int, messages: Sequence[bytes]) -> None:
        self._mutator = Mutator(seed, messages)
        self._random = self._mutator.random
        self._time = START
        self._hosts = [packed(address) for address in (PHONE, SERVER)]
        self._strangers = [self._random.randbytes(4) for _ in range(600)]
        self._strangers += [self._random.randbytes(16) for _ in range(200)]

    def datagrams(self, count: int) -> Iterator[Datagram]:
        """The next ones."""
        choice, chance = self._random.choice, self._random.random
        for _ in range(count):
            message = self._mutator.message()
            src, dst = self._hosts
            if chance() < 0.3:
                src = choice(self._strangers)
            if message.startswith(b"SIP/") or chance() < 0.1:
                src, dst = dst, src
            yield Datagram(
                self._moment(),
                src,
                5060 if chance() < 0.9 else self._random.randrange(65_536),
                dst,
                5060 if chance() < 0.9 else self._random.randrange(65_536),
                message,
                "UDP" if chance() < 0.8 else choice(("TCP", "TLS", "WS", "WSS", "SCTP")),
                chance() < 0.02,
            )

    def _moment(self) -> int:
        """Mostly a little later, at times much later, or earlier."""
        step = self._random.random()
        if step < 0.9995:
            self._time += self._random.randrange(20_000)
        elif step < 0.9999:
            self._time += self._random.randrange(_HOUR)
        else:
            return max(self._time - self._random.randrange(_HOUR), 0)
        return self._time
