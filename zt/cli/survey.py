"""`zt profile explain|suggest`: looking at plaintext events before they are encrypted."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zt.cli.codec import ProfileOption
from zt.cli.runtime import JsonOption, OutputOption, note, open_input, open_output, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from zt.survey import Explanation, FieldVerdict, Sample

WIDE = 200  # characters of a line that goes into a file or pipe
MAX_ROWS = 500
"""Rows of a table; the fields beyond are hidden ones."""

EventsArgument = Annotated[
    str, typer.Argument(metavar="EVENTS", help="File with JSON events, one a line; - for stdin.")
]
SampleOption = Annotated[
    int, typer.Option("--sample", min=1, help="Look at so many events, the first ones.")
]
_STYLES = {"alarm": "bold red", "warning": "yellow", "note": "", "ok": ""}


def explain(
    events: EventsArgument,
    profile: ProfileOption = "sip-balanced",
    sample: SampleOption = 10_000,
    json: JsonOption = False,
) -> None:
    """Show what the cloud learns of each field of these events under a profile.

    Names of fields and figures are printed, never values. Exit code 1: identities in clear, or
    lines that are no events.
    """
    from analytics.wire import input_lines
    from zt.profile import load_profile
    from zt.survey import explain

    rules = load_profile(profile)
    with open_input(events) as file:
        found = explain(input_lines(file), rules, sample)
    if json:
        write_json(_as_json(found, rules.name))
    else:
        from rich.console import Console

        Console(width=None if sys.stdout.isatty() else WIDE).print(_table(found))
    levels = [field.level for field in found.fields]
    note(
        f"{found.sample.events} events under {rules.name}: {len(levels)} fields, "
        f"{levels.count('alarm')} with identities in clear, {levels.count('warning')} with warnings"
    )
    _note_bad(found.sample)
    if found.alarms or found.sample.bad:
        raise typer.Exit(1)


def suggest(
    events: EventsArgument,
    output: OutputOption = None,
    name: Annotated[str, typer.Option("--name", help="Name of the profile.")] = "suggested",
    sample: SampleOption = 10_000,
) -> None:
    """Write a profile for unknown events, by names and values of their fields.

    What is not understood is hidden. Read the file before it is used. Exit code 1: lines that
    are no events.
    """
    from analytics.wire import input_lines
    from zt.survey import read_sample, suggest, write_profile

    with open_input(events) as file:
        read = read_sample(input_lines(file), sample)
    text = write_profile(read, suggest(read), name)
    with open_output(output) as out:
        out.write(text.encode())
    note(f"looked at {read.events} events; read the profile, then ask zt profile explain about it")
    _note_bad(read)
    if read.bad:
        raise typer.Exit(1)


def _note_bad(sample: Sample) -> None:
    for line, reason in sample.bad_lines:
        note(f"line {line}: {reason}")
    if sample.bad:
        note(f"lines that are no events: {sample.bad}; they were left out")


def _table(found: Explanation) -> Table:
    from zt.cli.profile import describe
    from zt.cli.tables import cell, plain_table

    table = plain_table("field", "scheme", "the cloud learns", "distinct", "top", "verdict")
    for field in found.fields[:MAX_ROWS]:
        figures = field.figures
        least = ">= " if figures.is_full else ""
        table.add_row(
            cell(field.path),
            cell(" ".join((describe(field.rule), keyspace(field), *field.rule.search)).strip()),
            field.learns,
            f"{least}{figures.distinct}",
            f"{figures.share:.0%}",
            cell(field.verdict, _STYLES[field.level]),
        )
    if len(found.fields) > MAX_ROWS:
        table.add_row(f"{len(found.fields) - MAX_ROWS} more")
    return table


def keyspace(field: FieldVerdict) -> str:
    """The keyspace of a field that is encrypted; empty for others."""
    return (field.rule.keyspace or field.path) if field.rule.is_keyed else ""


def _as_json(found: Explanation, profile: str) -> dict[str, Any]:
    return {
        "profile": profile,
        "events": found.sample.events,
        "bad_lines": found.sample.bad,
        "fields": [
            {
                "field": field.path,
                "scheme": field.rule.scheme,
                "keyspace": keyspace(field) or None,
                "search": field.rule.search,
                "derived_from": field.derived_from,
                "learns": field.learns,
                "events": field.figures.events,
                "values": field.figures.values,
                "distinct": field.figures.distinct,
                "distinct_is_at_least": field.figures.is_full,
                "top_share": round(field.figures.share, 4),
                "unfit": field.figures.unfit,
                "level": field.level,
                "verdict": field.verdict,
            }
            for field in found.fields
        ],
    }
