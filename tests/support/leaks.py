"""Looking for plaintext where there must be none.

A value counts as leaked if it stands anywhere as it is, in lower case, reversed, in hexadecimal,
or in base64 or base32 at any of their alignments.
"""

from __future__ import annotations

from base64 import b32encode, b64encode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any

import numpy as np

SHORTEST = 8  # characters; shorter values occur by chance


def spellings(value: str) -> set[bytes]:
    """The ways in which a value could stand in a file, each of at least `SHORTEST` bytes."""
    plain = value.encode()
    found = {plain, plain.lower(), plain[::-1], plain.hex().encode(), plain.hex().upper().encode()}
    for data in (plain, plain.lower()):
        for shift in range(3):
            for encode in (b64encode, urlsafe_b64encode):
                text = encode(bytes(shift) + data)
                first = -(-shift * 8 // 6)  # characters that what stands before would change
                last = (shift + len(data)) * 8 // 6
                found.add(text[first:last])
        for shift in range(5):
            text = b32encode(bytes(shift) + data).lower()
            found.add(text[-(-shift * 8 // 5) : (shift + len(data)) * 8 // 5])
    return {spelling for spelling in found if len(spelling) >= SHORTEST}


def leaked(values: Iterable[str], haystack: bytes) -> set[str]:
    """The values that stand in the haystack in some spelling."""
    needles: dict[bytes, list[tuple[bytes, str]]] = {}
    for value in values:
        for spelling in spellings(value):
            needles.setdefault(spelling[:SHORTEST], []).append((spelling, value))
    if len(haystack) < SHORTEST:
        return set()
    # every run of eight bytes as a number, to find the few places worth a look
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(haystack, np.uint8), SHORTEST)
    starts = np.frombuffer(b"".join(needles), "u8")
    candidates: set[bytes] = set()
    for at in range(0, len(windows), 1 << 20):
        numbers = np.ascontiguousarray(windows[at : at + (1 << 20)]).view("u8")[:, 0]
        candidates |= {int(n).to_bytes(8, "little") for n in np.intersect1d(numbers, starts)}
    return {
        value for start in candidates for spelling, value in needles[start] if spelling in haystack
    }


def strings_in(event: Any) -> set[str]:
    """Every string of an event but its keys."""
    if isinstance(event, str):
        return {event}
    if isinstance(event, dict):
        return set().union(*map(strings_in, event.values())) if event else set()
    if isinstance(event, list):
        return set().union(*map(strings_in, event)) if event else set()
    return set()


def keys_in(event: Any) -> set[str]:
    """Every key of an event, at all depths."""
    if isinstance(event, dict):
        return set(event).union(*map(keys_in, event.values())) if event else set()
    if isinstance(event, list):
        return set().union(*map(keys_in, event)) if event else set()
    return set()
