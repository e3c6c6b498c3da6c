"""Values that name somebody in one field and stand in another one too."""

from __future__ import annotations

from collections.abc import Iterable

from zt.survey.figures import Figures
from zt.survey.kinds import PLACEHOLDERS
from zt.survey.names import Role, role_of

WHO: frozenset[Role] = frozenset(("user", "party", "mail", "phone", "host", "person"))
"""Roles of fields whose values name somebody, look as they may."""

_NOBODY = {hash(text) for word in PLACEHOLDERS for text in (word, word.upper(), word.title())}


def known_identities(fields: Iterable[Figures]) -> set[int]:
    """Hashes of what fields of identities hold, and of users and hosts in URIs and addresses."""
    known: set[int] = set()
    for figures in fields:
        known |= figures.parts
        if role_of(figures.path) in WHO:
            known.update(figures.counts)
    return known - _NOBODY
