"""Questions: parsed, compiled to what the cloud can evaluate, and their answers opened."""

from zt.query.ast import And, Node, Term
from zt.query.evaluate import matches
from zt.query.lucene import parse
from zt.query.session import Count, Found, Session

__all__ = ["And", "Count", "Found", "Node", "Session", "Term", "matches", "parse"]
