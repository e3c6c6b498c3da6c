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
from zt.crypto.fold import FOLD_VERSION, fold
from zt.crypto.gram import GRAM_SIZE, TOKEN_BITS, GramTokens
from zt.crypto.tokens import NET_LENGTHS, PREFIX_DIGITS, NetTokens, PrefixTokens, WholeTokens
from zt.values.address import Network

SearchKind = Literal["gram", "prefix", "whole", "net"]
Part = Literal["contains", "startswith", "endswith", "whole"]

_PARAMETERS: dict[SearchKind, dict[str, int | list[int]]] = {
    "gram": {"bits": TOKEN_BITS, "fold": FOLD_VERSION, "size": GRAM_SIZE},
    "prefix": {"bits": TOKEN_BITS, "digits": PREFIX_DIGITS, "fold": FOLD_VERSION},
    "whole": {"bits": TOKEN_BITS, "fold": FOLD_VERSION},
    "net": {"bits": TOKEN_BITS, "v4": list(NET_LENGTHS[4]), "v6": list(NET_LENGTHS[6])},
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
        self._gram = GramTokens(key) if "gram" in kinds else None
        self._prefix = PrefixTokens(key) if "prefix" in kinds else None
        self._whole = WholeTokens(key) if "whole" in kinds else None
        self._net = NetTokens(key) if "net" in kinds else None

    def tokens(self, texts: Sequence[str]) -> list[tuple[int, ...]]:
        """The tokens of each text, of all kinds, sorted and distinct."""
        columns = [self._net.tokens(texts)] if self._net else []
        if makers := [kind for kind in (self._gram, self._prefix, self._whole) if kind]:
            folded = [fold(text) for text in texts]
            columns += [maker.tokens(folded) for maker in makers]
        if len(columns) == 1:
            return columns[0]
        return [tuple(sorted(set().union(*own))) for own in zip(*columns, strict=True)]

    def needle(self, part: Part, text: str) -> tuple[int, ...]:
        """The tokens that every value with this part has, sorted: those of all kinds that help.

        Args:
            part: where in the value the text is.
            text: what to look for; it is folded here.

        Raises:
            ValueError: no token could narrow the search down; it must not match everything.
        """
        folded = fold(text)
        found: set[int] = set()
        reason = f"the field has no search tokens for {part}"
        if part == "whole" and self._whole:
            return self._whole.needle(folded)
        if part == "startswith" and self._prefix:
            try:
                found.update(self._prefix.needle(folded))
            except ValueError as error:
                reason = str(error)
        if self._gram:
            first, last = part in ("startswith", "whole"), part in ("endswith", "whole")
            try:
                found.update(self._gram.needle(folded, first=first, last=last))
            except ValueError as error:
                reason = str(error)
        if not found:
            raise ValueError(reason)
        return tuple(sorted(found))

    def network(self, network: Network) -> tuple[int, ...]:
        """The tokens that every address in a network has.

        Raises:
            ValueError: the network is too large for any, or addresses have none here.
        """
        if self._net is None:
            raise ValueError("the field has no search tokens for networks")
        return self._net.needle(network)
