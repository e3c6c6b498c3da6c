"""Compiling questions: from a tree over plaintext to a filter over ciphertext.

A question is compiled once for each epoch and profile. Whatever it becomes, the edge evaluates
the question itself again on the events that come back.
"""

from __future__ import annotations

import contextlib
from typing import Any, Literal, Protocol

from analytics.wire import (
    AllOf,
    Filter,
    In,
    Lookup,
    Metric,
    Query,
    StoreError,
    TokensAll,
    ValueRecord,
    decode_json,
    scalar_text,
)
from zt.encoder.plan import Dictionary, FieldPlan, Plan
from zt.errors import IntegrityError, QueryError
from zt.query.ast import And, Node, Term
from zt.query.evaluate import text_matches
from zt.schemes.base import UnfitError

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
        field = visible_field(self._plan, node.path)
        if field.keyspace is None:
            return self._clear(field, node)
        if node.operator == "equals":
            return In(path=field.path, values=equal_ciphertexts(field, node.text))
        if field.dictionary is None:
            raise QueryError(
                f"{field.path} can't be searched for parts: the profile "
                f"{self._plan.profile.name} gives it no search tokens",
                "ask for whole values, or add `search: [gram]` to the field for new events",
            )
        return self._part(field, field.dictionary, node)

    def _clear(self, field: FieldPlan, term: Term) -> Filter:
        if term.operator == "equals":
            return In(path=field.path, values=(term.text,))
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
        return In(path=field.path, values=tuple(t for t in texts if text_matches(term, t)))

    def _part(self, field: FieldPlan, dictionary: Dictionary, term: Term) -> Filter:
        try:
            tokens = dictionary.search.gram.needle(
                term.text,
                first=term.operator == "startswith",
                last=term.operator == "endswith",
            )
        except ValueError as error:
            raise QueryError(f"{field.path}: {error}", "ask for a longer part") from None
        if self._values is None:
            self.exactness = "candidate"
            return TokensAll(
                path=field.path,
                keyspace=dictionary.keyspace,
                search=dictionary.search.id,
                tokens=tokens,
            )
        lookup = Lookup(
            kid=self._plan.kid,
            keyspace=dictionary.keyspace,
            search=dictionary.search.id,
            tokens=tokens,
        )
        found = []
        for record in self._values.records(lookup):
            if (record.kid, record.keyspace) != (lookup.kid, lookup.keyspace):
                raise StoreError("the store returned a value that was not asked for", "check it")
            if text_matches(term, open_text(field, record.ct)):
                found.append(record.ct)
        return In(path=field.path, values=tuple(found))


def visible_field(plan: Plan, path: str) -> FieldPlan:
    """The field at a path, if the cloud can see it.

    Raises:
        QueryError: it can't.
    """
    if (field := plan.visible.get(path)) is None:
        raise QueryError(
            f"{path} is hidden from the cloud by the profile {plan.profile.name}",
            f"ask for one of: {', '.join(sorted(plan.visible))}",
        )
    return field


def equal_ciphertexts(field: FieldPlan, text: str) -> tuple[str, ...]:
    """The ciphertexts of every JSON scalar whose text this is; none for texts above 8 KiB."""
    values: list[Any] = [text]
    with contextlib.suppress(ValueError):
        value = decode_json(text.encode())
        if not isinstance(value, str) and scalar_text(value) == text:
            values.append(value)
    try:
        return tuple(field.scheme.protect(value) for value in values)
    except UnfitError:
        return ()


def open_text(field: FieldPlan, ciphertext: str) -> str:
    """The text of a ciphertext that the store returned for a field.

    Raises:
        IntegrityError: it is none of this field's keyspace and epoch.
    """
    text = scalar_text(field.scheme.reveal(ciphertext))
    if text is None:
        raise IntegrityError("the store returned a value that has no text", "check the store")
    return text
