"""Blind tokens of three-character pieces, by which the cloud finds parts of words.

    token = first 4 bytes of AES-CMAC(key, flags(1) || 3 x UTF-32BE), big-endian

over the folded text (`zt.crypto.fold`). Each piece gives a token with flags 0, the first one
also with bit 0 and the last one also with bit 1, so that "starts with" and "ends with" are
tokens too.

Security: without the key a token is a pseudo-random number, and equal pieces have equal tokens:
who sees the dictionary learns which values share pieces, and how many pieces a value has.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from keys import KeyspaceKey, labels
from keys.derive import lp, uint32
from zt.crypto.aes import BLOCK, Blocks, ShortMacs
from zt.crypto.fold import FOLD_VERSION

GRAM_SIZE = 3  # code points
WIDTH = 4  # bytes of a code point
TOKEN_BITS = 32
AT_ONCE = 256  # texts, whose grams stay in the processor's cache
FIRST = 1
LAST = 2
PARAMS = lp(uint32(FOLD_VERSION), uint32(GRAM_SIZE), uint32(TOKEN_BITS))


class GramTokens:
    """The gram tokens of one keyspace in one epoch."""

    def __init__(self, key: KeyspaceKey) -> None:
        self._macs = ShortMacs(key.subkey(labels.GRAM, 32, PARAMS))

    def tokens(self, folded: Sequence[str]) -> list[tuple[int, ...]]:
        """The sorted, distinct tokens of each folded text; none for those shorter than a gram."""
        starts = range(0, len(folded), AT_ONCE)
        return [each for n in starts for each in self._tokens(folded[n : n + AT_ONCE])]

    def _tokens(self, folded: Sequence[str]) -> list[tuple[int, ...]]:
        lengths = np.fromiter(map(len, folded), np.int64, len(folded))
        counts = np.maximum(lengths - (GRAM_SIZE - 1), 0)
        owner = np.repeat(np.arange(len(folded)), counts)
        if not owner.size:
            return [()] * len(folded)
        text_starts = np.cumsum(lengths) - lengths
        gram_starts = np.cumsum(counts) - counts
        starts = np.arange(owner.size) - gram_starts[owner] + text_starts[owner]
        grams = _grams("".join(folded))[starts]

        texts_with_grams = np.flatnonzero(counts)
        first = gram_starts[texts_with_grams]
        last = first + counts[texts_with_grams] - 1
        tokens = self._mac(
            np.concatenate([grams, grams[first], grams[last]]),
            np.repeat([0, FIRST, LAST], [owner.size, first.size, last.size]),
        )
        owners = np.concatenate([owner, texts_with_grams, texts_with_grams]).astype(np.uint64)
        both = owners << np.uint64(TOKEN_BITS) | tokens
        both.sort()
        both = both[np.diff(both, prepend=~both[:1]) != 0]  # faster than np.unique
        ends = np.searchsorted(both >> np.uint64(TOKEN_BITS), np.arange(len(folded) + 1))
        low = (both & np.uint64(2**TOKEN_BITS - 1)).tolist()
        return [tuple(low[a:b]) for a, b in pairwise(ends.tolist())]

    def needle(self, folded: str, *, first: bool = False, last: bool = False) -> tuple[int, ...]:
        """The tokens that every value with this part has, sorted.

        Args:
            folded: the part to look for.
            first: the value starts with it.
            last: the value ends with it.

        Raises:
            ValueError: the part is shorter than a gram: no token could narrow it down.
        """
        if len(folded) < GRAM_SIZE:
            raise ValueError(f"a part of a word has at least {GRAM_SIZE} characters")
        grams = _grams(folded)
        count = len(grams)
        rows = [*range(count), *[0] * first, *[count - 1] * last]
        flags = [*[0] * count, *[FIRST] * first, *[LAST] * last]
        return tuple(np.unique(self._mac(grams[rows], np.array(flags))).tolist())

    def _mac(self, grams: Blocks, flags: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """AES-CMAC of flags and gram, cut to 4 bytes; grams (n, 12) uint8 -> (n,) uint64."""
        blocks = np.zeros((len(grams), BLOCK), np.uint8)
        blocks[:, 0] = flags
        blocks[:, 1:13] = grams
        blocks[:, 13] = 0x80
        return self._macs.tokens_of_blocks(blocks).astype(np.uint64)


def _grams(text: str) -> Blocks:
    """The UTF-32BE of every gram of a text, which overlap in memory; shape (grams, 12)."""
    points = np.frombuffer(text.encode("utf-32-be"), np.uint8)
    return sliding_window_view(points, WIDTH * GRAM_SIZE)[::WIDTH]
