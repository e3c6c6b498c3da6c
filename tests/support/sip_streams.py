"""Hostile frames without end: mutated messages in TCP segments, fragments and broken packets."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator, Sequence

from support.sip_mutations import Mutator
from support.sip_packets import START, ethernet, ipv4, ipv6, udp

_CONNECTIONS = 64
_FIN, _SYN, _RST, _PUSH, _ACK = 1, 2, 4, 8, 16
_UDP, _TCP = 17, 6


class Frames:
    """Ethernet frames; time goes on by microseconds to seconds.

    Args:
        seed: the same one gives the same frames.
        messages: what to begin with.
    """

    def __init__(self, seed: int, messages: Sequence[bytes]) -> None:
        self._mutator = Mutator(seed, messages)
        self._random: random.Random = self._mutator.random
        self._next = [self._random.randrange(1 << 32) for _ in range(_CONNECTIONS)]
        self._time = START
        self._waiting: list[bytes] = []

    def capture(self, count: int) -> io.BytesIO:
        """A capture file of the next `count` frames or some more; later ones continue it."""
        out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1)]
        for _ in range(count):
            while not self._waiting:
                self._waiting = self._shuffled(list(self._some()))
            frame = self._damaged(self._waiting.pop())
            self._time += self._random.choice((10, 1_000, 100_000, 100_000, 3_000_000))
            seconds, fraction = divmod(self._time, 1_000_000)
            out.append(struct.pack("<IIII", seconds, fraction, len(frame), len(frame)) + frame)
        return io.BytesIO(b"".join(out))

    def _some(self) -> Iterator[bytes]:
        """The packets of one message, last one first."""
        data = self._mutator.message()
        kind = self._random.random()
        if kind < 0.2:
            packet = ipv4(udp(data)) if self._random.random() < 0.8 else ipv6(udp(data))
            yield ethernet(packet, 0x0800 if packet[0] >> 4 == 4 else 0x86DD)
        elif kind < 0.4:
            yield from self._fragments(udp(data), _UDP)
        else:
            yield from self._segments(data)

    def _fragments(self, data: bytes, protocol: int) -> Iterator[bytes]:
        """Fragments that overlap, leave holes, or never end."""
        size = self._random.choice((8, 80, 800))
        starts = range(0, min(len(data), 40 * size), size)
        for start in reversed(starts):
            at = max(start + self._random.choice((0, 0, 0, 0, 0, 0, 0, 0, 8, -8)), 0)
            more = 0x2000 if start + size < len(data) or self._random.random() < 0.05 else 0
            piece = data[start : start + size + self._random.choice((0, 0, 0, 0, 0, 8))]
            yield ethernet(ipv4(piece, protocol=protocol, fragment=more | at // 8 & 0x1FFF))

    def _segments(self, data: bytes) -> Iterator[bytes]:
        """Segments of one connection, with repeats, holes, overlaps, and resets."""
        number = self._random.randrange(_CONNECTIONS)
        frames = []
        if self._random.random() < 0.05:
            frames.append(self._segment(number, b"", _SYN))
            self._next[number] += 1
        size = self._random.choice((1, 20, 200, 1_400, 9_000))
        for start in range(0, min(len(data), 40 * size), size):
            piece = data[start : start + size]
            frames.append(self._segment(number, piece, _ACK | _PUSH))
            self._next[number] += len(piece)
        chance = self._random.random()
        if chance < 0.03:
            frames.append(self._segment(number, b"", self._random.choice((_FIN, _RST)) | _ACK))
        elif chance < 0.1:
            self._next[number] += self._random.choice((-2_000, -10, -1, 1, 10, 2_000, 1 << 31))
        yield from reversed(frames)

    def _segment(self, number: int, data: bytes, flags: int) -> bytes:
        ports = (40_000 + number // 2, 5060) if number % 2 else (5060, 40_000 + number // 2)
        sequence = self._next[number] % (1 << 32)
        acknowledged = self._next[number ^ 1] % (1 << 32)
        head = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 8_192, 0, 0)
        return ethernet(ipv4(head + data, protocol=_TCP))

    def _shuffled(self, frames: list[bytes]) -> list[bytes]:
        """Out of order, twice, or with losses, at times."""
        chance = self._random.random()
        if chance < 0.1:
            self._random.shuffle(frames)
        elif chance < 0.15:
            frames += frames[:3]
        elif chance < 0.2 and frames:
            del frames[self._random.randrange(len(frames))]
        return frames

    def _damaged(self, frame: bytes) -> bytes:
        chance = self._random.random()
        if chance < 0.03:
            at = self._random.randrange(len(frame))
            return frame[:at] + self._random.randbytes(1) + frame[at + 1 :]
        if chance < 0.04:
            return frame[: self._random.randrange(len(frame))]
        return frame
