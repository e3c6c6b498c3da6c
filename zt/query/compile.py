"""Compiling questions: from a tree over plaintext to a filter over ciphertext.

A question is compiled once for each epoch and profile. A leaf becomes the exact ciphertexts that
have what it asks for: the dictionary is looked up by tokens, which gives too many, and those are
opened here. Where there are too many to name, or where nobody may look (a job, which must also
see values that come later), the tokens themselves are the filter: a superset. Below a NOT a
superset would lose hits, so there such a leaf is relaxed to what surely holds, nothing. Whatever
a question becomes, the edge evaluates the question itself again on the events that come back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from analytics.wire import Exists as HasValue
from analytics.wire import (
    Filter,
    In,
    PrefixRange,
    TokensAll,
    check_filter,
    scalar_text,
)
from zt.encoder.fields import FieldPlan
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.query.aliases import targets
from zt.query.ast import And, Exists, Leaf, Node, Not, Or, Pattern, Range, Term
from zt.query.dictionary import MAX_CANDIDATES, Values
from zt.query.evaluate import asked_network, spelled, text_matches
from zt.query.filters import NOTHING, all_of, any_of, between, negated, within_network
from zt.query.patterns import needle
from zt.query.show import shown
from zt.schemes.base import UnfitError
from zt.schemes.ip import IpPfx
from zt.values.address import Network

Exactness = Literal["exact", "candidate"]

MAX_VALUES = 200_000
"""Ciphertexts that are named for one leaf; a filter of them has some 30 MB."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a leaf of a question became in one field, epoch and profile.

    Attributes:
        path: of the field.
        scheme: its name; "clear" too.
        question: the leaf, as Lucene's syntax writes it.
        how: what the cloud is asked, for people to read.
        exact: whether that selects what the leaf asks for; else more, which the edge sorts out.
        candidates: values that the dictionary gave for the leaf's tokens; None: it was not asked.
        values: how many of them the filter names; None where it names none.
    """

    path: str
    scheme: str
    question: str
    how: str
    exact: bool
    candidates: int | None = None
    values: int | None = None


class Compiled(NamedTuple):
    """A question for one epoch and profile.

    Attributes:
        filter: what the cloud evaluates: the events that are asked for, or more.
        steps: its leaves, from left to right.
    """

    filter: Filter
    steps: tuple[Step, ...]

    @property
    def exactness(self) -> Exactness:
        """Whether the filter selects the very events, or may select more."""
        return "exact" if all(step.exact for step in self.steps) else "candidate"


class Compiler:
    """Compiles questions for one epoch and profile.

    Args:
        plan: of them.
        values: the store's dictionary; None: nobody may look, as for a job.
    """

    def __init__(self, plan: Plan, values: Values | None) -> None:
        self._plan = plan
        self._values = values
        self._steps: list[Step] = []

    def compile(self, node: Node) -> Compiled:
        """The filter that the cloud evaluates.

        Raises:
            QueryError: the profile makes the question unanswerable; says what to change.
            GrantError: a reader ring does not open a field that is asked for.
        """
        self._steps = []
        compiled = self._filter(node, widens=True)
        try:
            check_filter(compiled)
        except ValueError:
            raise QueryError(
                "the question is nested too deeply, or asks for too many values", "split it"
            ) from None
        return Compiled(compiled, tuple(self._steps))

    def _filter(self, node: Node, *, widens: bool) -> Filter:
        """What selects all that is asked for, or more; if it does not widen, no more, or less."""
        match node:
            case And(parts):
                return all_of(self._filter(part, widens=widens) for part in parts)
            case Or(parts):
                return any_of(self._filter(part, widens=widens) for part in parts)
            case Not(part):
                return negated(self._filter(part, widens=not widens))
        found = []
        for path in targets(node.path, self._plan.profile):
            own, step = self._leaf(replace(node, path=path))
            self._steps.append(step)
            found.append(own if widens or step.exact else NOTHING)
        return any_of(found)

    def _leaf(self, leaf: Leaf) -> tuple[Filter, Step]:
        field = visible_field(self._plan, leaf.path)
        step = Step(field.path, field.scheme.name, shown(leaf), "", exact=True)
        match leaf:
            case Exists():
                return HasValue(path=field.path), replace(step, how="whether it has a value")
            case Range():
                return between(leaf, field.rule.column_kind), replace(step, how="a range")
            case Term(_, "equals"):
                if network := asked_network(leaf, field):
                    return self._network(field, network, leaf, step)
                cts = equal_ciphertexts(field, leaf.text)
                step = replace(step, how=_named(len(cts), field), values=len(cts))
                return In(path=field.path, values=cts), step
        if field.keyspace is None:
            return self._parts_of_clear(field, leaf, step)
        if field.dictionary is None or field.dictionary.search is None:
            raise self._unsearchable(field, "searched for parts", "search: [gram]")
        search = field.dictionary.search
        try:
            tokens = needle(search, leaf)
        except ValueError as error:
            if isinstance(leaf, Pattern):
                return self._every(field, leaf, step, str(error))
            raise QueryError(f"{field.path}: {error}", "ask for a longer part") from None
        return self._with_tokens(field, tokens, leaf, step)

    def _parts_of_clear(
        self, field: FieldPlan, leaf: Term | Pattern, step: Step
    ) -> tuple[Filter, Step]:
        if self._values is None:
            raise QueryError(
                f"a job can't look for parts of the clear field {field.path}", "name whole values"
            )
        test = _test(leaf, field)
        texts = tuple(filter(test, self._values.texts(self._plan, field)))
        step = replace(step, how=f"its values; {_named(len(texts), field)}", values=len(texts))
        return In(path=field.path, values=texts), step

    def _network(
        self, field: FieldPlan, network: Network, leaf: Term, step: Step
    ) -> tuple[Filter, Step]:
        """Addresses in a network: by ranges where addresses compare, else by tokens."""
        if field.keyspace is None:
            return within_network(field.path, network), replace(step, how="a range of addresses")
        if isinstance(field.scheme, IpPfx):
            low, high = field.scheme.network(network)
            step = replace(step, how="a range of encrypted addresses")
            return PrefixRange(path=field.path, low=low, high=high), step
        if field.dictionary is None or field.dictionary.search is None:
            raise self._unsearchable(field, "asked for networks", "search: [net]")
        try:
            tokens = field.dictionary.search.network(network)
        except ValueError as error:
            return self._every(field, leaf, step, str(error))
        return self._with_tokens(field, tokens, leaf, step)

    def _with_tokens(
        self, field: FieldPlan, tokens: tuple[int, ...], leaf: Term | Pattern, step: Step
    ) -> tuple[Filter, Step]:
        if field.dictionary is None or (search := field.dictionary.search_id) is None:
            raise AssertionError("tokens come from a search list")
        how = f"{len(tokens)} tokens"
        superset = TokensAll(
            path=field.path, keyspace=field.dictionary.keyspace, search=search, tokens=tokens
        )
        if self._values is None:
            return superset, replace(step, how=how, exact=False)
        count = self._values.count(self._plan, field, tokens)
        step = replace(step, how=how, candidates=count)
        if count <= MAX_CANDIDATES:
            cts = self._values.matching(self._plan, field, tokens, _test(leaf, field))
            if len(cts) <= MAX_VALUES:
                how = f"{how}, then {_named(len(cts), field)}"
                step = replace(step, how=how, values=len(cts))
                return In(path=field.path, values=tuple(cts)), step
        return superset, replace(step, exact=False)

    def _every(
        self, field: FieldPlan, leaf: Term | Pattern, step: Step, reason: str
    ) -> tuple[Filter, Step]:
        """By looking through all values of a field, where no token narrows them down."""
        hint = "ask for a longer part, or a smaller network"
        if self._values is None:
            raise QueryError(f"{field.path}: {reason}", hint)
        count = self._values.count(self._plan, field, ())
        if count > MAX_CANDIDATES:
            raise QueryError(
                f"{field.path}: {reason}, and {count:,} values are too many to look through", hint
            )
        cts = self._values.matching(self._plan, field, (), _test(leaf, field))
        if len(cts) > MAX_VALUES:
            raise QueryError(f"{field.path}: {reason}, and {len(cts):,} values match", hint)
        how = f"all its values, then {_named(len(cts), field)}"
        step = replace(step, how=how, candidates=count, values=len(cts))
        return In(path=field.path, values=tuple(cts)), step

    def _unsearchable(self, field: FieldPlan, how: str, remedy: str) -> QueryError:
        return QueryError(
            f"{field.path} can't be {how}: the profile {self._plan.profile.name} gives it no "
            "search tokens",
            f"ask for whole values, or add `{remedy}` to the field for new events",
        )


def visible_field(plan: Plan, path: str) -> FieldPlan:
    """The field at a path, if the cloud can see it.

    Raises:
        QueryError: it can't.
    """
    if (field := plan.field(path)) is None:
        raise QueryError(
            f"{path} is hidden from the cloud by the profile {plan.profile.name}",
            f"ask for one of: {', '.join(plan.askable())}",
        )
    return field


def equal_ciphertexts(field: FieldPlan, text: str) -> tuple[str, ...]:
    """What stands in the cloud for every JSON scalar of this text; none for texts above 8 KiB."""
    try:
        made = [field.protect(value) for value in spelled(text)]
    except UnfitError:
        return ()
    return tuple(dict.fromkeys(scalar_text(one.ciphertext) or "" for one in made))


def _test(leaf: Term | Pattern, field: FieldPlan) -> Callable[[str], bool]:
    return lambda text: text_matches(leaf, text, field)


def _named(count: int, field: FieldPlan) -> str:
    kind = "value" if field.keyspace is None else "ciphertext"
    return f"{count:,} {kind}{'' if count == 1 else 's'}"
