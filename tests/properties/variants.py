"""What is changed before questions are asked, so that rare ways to an answer are taken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zt.crypto.aes import ShortMacs
from zt.crypto.tokens import WholeTokens
from zt.query import compile


def fewer_bits(bits: int) -> Callable[[pytest.MonkeyPatch], None]:
    """Cut tokens to so many bits, so that many values have all tokens of a word by chance."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        whole, short = WholeTokens.needle, ShortMacs.tokens_of_blocks
        mask = 2**bits - 1
        monkeypatch.setattr(
            WholeTokens, "needle", lambda *args: tuple(token & mask for token in whole(*args))
        )
        monkeypatch.setattr(ShortMacs, "tokens_of_blocks", lambda *args: short(*args) & mask)

    return patch


def no_lookups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take any number of values for too many to name, so that tokens are asked for themselves.

    And they are of one bit, or the cloud would still find no more than what is asked for.
    """
    fewer_bits(1)(monkeypatch)
    monkeypatch.setattr(compile, "MAX_CANDIDATES", 0)


VARIANTS: dict[str, tuple[int, Callable[[pytest.MonkeyPatch], None]]] = {
    "as it is": (5, lambda _: None),
    "tokens of 8 bits": (3, fewer_bits(8)),
    "tokens of 1 bit": (2, fewer_bits(1)),
    "too many values to name": (3, no_lookups),
}
"""How many stores are asked, and what is changed before."""
