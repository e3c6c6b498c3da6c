"""Finding values in events that may be nested, dotted or both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def values_at(branch: dict[str, Any], path: str) -> Iterator[Any]:
    """The values at a dotted path, whichever mixture of nested and dotted keys leads there."""
    for key, value in branch.items():
        if key == path:
            yield value
        elif isinstance(value, dict) and path.startswith(key + "."):
            yield from values_at(value, path[len(key) + 1 :])


def occupies(branch: dict[str, Any], path: str) -> bool:
    """Whether something stands at a dotted path or below it."""
    return any(
        key == path
        or key.startswith(path + ".")
        or (
            isinstance(value, dict)
            and path.startswith(key + ".")
            and occupies(value, path[len(key) + 1 :])
        )
        for key, value in branch.items()
    )
