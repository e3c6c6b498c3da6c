"""`zt values`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli.ask import ExplainOption, session_with
from zt.cli.runtime import (
    JsonOption,
    RingOption,
    StoreOption,
    json_line,
    note,
    printable,
    write_lines,
)

if TYPE_CHECKING:
    from zt.query import Pattern, Term


def values(
    keys: RingOption,
    store: StoreOption,
    field: Annotated[str, typer.Argument(help="Path of the field, as sip.from.")],
    pattern: Annotated[
        str | None,
        typer.Argument(help="Only values that fit, as '*part*', 'abc*' or 'a?c*d'; else all."),
    ] = None,
    explain: ExplainOption = False,
    json: JsonOption = False,
) -> None:
    """Print the distinct values that events have in a field, in order.

    One a line; control characters are escaped. With --json each is a JSON string, as it is.
    Case does not matter to a pattern. Exit code 1: some were refused.
    """
    leaf = None if pattern is None else read_pattern(field, pattern)
    with session_with(keys, store) as session:
        if explain:
            from zt.cli.explain import print_plan
            from zt.query import Measure
            from zt.query.ast import EVERYTHING

            plans = session.explain(leaf or EVERYTHING, measure=Measure((field,)))
            print_plan(session, plans, json=json)
            return
        found = session.values(field, leaf)
        write_lines(map(json_line if json else _line, found))
        note(f"found {len(found)} values")


def read_pattern(field: str, text: str) -> Term | Pattern | None:
    """What a pattern asks of a field; None for `*`, which every value fits.

    Raises:
        typer.BadParameter: it is empty or too long, or nothing follows its last backslash.
    """
    from zt.query import Pattern, Term
    from zt.query.lucene.limits import MAX_PATTERN
    from zt.query.lucene.words import leaf_of

    if not text:
        raise typer.BadParameter("write '*' for all values", param_hint="PATTERN")
    if len(text) > MAX_PATTERN:
        raise typer.BadParameter(f"longer than {MAX_PATTERN} characters", param_hint="PATTERN")
    if (len(text) - len(text.rstrip("\\"))) % 2:
        raise typer.BadParameter(
            "nothing follows the backslash: write \\\\ for one", param_hint="PATTERN"
        )
    leaf = leaf_of(field, text)
    return leaf if isinstance(leaf, Term | Pattern) else None


def _line(value: str) -> bytes:
    return printable(value).encode() + b"\n"
