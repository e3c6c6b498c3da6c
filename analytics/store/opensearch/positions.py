"""Growing numbers over all writers: the positions of events, the sequences of findings.

Invariants:
- A block of numbers is open from when it is taken until what it numbers can be found, and
  `settled` stays below it. So a reader who has seen all up to `settled` misses nothing that a
  slower writer brings later.
- A block that was not closed in time is given up by its owner, who asks `Block.check` before each
  request, and then by everybody; a writer that died holds readers up no longer than that.

Clocks of writers and readers may differ by `MARGIN`.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, Final

from analytics.store.opensearch.cluster import PATIENCE, Cluster
from analytics.wire import StoreError

MARGIN: Final = 30.0
HELD: Final = 2 * PATIENCE + 2 * MARGIN
"""Seconds for which a block is open at most."""


@dataclass(frozen=True, slots=True)
class Block:
    """Numbers from `first` on, which nobody else has."""

    name: str
    first: int
    deadline: float

    def check(self) -> None:
        """Refuse to go on when the time for it is over.

        Raises:
            StoreError: it is; others may already believe that these numbers are settled.
        """
        if time.time() > self.deadline:
            raise StoreError(
                "the cluster was too slow to take what was numbered for it",
                "send the rest again: what is stored is not stored twice",
            )


class Positions:
    """One row of numbers.

    Args:
        cluster: where they are kept.
        name: of the row.
    """

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name

    def take(self, count: int) -> Block:
        """That many numbers, to be closed."""
        name = secrets.token_hex(8)

        def step(document: dict[str, Any]) -> Block:
            now = time.time()
            _give_up(document, now)
            first = document.setdefault("next", 1)
            document["next"] = first + count
            document["open"][name] = [first, now + HELD]
            return Block(name, first, now + HELD - MARGIN - PATIENCE)

        return self._cluster.change(self._cluster.indices.state, self._name, step)

    def close(self, block: Block) -> None:
        """What the block numbers is written, as far as it will be."""

        def step(document: dict[str, Any]) -> None:
            document.get("open", {}).pop(block.name, None)

        self._cluster.change(self._cluster.indices.state, self._name, step)

    def settled(self) -> int:
        """The greatest number below which nothing more will come; 0 at first.

        What it numbers is written, and found after a refresh that comes later than this call.
        """
        found = self._cluster.read(self._cluster.indices.state, self._name)
        if found is None:
            return 0
        document, _ = found
        _give_up(document, time.time())
        firsts = [first for first, _ in document["open"].values()]
        return int(min([document["next"], *firsts])) - 1


def _give_up(document: dict[str, Any], now: float) -> None:
    """Leave out the blocks whose time is over."""
    blocks = document.get("open", {})
    document["open"] = {name: block for name, block in blocks.items() if block[1] > now}
