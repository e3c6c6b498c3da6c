"""`zt profile list|show|check`."""

from __future__ import annotations

from typing import Annotated

import typer

from zt.cli.runtime import JsonOption, command, note, write_json, write_lines

app = typer.Typer(help="Profiles: what is encrypted, field by field.", no_args_is_help=True)

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
        write_json(profile.model_dump(exclude_defaults=True))
        return
    from rich.console import Console
    from rich.text import Text

    from zt.cli.tables import plain_table

    table = plain_table("field", "scheme", "keyspace", "search", "kind")
    for path, rule in profile.fields.items():
        keyspace = (rule.keyspace or path) if rule.scheme == "det" else ""
        table.add_row(Text(path), rule.scheme, Text(keyspace), ", ".join(rule.search), rule.kind)
    table.add_row("everything else", "opaque")
    Console().print(table)


@command(app)
def check(name: NameArgument) -> None:
    """Check a profile; errors name the line."""
    from zt.profile import load_profile

    profile = load_profile(name)
    note(f"the profile {profile.name} is fine: {len(profile.fields)} fields")
