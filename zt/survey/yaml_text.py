"""Names of fields as keys of a YAML file, whatever stands in them."""

from __future__ import annotations

import re

import yaml

MAX_KEY = 1000  # characters; YAML takes 1024 for a key without a question mark

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")

_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def quoted(name: str) -> str:
    """A name in double quotes, in ASCII and on one line: nothing in it can end key or comment."""
    text: str = yaml.safe_dump(name, default_style='"', allow_unicode=False, width=2**31)
    return text.rstrip("\n")


def key(name: str) -> str:
    """A name as a key: as it is where all readers of YAML take it for a text, else in quotes."""
    return name if _PLAIN.fullmatch(name) and name.lower() not in _WORDS else quoted(name)
