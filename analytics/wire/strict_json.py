"""Strict JSON: what could be read in two ways, or could exhaust a reader, is not read at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec

MAX_DEPTH = 128
"""Objects and arrays within each other; whatever walks events later recurses once a level or
more, and one hostile line must not exhaust the interpreter's stack."""

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()


def decode_json(raw: bytes) -> Any:
    """Strict JSON: no duplicate keys, no lone surrogates, no numbers out of range, not too deep.

    Raises:
        ValueError: with a reason that quotes nothing of the input.
    """
    try:
        value = msgspec.json.decode(raw)
    except UnicodeDecodeError:
        raise ValueError("not valid UTF-8") from None
    except msgspec.ValidationError:
        raise ValueError("a number is out of range") from None
    except msgspec.DecodeError:
        raise ValueError("not valid JSON") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _is_too_deep(value):
        raise ValueError("nested too deeply")
    if _has_duplicate_keys(raw, value):
        raise ValueError("a key stands twice in one object")
    return value


def decode_objects(lines: Sequence[bytes]) -> list[Any] | None:
    """`decode_json` of lines that hold an object each, in a third of the time.

    None if some line has to be looked at alone: it may be wrong, or only unusual.
    """
    text = b"\n".join(lines)
    if b"\\" in text or text.count(b"\n") != len(lines) - 1:
        return None  # an escape may hide a colon; a line end makes two lines of one
    # Values follow one another as `}` line end `{`, which no value has inside: so each line holds
    # whole values, and if there are as many values as lines, one.
    if not all(line.startswith(b"{") and line.endswith(b"}") for line in lines):
        return None
    try:
        values = _DECODER.decode_lines(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if len(values) != len(lines) or _may_be_too_deep(text):
        return None
    # see `_has_duplicate_keys`
    return values if _colons(text) == _colons(_ENCODER.encode_lines(values)) else None


def _colons(text: bytes) -> int:
    import numpy as np  # takes long, and not all who read JSON read this much of it

    return int(np.count_nonzero(np.frombuffer(text, np.uint8) == ord(":")))


def _may_be_too_deep(lines: bytes) -> bool:
    """Whether some line opens so many objects and arrays that they could lie within each other."""
    import numpy as np

    characters = np.frombuffer(lines, np.uint8)
    opened = np.flatnonzero(characters | 0x20 == ord("{"))  # or `[`, which differs by that bit
    if len(opened) <= MAX_DEPTH:
        return False
    numbers = np.searchsorted(np.flatnonzero(characters == ord("\n")), opened)
    return bool((numbers[MAX_DEPTH:] == numbers[:-MAX_DEPTH]).any())


def _is_too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            item
            for container in level
            if isinstance(container, dict | list)
            for item in (container.values() if isinstance(container, dict) else container)
        ]
        if not level:
            return False
    return any(isinstance(item, dict | list) for item in level)


def _has_duplicate_keys(raw: bytes, value: Any) -> bool:
    """Whether the decoder dropped an entry because its key came again.

    The encoder writes every colon of keys, strings and entries literally, and so does the input
    unless it escapes one; an entry that was dropped takes at least its own colon with it. So
    equal counts prove that there was no duplicate, at the speed of the library's encoder.
    """
    if b"\\u003" not in raw:
        return raw.count(b":") != msgspec.json.encode(value).count(b":")
    try:
        json.loads(raw, object_pairs_hook=_distinct_entries)
    except ValueError:
        return True
    return False


def _distinct_entries(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    entries = dict(pairs)
    if len(entries) != len(pairs):
        raise ValueError
    return entries
