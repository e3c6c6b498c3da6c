"""From luqum's tree to a question's."""

from __future__ import annotations

from dataclasses import dataclass

from luqum import tree

from analytics.wire import format_time
from zt.errors import QueryError
from zt.profile.aliases import EXISTS
from zt.query.ast import EVERYTHING, And, Exists, Leaf, Node, Not, Or, Range, Term
from zt.query.lucene.limits import refused
from zt.query.lucene.words import has_wildcard, leaf_of, unescape, unquote
from zt.query.ranges import as_number, edge
from zt.times import Clock, RelativeTimeError, parse_when


@dataclass(frozen=True, slots=True)
class Builder:
    """Makes a question of what luqum understood.

    Attributes:
        question: the text, for carets.
        clock: what times are read by.
    """

    question: str
    clock: Clock

    def build(self, item: tree.Item, path: str | None = None) -> Node:
        """The node of an item; `path` is the field that values in it are of.

        Raises:
            QueryError: with a caret under the place that says nothing, or not one thing.
        """
        match item:
            case tree.SearchField():
                return self.build(item.expr, unescape(item.name))
            case tree.BaseGroup():
                return self.build(item.expr, path)
            case tree.AndOperation():
                return And(tuple(self.build(part, path) for part in item.operands))
            case tree.OrOperation():
                return Or(tuple(self._alternative(part, path) for part in item.operands))
            case tree.Not() | tree.Prohibit():
                return Not(self.build(item.a, path))
            case tree.Plus():
                return self.build(item.a, path)
        if path is None:
            return EVERYTHING  # nothing else stands without a field
        return self._exists(item) if path == EXISTS else self._leaf(item, path)

    def _alternative(self, item: tree.Item, path: str | None) -> Node:
        if isinstance(item, tree.Plus | tree.Prohibit):
            raise self._refused(
                item,
                f"{item.op} says what every event must have or lack, and OR that it need not",
                "write NOT for what must be lacking, and parentheses around what OR joins",
            )
        return self.build(item, path)

    def _exists(self, item: tree.Item) -> Leaf:
        if isinstance(item, tree.Phrase):
            return Exists(unquote(item.value))
        if isinstance(item, tree.Word) and not has_wildcard(item.value):
            return Exists(unescape(item.value))
        raise self._refused(item, "this is no field's name", f"write {EXISTS}:field, or field:*")

    def _leaf(self, item: tree.Item, path: str) -> Leaf:
        match item:
            case tree.Phrase():
                return Term(path, "equals", unquote(item.value))
            case tree.Word():
                return leaf_of(path, item.value)
            case tree.From():
                low = self._bound(item.a, is_low=True, includes=item.include)
                return Range(path, low.text, None, low.is_included, False)
            case tree.To():
                high = self._bound(item.a, is_low=False, includes=item.include)
                return Range(path, None, high.text, False, high.is_included)
            case tree.Range():
                return self._range(item, path)
        raise AssertionError(f"the scan lets no {type(item).__name__} through")

    def _range(self, item: tree.Range, path: str) -> Leaf:
        ends = _is_open(item.low), _is_open(item.high)
        if all(ends):
            return Exists(path)
        low, high = _OPEN, _OPEN
        if not ends[0]:
            low = self._bound(item.low, is_low=True, includes=item.include_low)
        if not ends[1]:
            high = self._bound(item.high, is_low=False, includes=item.include_high)
        if not any(ends) and low.is_number != high.is_number:
            raise self._refused(
                item.high, "one end is a number, the other a time", "write two of a kind"
            )
        return Range(path, low.text, high.text, low.is_included, high.is_included)

    def _bound(self, item: tree.Term, *, is_low: bool, includes: bool) -> _Bound:
        """An end of a range: a number as it is written, a time as a moment in UTC."""
        text = unquote(item.value) if isinstance(item, tree.Phrase) else unescape(item.value)
        if as_number(text) is not None:
            return _Bound(text, includes, True)
        try:
            moment = edge(parse_when(text, self.clock), is_low=is_low, includes=includes)
            return _Bound(format_time(moment), is_low, False)
        except RelativeTimeError:
            raise self._refused(
                item, "what is kept knows no now", "write a time, as 2026-11-23T14:00:00Z"
            ) from None
        except ValueError:
            raise self._refused(
                item,
                "ranges go from a number or a time to another",
                "write 5, 2026-11-23, 2026-11-23T14:00:00Z, now-2h, or * for no end; addresses are "
                'asked for by network, as field:192.0.2.0/24; other text stands in quotes: "<..."',
            ) from None

    def _refused(self, item: tree.Item, reason: str, hint: str) -> QueryError:
        return refused(self.question, item.pos, reason, hint)


@dataclass(frozen=True, slots=True)
class _Bound:
    text: str | None
    is_included: bool
    is_number: bool = False


_OPEN = _Bound(None, False)


def _is_open(item: tree.Item) -> bool:
    return isinstance(item, tree.Word) and item.value == "*"
