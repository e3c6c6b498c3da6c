"""A small assembler for the kernel's packet filters (classic BPF).

Jumps in a filter are relative, forward only, and conditional ones reach 255 instructions. A
`Program` is written with labels; `assemble` turns them into distances and checks all of this.

Reference: Documentation/networking/filter.rst of Linux; the codes are those of linux/filter.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

MAX_INSTRUCTIONS = 4_096  # BPF_MAXINSNS
_MAX_JUMP = 255

_INSTRUCTION = struct.Struct("=HBBI")  # struct sock_filter, in the byte order of this machine

# Loads into A: of a byte, two bytes, at a fixed place or X bytes further; of a constant.
LOAD_BYTE, LOAD_HALF, LOAD_WORD = 0x30, 0x28, 0x20
LOAD_BYTE_X, LOAD_HALF_X = 0x50, 0x48
LOAD_X_CONSTANT = 0x01
ADD_X, ADD, AND, SHIFT_LEFT = 0x0C, 0x04, 0x54, 0x64
TO_X, TO_A = 0x07, 0x87
JUMP, IF_EQUAL, IF_GREATER, IF_AT_LEAST, IF_ANY_BIT = 0x05, 0x15, 0x25, 0x35, 0x45
RETURN = 0x06

# What the kernel knows about a packet beside its bytes, loaded as if from these places.
_ANCILLARY = 0xFFFFF000  # SKF_AD_OFF
PROTOCOL, PACKET_TYPE, HARDWARE_TYPE = _ANCILLARY, _ANCILLARY + 4, _ANCILLARY + 28

NEXT = ""  # the label of the instruction that follows


@dataclass(slots=True)
class _Written:
    code: int
    value: int
    then: str = NEXT
    otherwise: str = NEXT


@dataclass(slots=True)
class Program:
    """A filter that is being written.

    What a filter returns is how many bytes of the packet are kept; none, and it is dropped. A load
    from beyond the end of a packet drops it as well.
    """

    _written: list[_Written] = field(default_factory=list)
    _labels: dict[str, int] = field(default_factory=dict)

    def label(self, name: str) -> None:
        """Names the instruction that is written next."""
        if name in self._labels:
            raise ValueError(f"the label {name} stands twice")
        self._labels[name] = len(self._written)

    def add(self, code: int, value: int = 0) -> None:
        """Writes an instruction that is no jump."""
        self._written.append(_Written(code, value))

    def test(self, code: int, value: int, then: str = NEXT, otherwise: str = NEXT) -> None:
        """Writes a conditional jump: A compared with `value`."""
        self._written.append(_Written(code, value, then, otherwise))

    def jump(self, target: str) -> None:
        """Writes a jump without condition, which reaches any distance."""
        self._written.append(_Written(JUMP, 0, target))

    def assemble(self) -> bytes:
        """The program as an array of `struct sock_filter`.

        Raises:
            ValueError: too long, a jump that goes backwards or too far, or an unknown label.
        """
        if len(self._written) > MAX_INSTRUCTIONS:
            raise ValueError(f"{len(self._written)} instructions; a filter has {MAX_INSTRUCTIONS}")
        return b"".join(self._one(at, written) for at, written in enumerate(self._written))

    def _one(self, at: int, written: _Written) -> bytes:
        then, otherwise = self._distance(at, written.then), self._distance(at, written.otherwise)
        if written.code == JUMP:
            return _INSTRUCTION.pack(JUMP, 0, 0, then)
        if then > _MAX_JUMP or otherwise > _MAX_JUMP:
            raise ValueError(f"the jump of instruction {at} goes too far")
        return _INSTRUCTION.pack(written.code, then, otherwise, written.value)

    def _distance(self, at: int, label: str) -> int:
        if label == NEXT:
            return 0
        if label not in self._labels:
            raise ValueError(f"there is no label {label}")
        distance = self._labels[label] - at - 1
        if distance < 0:
            raise ValueError(f"the jump of instruction {at} goes backwards")
        return distance


def instructions(program: bytes) -> list[tuple[int, int, int, int]]:
    """An assembled program as (code, jump if true, jump if false, value), for display and tests."""
    return list(_INSTRUCTION.iter_unpack(program))
