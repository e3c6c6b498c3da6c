"""Putting hidden fields and originals back into events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from analytics.wire import Keys
from zt.errors import IntegrityError


def put_all(event: dict[str, Any], entries: Iterable[tuple[Keys, Any]]) -> None:
    """Put hidden fields back into their places.

    The seal does not tell nested from dotted spelling, so a store could respell a visible field
    to stand where a hidden one belongs; neither may then silently win.

    Raises:
        IntegrityError: something else is in such a place.
    """
    above: Keys | None = None
    branch: Any = event
    for keys, value in entries:
        if keys[:-1] != above:  # neighbours mostly stand in the same object
            above = keys[:-1]
            branch = event
            for key in above:
                branch = branch.setdefault(key, {})
                if not isinstance(branch, dict):
                    raise respelled()
        key = keys[-1]
        if key in branch:
            raise respelled()
        branch[key] = value


def replace(event: dict[str, Any], keys: Keys, index: int | None, value: Any) -> None:
    """Put the original in the place of a canonical value.

    Raises:
        IntegrityError: there is none: a store spelled the visible part otherwise.
    """
    branch: Any = event
    place: Any = keys[-1]
    try:
        for key in keys[:-1]:
            branch = branch[key]
        if index is not None:
            branch, place = branch[place], index if index >= 0 else None
        branch[place]  # it must be there
    except (KeyError, IndexError, TypeError):
        raise respelled() from None
    branch[place] = value


def respelled() -> IntegrityError:
    """The error where visible fields are not where the encoder left them."""
    return IntegrityError(
        "an event's visible fields are not where they were: its keys were respelled",
        "get the event again from where it was made, and ask who could write the store",
    )
