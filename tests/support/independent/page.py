"""The tables and blocks of docs/formats.md, to compare them with what they say."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "formats.md"


def section(title: str) -> str:
    """The text below a heading, up to the next one of the same level or a higher one."""
    text = PAGE.read_text("utf-8")
    match = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert match, f"the page has no section {title}"
    rest = text[match.end() :]
    end = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def table(text: str, first: str) -> list[list[str]]:
    """The rows of the one table with this first heading, each a list of cells."""
    found = [
        block
        for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
        if _cells(block.partition("\n")[0])[0] == first
    ]
    assert len(found) == 1, f"{len(found)} tables begin with {first}"
    rows = [_cells(line) for line in found[0].splitlines()]
    assert len(rows) > 2, "a table without rows"
    return rows[2:]


def _cells(row: str) -> list[str]:
    return [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]


def quoted(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall("`([^`]*)`", cell)


def blocks(text: str) -> list[str]:
    """The indented blocks, without their indentation."""
    found = re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", text, re.MULTILINE)
    return [re.sub("^    ", "", block, flags=re.MULTILINE) for block in found]


def quoted_message(block: str) -> bytes:
    """Hexadecimal words, and texts in quotes."""
    return b"".join(
        word.strip('"').encode() if word[0] == '"' else bytes.fromhex(word)
        for word in re.findall(r'"[^"]+"|[0-9a-f]+', block)
    )
