"""Search lists: which kinds of blind tokens the values of a keyspace get.

A search list has a name that the cloud sees, a hash of the kinds and their parameters, so that
values tokenised under one list are never taken for complete under another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

import msgspec

from analytics.wire import encode_bytes
from keys import KeyspaceKey
from zt.crypto.fold import FOLD_VERSION
from zt.crypto.gram import GRAM_SIZE, TOKEN_BITS, GramTokens

SearchKind = Literal["gram"]

_PARAMETERS: dict[SearchKind, dict[str, int]] = {
    "gram": {"bits": TOKEN_BITS, "fold": FOLD_VERSION, "size": GRAM_SIZE},
}


def search_id(kinds: Sequence[SearchKind]) -> str:
    """The name of a search list: BLAKE2b-128 of its kinds and parameters as sorted JSON."""
    content = {kind: _PARAMETERS[kind] for kind in kinds}
    data = msgspec.json.encode(content, order="sorted")
    return encode_bytes(hashlib.blake2b(data, digest_size=16).digest())


class SearchTokens:
    """Makes the tokens of one search list in one keyspace and epoch."""

    def __init__(self, kinds: Sequence[SearchKind], key: KeyspaceKey) -> None:
        self.id = search_id(kinds)
        self.gram = GramTokens(key)

    def tokens(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each text, sorted and distinct."""
        return self.gram.tokens(texts)
