"""`--explain`: what the cloud would see of a question, and what of it is exact.

Printed instead of an answer. To say how many values and events a question comes to, the value
dictionary is looked up as it would be for the answer, and the events are counted, but none is
fetched and nothing is grouped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from analytics.wire import Lookup, Metric, Query, Selection
from zt.cli.figures import title_of
from zt.cli.runtime import json_line, write_lines
from zt.cli.tables import Terminal, cell, plain_table
from zt.units import format_span

if TYPE_CHECKING:
    from zt.query import Explained, Session, Step


def print_plan(session: Session, plans: Sequence[Explained], *, json: bool) -> None:
    """Print the plan of a question for each epoch and profile.

    Args:
        session: with the store that would be asked.
        plans: what `Session.explain` says.
        json: a JSON object on a line for each, with all requests as the cloud would get them.
    """
    rows = [_rows(session, plan) for plan in plans]
    schemes = [_schemes(session, plan) for plan in plans]
    if json:
        write_lines(map(json_line, map(describe, plans, rows, schemes)))
        return
    console = Terminal()
    if not plans:
        console.print("nothing is asked: no epoch has events in that time")
    for parts in map(renderables, plans, rows, schemes):
        console.print(*parts, sep="\n", highlight=False)


def describe(plan: Explained, rows: int, schemes: Mapping[str, str]) -> dict[str, Any]:
    """A plan for machines."""
    return {
        "kid": plan.kid,
        "profile": plan.profile,
        "exact": plan.exact,
        "rows": rows,
        "steps": [
            {
                "field": step.path,
                "scheme": step.scheme,
                "question": step.question,
                "cloud_sees": step.how,
                "exact": step.exact,
                "candidates": step.candidates,
                "values": step.values,
            }
            for step in plan.steps
        ],
        "fields": schemes,
        "requests": [
            {type(request).__name__.lower(): request.model_dump(mode="json")}
            for request in plan.asked
        ],
    }


def renderables(plan: Explained, rows: int, schemes: Mapping[str, str]) -> list[Table | Text]:
    """A plan for people: its leaves in a table, and what is done with what they select."""
    part = Text.assemble("epoch ", cell(plan.kid, "bold"), ", profile ", cell(plan.profile, "bold"))
    table = plain_table("field", "scheme", "asked for", "the cloud sees", "values", "")
    for step in plan.steps:
        asked = [cell(text) for text in (step.path, step.scheme, step.question, step.how)]
        table.add_row(*asked, _values(step), "exact" if step.exact else "superset")
    lines = [_line(request, schemes) for request in plan.asked if not isinstance(request, Lookup)]
    selected = f"selects {rows:,} events" + ("" if plan.exact else ", some of which may not fit")
    if not plan.exact:
        lines.append("your side opens these and takes out what does not fit")
    texts = [Text.assemble("  ", text) for text in (selected, *lines)]
    return [part, *([table] if plan.steps else []), *texts, Text()]


def _line(request: Query | Selection, schemes: Mapping[str, str]) -> Text | str:
    """What is asked of the events that are selected."""
    if isinstance(request, Selection):
        most = "" if request.limit is None else f", the newest {request.limit:,}"
        return f"returns them encrypted{most}"
    figures = [title_of(metric) for metric in request.metrics]
    text = f"measures {', '.join(figures)}" if figures else "lists"
    if request.group_by:
        fields = [f"{path} ({schemes.get(path, '?')})" for path in request.group_by]
        text += f" for each value of {', '.join(fields)}" if figures else f" {', '.join(fields)}"
    if request.interval is not None:
        text += f" every {format_span(request.interval)}"
    return cell(text)


def _values(step: Step) -> str:
    """How many values fit, and of how many that were looked at."""
    if step.values is None:
        return "" if step.candidates is None else f"up to {step.candidates:,}"
    if step.candidates is None or step.candidates == step.values:
        return f"{step.values:,}"
    return f"{step.values:,} of {step.candidates:,}"


def _schemes(session: Session, plan: Explained) -> dict[str, str]:
    """How the fields that are grouped or measured are protected."""
    requests = [request for request in plan.asked if isinstance(request, Query)]
    found = {}
    for request in requests:
        measured = [metric.path for metric in request.metrics if metric.path is not None]
        for path in (*request.group_by, *measured):
            field = session.decoder.plan(request.kid, request.profile).field(path)
            found[path] = "hidden" if field is None else field.scheme.name
    return found


def _rows(session: Session, plan: Explained) -> int:
    """The events that the filter selects."""
    request = plan.asked[-1]
    if isinstance(request, Lookup):
        raise AssertionError("a question ends with a request for events or groups")
    query = Query(
        kid=request.kid,
        profile=request.profile,
        since=request.since,
        until=request.until,
        filter=plan.filter,
        metrics=(Metric(kind="events"),),
    )
    return sum(int(row.metrics[0] or 0) for row in session.store.query(query))
