"""The extensions that a honeypot pretends to have, and their passwords.

Written as on a PBX: `100-120, 200, alice`. A range keeps the zeros that its first number begins
with: `001-010`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

MAX_EXTENSIONS: Final = 10_000
_ITEM = re.compile(r"([0-9]{1,12})-([0-9]{1,12})|([A-Za-z0-9._+-]{1,32})", re.ASCII)


def extensions(text: str) -> frozenset[str]:
    """The extensions that a list names.

    Raises:
        ValueError: it is no such list, or names more than `MAX_EXTENSIONS`.
    """
    found: set[str] = set()
    for item in text.split(","):
        for name in _named(item.strip()):
            found.add(name)
            if len(found) > MAX_EXTENSIONS:
                raise ValueError(f"these are more than {MAX_EXTENSIONS} extensions")
    return frozenset(found)


def _named(item: str) -> Iterator[str]:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError("extensions are written 100-120, 200, alice")
    first, last, single = match.groups()
    if single:
        yield single
        return
    if int(last) < int(first):
        raise ValueError(f"{item} begins with the greater number")
    for number in range(int(first), int(last) + 1):
        yield f"{number:0{len(first)}}"


def check_guessable(guessable: Mapping[str, str], known: frozenset[str]) -> None:
    """Refuses passwords of extensions that don't exist.

    Raises:
        ValueError: there are such, or a password is empty or too long.
    """
    for name, password in guessable.items():
        if name not in known:
            raise ValueError(f"{name} has a password, but is none of the extensions")
        if not 1 <= len(password) <= 64:
            raise ValueError(f"the password of {name} is empty, or longer than 64 characters")
