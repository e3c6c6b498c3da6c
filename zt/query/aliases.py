"""Aliases: one name, defined in a profile, by which several fields are asked for at once."""

from __future__ import annotations

from dataclasses import replace

from zt.profile import Profile
from zt.query.ast import And, Node, Not, Or


def targets(path: str, profile: Profile) -> tuple[str, ...]:
    """The fields that a path of a question names."""
    return profile.aliases.get(path, (path,))


def expand(node: Node, profile: Profile) -> Node:
    """The question with each leaf on an alias as an `Or` of the same leaf on its fields.

    So `NOT party:x` says that none of the fields has x.
    """
    match node:
        case And(parts):
            return And(tuple(expand(part, profile) for part in parts))
        case Or(parts):
            return Or(tuple(expand(part, profile) for part in parts))
        case Not(part):
            return Not(expand(part, profile))
    if node.path not in profile.aliases:
        return node
    return Or(tuple(replace(node, path=path) for path in profile.aliases[node.path]))
