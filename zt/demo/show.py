"""Shows the demo's facts on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from analytics.wire import fields
from zt.cli.tables import cell, count_table, finding_table, plain_table
from zt.demo.play import Facts

MAX_VALUE = 44  # characters of a value shown


def show(facts: Facts, console: Console) -> None:
    """Print the demo's chapters."""
    _chapter(console, "1. The probe", "turns messages into few, meaningful events")
    console.print(f"{facts.messages} SIP messages became {len(facts.events)} events\n")

    _chapter(console, "2. The encoder", "one event, before and after encryption")
    console.print(_before_and_after(facts.before, facts.after))

    _chapter(console, "3. The cloud", "groups and counts ciphertext; the edge opens the answer")
    _both_views(console, facts)
    console.print(count_table("callers (sip.from)", facts.callers))
    console.print()

    _chapter(console, "4. Search", f"a part of a number, blind: {facts.question}")
    for event in facts.found:
        sip = event["sip"]
        console.print(cell(f"{event['@timestamp']}  {sip['from']} -> {sip['to']}"))
    console.print()

    _chapter(console, "5. Refusals", "nothing is believed that does not verify")
    console.print(Text(f"wrong key      {facts.wrong_key}"))
    console.print(Text(f"altered event  {facts.altered}\n"))

    _chapter(console, "6. Findings", "made by the cloud on ciphertext, opened at the edge")
    console.print(finding_table(facts.findings))
    console.print()

    _chapter(console, "7. Blocks", "each proven by its own events, at the edge")
    console.print(_blocks(facts))
    console.print(
        "Scanners and probers over UDP never prove their address: the demo's policy blocks them "
        "all the same (admit_unproven), password guessers only on proof.\n"
    )
    for command in facts.commands[::3]:
        console.print(Text(f"nft {command}"))


def _chapter(console: Console, title: str, what: str) -> None:
    console.print(Panel(Text(what), title=Text(title, "bold"), title_align="left"))


def _before_and_after(before: dict[str, Any], after: dict[str, Any]) -> Table:
    hidden = dict.fromkeys(path for _, path, _ in fields(before))
    visible = {path: value for _, path, value in fields(after)}
    table = plain_table("field", "at the customer", "in the cloud")
    for path in hidden:
        value = next(value for _, known, value in fields(before) if known == path)
        seen = _short(visible[path]) if path in visible else "-"
        table.add_row(cell(path), cell(_short(value)), cell(seen, "" if path in visible else "dim"))
    for path, value in visible.items():
        if path.startswith("zt."):
            table.add_row(cell(path), "", cell(_short(value)))
    return table


def _both_views(console: Console, facts: Facts) -> None:
    for title, counts in (
        ("what the cloud sees (client.ip)", facts.clouds_view),
        ("the same, opened (client.ip)", facts.attackers),
    ):
        console.print(Group(count_table(title, counts), Text()))


def _blocks(facts: Facts) -> Table:
    table = plain_table("blocked", "for", "evidence")
    for block in facts.blocks:
        table.add_row(str(block.address), block.job, f"{len(block.proof.events)} sealed events")
    return table


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1] + "…"
