"""`drop`: the value leaves the event for good, with all that is below it.

Security: nobody can bring it back, the customer neither. An object all of whose fields are
dropped is gone too. Rules do not reach into arrays of objects: those are opaque as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator


def prefixes(path: str) -> Iterator[str]:
    """The path and every path above it, the longest last."""
    end = path.find(".")
    while end >= 0:
        yield path[:end]
        end = path.find(".", end + 1)
    yield path
