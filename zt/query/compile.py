"""Compiling questions: from a tree over plaintext to a filter over ciphertext.

A question is compiled once for each epoch and profile. Whatever it becomes, the edge evaluates
the question itself again on the events that come back.
"""

from __future__ import annotations

import contextlib
from typing import Any, Literal, Protocol

from analytics.wire import (
    AllOf,
    AnyOf,
    Filter,
    In,
    Lookup,
    Metric,
    PrefixRange,
    Query,
    StoreError,
    TokensAll,
    ValueRecord,
    decode_json,
    scalar_text,
)
from zt.encoder.fields import Dictionary, FieldPlan
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.query.ast import And, Node, Term
from zt.query.evaluate import asked_network, text_matches
from zt.schemes.base import UnfitError
from zt.schemes.ip import IpPfx
from zt.values.address import Network

Exactness = Literal["exact", "candidate"]


class Values(Protocol):
    """What a compiler may ask of the store: the dictionary, and the texts of a clear field."""

    def records(self, lookup: Lookup) -> list[ValueRecord]:
        """The value records that a look-up selects."""
        ...

    def texts(self, query: Query) -> list[str]:
        """The group keys of a query with one group field."""
        ...


class Compiler:
    """Compiles questions for one epoch and profile.

    With `values` a part of a word becomes the exact ciphertexts that have it. Without (for a
    job, which must also see values that come later) it becomes tokens: a superset, and
    `exactness` says so.
    """

    def __init__(self, plan: Plan, values: Values | None) -> None:
        self._plan = plan
        self._values = values
        self.exactness: Exactness = "exact"

    def compile(self, node: Node) -> Filter:
        """The filter that the cloud evaluates.

        Raises:
            QueryError: the profile makes the question unanswerable; says what to change.
        """
        if isinstance(node, And):
            return AllOf(parts=tuple(self.compile(part) for part in node.parts))
        if not isinstance(node, Term) or node.path in self._plan.profile.aliases:
            raise QueryError(
                "OR, NOT, ranges, aliases and wildcards within a word can't be asked yet",
                "ask with AND of field:value, and wildcards at the ends of a value",
            )
        field = visible_field(self._plan, node.path)
        if node.operator == "equals":
            if network := asked_network(node, field):
                return self._network(field, network, node)
            return In(path=field.path, values=equal_ciphertexts(field, node.text))
        if field.keyspace is None:
            return self._part_of_clear(field, node)
        if field.dictionary is None or field.dictionary.search is None:
            raise self._unsearchable(field, "searched for parts", "search: [gram]")
        try:
            tokens = field.dictionary.search.needle(node.operator, node.text)
        except ValueError as error:
            raise QueryError(f"{field.path}: {error}", "ask for a longer part") from None
        return self._with_tokens(field, field.dictionary, tokens, node)

    def _part_of_clear(self, field: FieldPlan, term: Term) -> Filter:
        if self._values is None:
            raise QueryError(
                f"a job can't look for parts of the clear field {field.path}", "name whole values"
            )
        query = Query(
            kid=self._plan.kid,
            profile=self._plan.profile_id,
            group_by=(field.path,),
            metrics=(Metric(kind="events"),),
        )
        texts = self._values.texts(query)
        return In(path=field.path, values=tuple(t for t in texts if text_matches(term, t, field)))

    def _network(self, field: FieldPlan, network: Network, term: Term) -> Filter:
        """Addresses in a network: by ranges where addresses compare, else by tokens."""
        if field.keyspace is None:
            return _ranges(field.path, network)
        if isinstance(field.scheme, IpPfx):
            low, high = field.scheme.network(network)
            return PrefixRange(path=field.path, low=low, high=high)
        if field.dictionary is None or field.dictionary.search is None:
            raise self._unsearchable(field, "asked for networks", "search: [net]")
        try:
            tokens = field.dictionary.search.network(network)
        except ValueError as error:
            raise QueryError(f"{field.path}: {error}", "ask for a smaller network") from None
        return self._with_tokens(field, field.dictionary, tokens, term)

    def _with_tokens(
        self, field: FieldPlan, dictionary: Dictionary, tokens: tuple[int, ...], term: Term
    ) -> Filter:
        search = dictionary.search_id
        if search is None:
            raise AssertionError("tokens come from a search list")
        if self._values is None:
            self.exactness = "candidate"
            return TokensAll(
                path=field.path, keyspace=dictionary.keyspace, search=search, tokens=tokens
            )
        lookup = Lookup(
            kid=self._plan.kid, keyspace=dictionary.keyspace, search=search, tokens=tokens
        )
        found = []
        for record in self._values.records(lookup):
            if (record.kid, record.keyspace) != (lookup.kid, lookup.keyspace):
                raise StoreError("the store returned a value that was not asked for", "check it")
            dictionary.tag.verify(record)
            if text_matches(term, field.reveal_text(record.ct), field):
                found.append(record.ct)
        return In(path=field.path, values=tuple(found))

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
    values: list[Any] = [text]
    with contextlib.suppress(ValueError):
        value = decode_json(text.encode())
        if not isinstance(value, str) and scalar_text(value) == text:
            values.append(value)
    try:
        made = [field.protect(value) for value in values]
    except UnfitError:
        return ()
    return tuple(dict.fromkeys(scalar_text(one.ciphertext) or "" for one in made))


def _ranges(path: str, network: Network) -> Filter:
    """The range of a network in a clear column; of IPv4 also that of its IPv4-mapped form."""
    first, last = network.network_address, network.broadcast_address
    own = PrefixRange(path=path, low=str(first), high=str(last))
    if network.version == 6:
        return own
    mapped = PrefixRange(path=path, low=f"::ffff:{first}", high=f"::ffff:{last}")
    return AnyOf(parts=(own, mapped))
