"""Hostile frames without end: mutated messages in TCP segments, fragments and broken packets."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Iterator, Sequence

from support.sip_mutations import Mutator
from support.sip_packets import START, ethernet, ipv4, ipv6, udp

_CONNECTIONS = 64  # directions of connections: even ones there, odd ones back
_FIN, _SYN, _RST, _PUSH, _ACK = 1, 2, 4, 8, 16
_TCP = 6


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
        answers = data.startswith(b"SIP/")
        if kind < 0.2 and self._random.random() < 0.2:
            yield ethernet(ipv6(udp(data)), 0x86DD)
        elif kind < 0.2:
            yield ethernet(_directed(ipv4(udp(data)), back=answers))
        elif kind < 0.4:
            yield from self._fragments(udp(data), back=answers)
        else:
            yield from self._segments(data, back=answers)

    def _fragments(self, data: bytes, *, back: bool) -> Iterator[bytes]:
        """Fragments; of some datagrams they overlap, leave holes, or never end."""
        size = self._random.choice((16, 80, 240, 800))
        starts = range(0, min(len(data), 40 * size), size)
        odd = self._random.random() < 0.3
        identification = self._random.randbytes(2)
        for start in reversed(starts):
            at = max(start + self._random.choice((0, 0, 8, -8)), 0) if odd else start
            more = 0x2000 if start + size < len(data) or (odd and at % 3 == 0) else 0
            piece = data[start : start + size + (8 if odd and at % 5 == 0 else 0)]
            packet = _directed(ipv4(piece, fragment=more | at // 8 & 0x1FFF), back=back)
            yield ethernet(packet[:4] + identification + packet[6:])

    def _segments(self, data: bytes, *, back: bool) -> Iterator[bytes]:
        """Segments of one connection, with repeats, holes, overlaps, and resets."""
        number = self._random.randrange(0, _CONNECTIONS, 2) + back
        frames = []
        if self._random.random() < 0.15:
            frames.append(self._segment(number, b"", _SYN))
            self._next[number] += 1
        size = self._random.choice((20, 200, 500, 1_400, 9_000))
        for start in range(0, min(len(data), 40 * size), size):
            piece = data[start : start + size]
            frames.append(self._segment(number, piece, _ACK | _PUSH))
            self._next[number] += len(piece)
        chance = self._random.random()
        if chance < 0.03:
            frames.append(self._segment(number, b"", self._random.choice((_FIN, _RST)) | _ACK))
        elif chance < 0.06:
            self._next[number] += self._random.choice((-2_000, -10, -1, 1, 10, 2_000, 1 << 31))
        yield from reversed(frames)

    def _segment(self, number: int, data: bytes, flags: int) -> bytes:
        back = bool(number % 2)
        ports = (5060, 40_000 + number // 2) if back else (40_000 + number // 2, 5060)
        sequence = self._next[number] % (1 << 32)
        acknowledged = self._next[number ^ 1] % (1 << 32)
        head = struct.pack(">HHIIBBHHH", *ports, sequence, acknowledged, 0x50, flags, 8_192, 0, 0)
        return ethernet(_directed(ipv4(head + data, protocol=_TCP), back=back))

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


def _directed(packet: bytes, *, back: bool) -> bytes:
    """An IPv4 packet, or the same with its addresses exchanged."""
    return packet[:12] + packet[16:20] + packet[12:16] + packet[20:] if back else packet
