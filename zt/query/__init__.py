"""Questions: parsed, compiled to what the cloud can evaluate, and their answers opened."""

from zt.query.aliases import expand
from zt.query.ast import And, Exists, Node, Not, Or, Pattern, Range, Term, Wildcard
from zt.query.evaluate import matches
from zt.query.lucene import parse
from zt.query.session import Count, Found, Session

__all__ = [
    "And",
    "Count",
    "Exists",
    "Found",
    "Node",
    "Not",
    "Or",
    "Pattern",
    "Range",
    "Session",
    "Term",
    "Wildcard",
    "expand",
    "matches",
    "parse",
]
