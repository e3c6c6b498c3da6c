"""Events for people: a line for what happened when, then a line for each leaf.

Made to be read on a terminal or in a pager (`| less -R`): lines are never folded or cut, and
nothing in an event can steer what shows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from analytics.wire import format_time
from zt.cli.tables import cell

if TYPE_CHECKING:
    from zt.query import Found

MAX_PATH: Final = 40
"""Characters to which values are aligned; a longer path pushes its own value out."""

_NAMES: Final = ("type", "event_type", "event.action", "event.kind")
"""Where events of different makers say what they are."""


def event_text(found: Found) -> Text:
    """An opened event, with an empty line behind it."""
    leaves = list(leaves_of(found.event))
    values = dict(leaves)
    name = next((values[path] for path in _NAMES if isinstance(values.get(path), str)), "event")
    moment = "no time" if found.time is None else format_time(found.time)
    text = Text.assemble(cell(moment, "bold"), "  ", cell(name, "bold"), f"  {found.id}\n")
    width = min(MAX_PATH, max((cell(path).cell_len for path, _ in leaves), default=0))
    for path, value in leaves:
        label = cell(path, "dim")
        padding = " " * max(0, width - label.cell_len)
        text.append_text(Text.assemble("  ", label, padding, "  ", cell(_shown(value)), "\n"))
    return text


def leaves_of(event: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The dotted paths of an event with what stands there; an array is one leaf."""
    for key, value in event.items():
        if isinstance(value, dict) and value:
            yield from leaves_of(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _shown(value: Any) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
