"""Strings of digits: phone numbers and long numeric ids.

Digits are ASCII digits, with one `+` before them or none. `0049 30...` and `+49 30...` stay two
different values: which national prefixes a network dials is not guessed.
"""

from __future__ import annotations

import re
from typing import Literal

MAX_DIGITS = 256
"""More digits are no number; the bound also keeps FF1's big integers small."""

Keep = Literal["country"] | int
"""What stays clear at the front of a number: its country code, or so many digits."""

_DIGITS = re.compile(rf"\+?[0-9]{{1,{MAX_DIGITS}}}")
_TWO_DIGIT_CODES = re.compile(
    "20|27|3[0-4]|36|39|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"  # all others of zones 2 to 9 have 3
)


def is_number(text: str) -> bool:
    """Whether a text is digits, perhaps behind a `+`."""
    return _DIGITS.fullmatch(text) is not None


def split_number(text: str, keep: Keep) -> tuple[str, str] | None:
    """What stays clear, its `+` included, and the digits behind it.

    The split of a number is that of every number with the same clear part, so a ciphertext
    splits like its plaintext. None where a country code is to stay and there can be none.
    """
    start = 1 if text.startswith("+") else 0
    if keep == "country":
        if start == 0:
            return "", text
        length = country_code_length(text[1:])
        return (text[: start + length], text[start + length :]) if length else None
    return text[: start + keep], text[start + keep :]


def country_code_length(digits: str) -> int:
    """How many digits of an international number are its country code (ITU-T E.164).

    Zones 1 and 7 have one digit; which pairs of digits are codes was settled long ago, all
    others begin codes of three. 0: no code begins so.
    """
    if digits[:1] in ("1", "7"):
        return 1
    if digits[:1] in ("0", ""):
        return 0
    return 2 if _TWO_DIGIT_CODES.match(digits) else 3
