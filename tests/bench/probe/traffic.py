"""Traffic of a telephone server, in order of time: what ordinary people do, and floods.

A *scene* is what one person does, as packets in order of time. `mix` starts scenes of all kinds so
that a set number of messages passes each second; `flood` is one kind of request as fast as asked
for. Everything is made while it is asked for, and the same each time.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import NamedTuple

from .messages import PORT, SERVER, Dialog, Phone, phone

START = 1_767_225_600_000_000  # microseconds; 2026-01-01T00:00:00Z
SECOND = 1_000_000
_TRIP = 10_000  # microseconds from a request to its response
_PHONES = 5_000  # of the mix: that many need its registrations to keep their NATs open
_ATTACKERS = 4


class Packet(NamedTuple):
    """One UDP datagram over IPv4; `time` in microseconds since 1970."""

    time: int
    src: bytes
    src_port: int
    dst: bytes
    dst_port: int
    payload: bytes


Scene = Iterator[Packet]


def _asks(who: Phone, time: int, payload: bytes) -> Packet:
    return Packet(time, who.address, who.port, SERVER, PORT, payload)


def _answers(who: Phone, time: int, payload: bytes) -> Packet:
    return Packet(time, SERVER, PORT, who.address, who.port, payload)


def call(who: Phone, number: int, time: int, talk: int) -> Scene:
    """An authenticated call of ten messages.

    Args:
        who: the caller.
        number: of the dialog; the callee follows from it.
        time: when it begins.
        talk: microseconds from the answer to the BYE.
    """
    yield from call_setup(who, number, time)
    yield from call_end(who, number, time + 200 * _TRIP + talk)


def call_setup(who: Phone, number: int, time: int) -> Scene:
    """INVITE 407 ACK INVITE 100 180 200 ACK; it rings for two seconds."""
    dialog = Dialog(who, number, phone(number + 77).user)
    nonce = b"%032x" % (number * 31)
    yield _asks(who, time, dialog.request(b"INVITE", 1, body=True))
    time += _TRIP
    refusal = b"407 Proxy Authentication Required"
    yield _answers(who, time, dialog.response(b"INVITE", 1, refusal, challenge=nonce))
    yield _asks(who, time + 1_000, dialog.request(b"ACK", 1, to_tag=True))
    yield _asks(who, time + 2_000, dialog.request(b"INVITE", 2, nonce=nonce, body=True))
    yield _answers(who, time + 3_000, dialog.response(b"INVITE", 2, b"100 Trying"))
    yield _answers(who, time + _TRIP, dialog.response(b"INVITE", 2, b"180 Ringing"))
    time += 198 * _TRIP
    yield _answers(who, time, dialog.response(b"INVITE", 2, b"200 OK", body=True))
    ack = dialog.request(b"ACK", 2, to_tag=True, branch=b"-ack")
    yield _asks(who, time + _TRIP, ack)


def call_end(who: Phone, number: int, time: int) -> Scene:
    """BYE 200 of the call with that number."""
    dialog = Dialog(who, number, phone(number + 77).user)
    yield _asks(who, time, dialog.request(b"BYE", 3, to_tag=True))
    yield _answers(who, time + _TRIP, dialog.response(b"BYE", 3, b"200 OK"))


def registration(who: Phone, number: int, time: int, rounds: int, pause: int) -> Scene:
    """A phone registers, and refreshes with the same nonce `rounds` times, to keep its NAT open."""
    dialog = Dialog(who, number, who.user)
    nonce = b"%032x" % (number * 17)
    yield _asks(who, time, dialog.request(b"REGISTER", 1))
    refusal = dialog.response(b"REGISTER", 1, b"401 Unauthorized", challenge=nonce)
    yield _answers(who, time + _TRIP, refusal)
    for cseq in range(2, 3 + rounds):
        time += 2 * _TRIP if cseq == 2 else pause
        yield _asks(who, time, dialog.request(b"REGISTER", cseq, nonce=nonce))
        contact = b"Contact: <sip:%b@%b:%d;transport=udp>;expires=120\r\n" % (
            who.user, who.text, who.port,
        )  # fmt: skip
        accepted = dialog.response(b"REGISTER", cseq, b"200 OK", extra=contact)
        yield _answers(who, time + _TRIP, accepted)


def polling(who: Phone, number: int, time: int, rounds: int, pause: int) -> Scene:
    """A phone asks OPTIONS again and again, to see that the server is there."""
    for round_ in range(rounds):
        dialog = Dialog(who, number + (round_ << 32), b"ping")
        yield _asks(who, time, dialog.request(b"OPTIONS", 1))
        yield _answers(who, time + _TRIP, dialog.response(b"OPTIONS", 1, b"200 OK"))
        time += pause


def guessing(who: Phone, number: int, time: int, rounds: int, pause: int) -> Scene:
    """Somebody tries password after password for one user, each refused with a fresh nonce."""
    dialog = Dialog(who, number, phone(number % 1_000).user)
    nonce = b""
    for cseq in range(1, rounds + 1):
        yield _asks(who, time, dialog.request(b"REGISTER", cseq, nonce=nonce))
        nonce = b"%032x" % (number * 17 + cseq)
        refusal = dialog.response(b"REGISTER", cseq, b"401 Unauthorized", challenge=nonce)
        yield _answers(who, time + _TRIP, refusal)
        time += pause


def enumeration(who: Phone, number: int, time: int, rounds: int, pause: int) -> Scene:
    """Somebody looks for users that exist; none of these does."""
    for round_ in range(rounds):
        dialog = Dialog(who, number + (round_ << 32), b"%d" % (1_000 + round_))
        yield _asks(who, time, dialog.request(b"REGISTER", 1))
        yield _answers(who, time + _TRIP, dialog.response(b"REGISTER", 1, b"404 Not Found"))
        time += pause


def mix(messages: int, rate: int = 1_000) -> Iterator[Packet]:
    """A busy site: nearly half of the messages belong to calls, as many to registrations.

    Args:
        messages: how many there are.
        rate: how many pass in one second of the traffic's own time.
    """
    chance = random.Random(9)
    running: list[tuple[Packet, int, Scene]] = []
    started = 0
    for made in range(messages):
        now = START + made * SECOND // rate
        if not running or running[0][0].time > now:
            scene = _begin(chance, started, now)
            heapq.heappush(running, (next(scene), started, scene))
            started += 1
        yield _advance(running)._replace(time=now)


def _begin(chance: random.Random, number: int, now: int) -> Scene:
    """A new scene. The weights give shares of messages, since scenes differ in their lengths."""
    who = phone(number % _PHONES)
    attacker = _attacker(number % _ATTACKERS)
    begin: Callable[[], Scene] = chance.choices(
        (
            lambda: call(who, number, now, chance.randrange(2, 40) * SECOND),
            lambda: registration(who, number, now, 8, 20 * SECOND),
            lambda: polling(who, number, now, 10, 15 * SECOND),
            lambda: guessing(attacker, number, now, 20, SECOND // 20),
            lambda: enumeration(attacker, number, now, 20, SECOND // 20),
        ),
        (40, 20, 6, 1, 1),
    )[0]
    return begin()


@cache
def _attacker(number: int) -> Phone:
    return phone(_PHONES + number, b"friendly-scanner")


def flood(
    seconds: int, rate: int, sources: int, *, start: int = START, answered: bool = False
) -> Iterator[Packet]:
    """REGISTERs as fast as `rate` each second, from so many sources in turn.

    Args:
        seconds: how long it lasts.
        rate: REGISTERs a second.
        sources: how many addresses they seem to come from.
        start: when it begins.
        answered: the server challenges each of them, with a response 10 ms later.
    """
    senders = [phone(1_000_000 + number, b"Tallowfield ATA-2/3.3.17") for number in range(sources)]
    delayed: deque[Packet] = deque()
    for number in range(seconds * rate):
        who = senders[number % sources]
        time = start + number * SECOND // rate
        while delayed and delayed[0].time <= time:
            yield delayed.popleft()
        dialog = Dialog(who, 0x7000_0000 + number, b"%d" % (number % 5_000))
        yield _asks(who, time, dialog.request(b"REGISTER", 1))
        if answered:
            refusal = dialog.response(
                b"REGISTER", 1, b"401 Unauthorized", challenge=b"%032x" % number
            )
            delayed.append(_answers(who, time + _TRIP, refusal))
    yield from delayed


def calls(count: int, *, every: int = SECOND, start: int = START) -> Iterator[Packet]:
    """Calls of three seconds, one begun after the other, by people of their own."""
    return overlapping(
        call(phone(number), number, start + number * every, SECOND) for number in range(count)
    )


def overlapping(scenes: Iterable[Scene]) -> Iterator[Packet]:
    """The packets of scenes in order of time; the scenes come in the order of their beginnings."""
    running: list[tuple[Packet, int, Scene]] = []  # the next packet of each scene, as a heap
    for number, scene in enumerate(scenes):
        if (first := next(scene, None)) is None:
            continue
        while running and running[0][0].time < first.time:
            yield _advance(running)
        heapq.heappush(running, (first, number, scene))
    while running:
        yield _advance(running)


def _advance(running: list[tuple[Packet, int, Scene]]) -> Packet:
    """Takes the next packet of a heap of scenes."""
    packet, number, scene = running[0]
    if (following := next(scene, None)) is not None:
        heapq.heapreplace(running, (following, number, scene))
    else:
        heapq.heappop(running)
    return packet


def together(*streams: Iterable[Packet]) -> Iterator[Packet]:
    """Several streams as one, in order of time."""
    return heapq.merge(*streams, key=lambda packet: packet.time)
