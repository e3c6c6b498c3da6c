"""`coarsen`: a time or number rounded down to a step; the original goes into the opaque blob.

Security: the cloud learns the value up to its step, exactly where the step ends, and can ask for
ranges and order at that step. It is no encryption; the seal binds the rounded value.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from analytics.wire import format_time, parse_time
from zt.schemes.base import UnfitError

MAX_NUMBER = 2**63
"""Numbers from here on, or rounded below its negative, stay as they are: no int64 holds them."""


class Coarsen:
    """Rounds times or numbers down.

    Args:
        kind: which of the two.
        step: microseconds of a time, or a whole number.
    """

    name = "coarsen"
    proves_itself = False

    def __init__(self, kind: Literal["time", "number"], step: int) -> None:
        self._kind = kind
        self._step = step

    def canonical(self, value: Any) -> str | int:
        """The rounded value: an RFC 3339 time with six digits, or an integer."""
        if self._kind == "time" and isinstance(value, str):
            try:
                return format_time(parse_time(value) // self._step * self._step)
            except ValueError:
                raise UnfitError("no time") from None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if self._kind == "number" and is_number and abs(value) < MAX_NUMBER:
            rounded: int = math.floor(value) // self._step * self._step
            if rounded >= -MAX_NUMBER:
                return rounded
        raise UnfitError(f"no {self._kind}")

    def protect(self, canonical: Any) -> Any:
        """The rounded value itself."""
        return canonical

    def protect_all(self, canonicals: Sequence[Any]) -> list[Any]:
        """The rounded values themselves."""
        return list(canonicals)

    def reveal(self, ciphertext: Any) -> Any:
        """The rounded value itself."""
        return ciphertext

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[Any]:
        """The rounded values themselves."""
        return list(ciphertexts)
