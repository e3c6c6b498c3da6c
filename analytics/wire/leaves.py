"""Events as leaves: the scalars and empty containers of a JSON object, each at a dotted path.

An event may be nested (`{"sip": {"from": ...}}`), dotted (`{"sip.from": ...}`) or both; a path
is the segments joined by dots either way, and an event that has one path twice is ambiguous.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

Keys = tuple[str, ...]
"""The segments of a path as the event spells them: `("sip", "from")` or `("sip.from",)`."""


class Leaf(NamedTuple):
    """One scalar or empty container of an event.

    `position` is the index in an array of scalars, or None for a leaf outside arrays.
    """

    keys: Keys
    path: str
    position: int | None
    value: Any


def is_scalar_array(value: Any) -> bool:
    """Whether the value is a non-empty array of nothing but scalars."""
    return (
        isinstance(value, list)
        and bool(value)
        and not any(isinstance(item, dict | list) for item in value)
    )


def fields(event: dict[str, Any], prefix: Keys = ()) -> Iterator[tuple[Keys, str, Any]]:
    """Every (keys, dotted path, value) whose value is no object with entries.

    Arrays come whole, as one value.
    """
    for key, value in event.items():
        keys = (*prefix, key)
        if isinstance(value, dict) and value:
            yield from fields(value, keys)
        else:
            yield keys, ".".join(keys), value


def leaves(event: dict[str, Any]) -> Iterator[Leaf]:
    """Every leaf of the event; arrays of scalars give one for each element.

    Raises:
        ValueError: for an array that holds containers: such arrays are always opaque, so an
            encrypted event has none.
    """
    for keys, path, value in fields(event):
        if isinstance(value, list) and value:
            if not is_scalar_array(value):
                raise ValueError("an array holds containers")
            for index, item in enumerate(value):
                yield Leaf(keys, path, index, item)
        else:
            yield Leaf(keys, path, None, value)


def leaf_values(event: dict[str, Any]) -> list[tuple[str, int, Any]]:
    """Every leaf as (dotted path, index in an array of scalars or -1, value).

    The leaves of `leaves`, in that order, in a third of the time: a seal walks every event.

    Raises:
        ValueError: see `leaves`.
    """
    found: list[tuple[str, int, Any]] = []
    _collect(event, "", found)
    return found


def _collect(branch: dict[str, Any], prefix: str, found: list[tuple[str, int, Any]]) -> None:
    for key, value in branch.items():
        if isinstance(value, dict) and value:
            _collect(value, f"{prefix}{key}.", found)
        elif isinstance(value, list) and value:
            if not is_scalar_array(value):
                raise ValueError("an array holds containers")
            found += [(prefix + key, index, item) for index, item in enumerate(value)]
        else:
            found.append((prefix + key, -1, value))


def has_doubled_path(event: dict[str, Any]) -> bool:
    """Whether two spellings, nested and dotted, name the same path somewhere in the event.

    Objects inside arrays count each on their own.
    """
    # without a dot in some key there is one spelling only, and most events have none
    return _has_dotted_key(event) and _has_doubled_path(event)


def _has_dotted_key(container: dict[str, Any] | list[Any]) -> bool:
    if isinstance(container, dict):
        for key in container:
            if "." in key:
                return True
        items: Iterable[Any] = container.values()
    else:
        items = container
    return any(_has_dotted_key(item) for item in items if isinstance(item, dict | list))


def _has_doubled_path(event: dict[str, Any]) -> bool:
    seen: set[str] = set()
    for _, path, value in fields(event):
        if path in seen:
            return True
        seen.add(path)
        if isinstance(value, list) and _array_has_doubled_path(value):
            return True
    return False


def _array_has_doubled_path(array: list[Any]) -> bool:
    return any(
        _has_doubled_path(item)
        if isinstance(item, dict)
        else isinstance(item, list) and _array_has_doubled_path(item)
        for item in array
    )
