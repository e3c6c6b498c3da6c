"""`zt profile list|show|check`; explain and suggest are in survey."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zt.cli import survey
from zt.cli.runtime import JsonOption, command, note, write_json, write_lines

app = typer.Typer(help="Profiles: what is encrypted, field by field.", no_args_is_help=True)

if TYPE_CHECKING:
    from zt.profile import FieldRule, Profile

NameArgument = Annotated[str, typer.Argument(help="Preset or YAML file.")]


@command(app, "list")
def list_presets() -> None:
    """List the presets."""
    from zt.profile import preset_names

    write_lines(f"{name}\n".encode() for name in preset_names())


@command(app)
def show(name: NameArgument, json: JsonOption = False) -> None:
    """Show what a profile does with each field."""
    from zt.profile import load_profile

    profile = load_profile(name)
    if json:
        write_json(profile.model_dump(exclude_defaults=True, by_alias=True))
        return
    from rich.console import Console

    from zt.cli.tables import cell, plain_table

    table = plain_table("field", "scheme", "keyspace", "search", "kind", "derived from")
    for path, rule in profile.fields.items():
        keyspace = (rule.keyspace or path) if rule.is_keyed else ""
        origin = profile.derive.get(path)
        table.add_row(
            cell(path),
            describe(rule),
            cell(keyspace),
            ", ".join(rule.search),
            rule.column_kind if rule.is_visible else "",
            cell(f"{origin.part} of {origin.source}" if origin else ""),
        )
    table.add_row("everything else", "opaque")
    Console().print(table)
    for alias, paths in profile.aliases.items():
        note(f"a question for {alias} asks for any of {', '.join(paths)}")


@command(app)
def check(name: NameArgument) -> None:
    """Check a profile; errors name the line."""
    from zt.profile import load_profile

    profile = load_profile(name)
    note(f"the profile {profile.name} is fine: {len(profile.fields)} fields")
    warn_of_unsafe(profile)


def describe(rule: FieldRule) -> str:
    """A rule's scheme with the options that change what it does."""
    from zt.units import format_span

    options = []
    if rule.keep:
        options.append(f"keep {rule.keep}")
    if rule.mode != "fpe":
        options.append(rule.mode)
    if rule.step:
        options.append(f"step {format_span(rule.step) if rule.kind == 'time' else rule.step}")
    return f"{rule.scheme} ({', '.join(options)})" if options else rule.scheme


def warn_of_unsafe(profile: Profile) -> None:
    """Name the fields that a profile shows though a preset protects them."""
    unsafe = [path for path, rule in profile.fields.items() if rule.scheme == "unsafe-clear"]
    if unsafe:
        note(f"warning: the cloud sees these in clear (unsafe-clear): {', '.join(unsafe)}")


for function in (survey.explain, survey.suggest):
    command(app)(function)
