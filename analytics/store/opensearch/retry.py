"""When a request is sent again, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from opensearchpy.exceptions import ConnectionError as Unreachable
from opensearchpy.exceptions import TransportError
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random_exponential

BUSY: Final = frozenset({429, 502, 503, 504})
"""Statuses of what may go through later."""

T = TypeVar("T")


def again(ask: Callable[[], T], seconds: float, may: Callable[[BaseException], bool]) -> T:
    """Ask, and ask again with growing, random pauses while an error may pass, for so long."""
    attempts = Retrying(
        stop=stop_after_delay(seconds),
        wait=wait_random_exponential(multiplier=0.1, max=5),
        retry=retry_if_exception(may),
        reraise=True,
    )
    return attempts(ask)


def is_away(error: BaseException) -> bool:
    """Whether a part of what was asked is not there now."""
    return isinstance(error, TransportError) and error.status_code == 503


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed later."""
    if isinstance(error, Unreachable):
        return True
    if not isinstance(error, TransportError) or is_blocked(error.status_code, error.error):
        return False
    return error.status_code in BUSY


def is_blocked(status: str | int, kind: str) -> bool:
    """Whether an operator, or a full disk, has to do with a refusal.

    A full disk's block has the status of a busy node. While the cluster has no manager it blocks
    everything, by 503: that passes.
    """
    return kind == "cluster_block_exception" and status != 503
