"""Questions: parsed, compiled to what the cloud can evaluate, and their answers opened."""

from zt.query.aliases import expand
from zt.query.ast import And, Exists, Node, Not, Or, Pattern, Range, Term, Wildcard
from zt.query.compile import Step
from zt.query.evaluate import matches
from zt.query.lucene import parse
from zt.query.measure import Measure
from zt.query.merge import Group
from zt.query.session import Count, Explained, Found, Session

__all__ = [
    "And",
    "Count",
    "Exists",
    "Explained",
    "Found",
    "Group",
    "Measure",
    "Node",
    "Not",
    "Or",
    "Pattern",
    "Range",
    "Session",
    "Step",
    "Term",
    "Wildcard",
    "expand",
    "matches",
    "parse",
]
