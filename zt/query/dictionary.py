"""What the store knows of a field's values, opened and proven here.

What a store returns is a hint: each value record is proven by its tag, and its ciphertext is
opened, before it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from analytics.store import Store
from analytics.wire import Lookup, Query, StoreError, ValueRecord
from zt.encoder.fields import Dictionary, FieldPlan
from zt.encoder.plan import Plan
from zt.encoder.seal import altered_record
from zt.errors import QueryError

MAX_CANDIDATES = 400_000
"""Values that are opened to find those that a leaf asks for: some ten seconds."""

MAX_TEXTS = 1_000_000
"""Values of a clear field that are looked through."""

AT_ONCE = 5_000
"""Records that are proven and opened together."""

Request = Lookup | Query


class Values:
    """The values in a store.

    Attributes:
        asked: every request to the store, in order.
    """

    def __init__(self, store: Store) -> None:
        self.asked: list[Request] = []
        self._store = store

    def count(self, plan: Plan, field: FieldPlan, tokens: tuple[int, ...]) -> int:
        """How many values of a field's keyspace have all these tokens; all of them without any."""
        return self._store.value_count(self._ask(_lookup(plan, _dictionary(field), tokens)))

    def matching(
        self, plan: Plan, field: FieldPlan, tokens: tuple[int, ...], test: Callable[[str], bool]
    ) -> list[str]:
        """The ciphertexts among them that open to a text which passes a test.

        Raises:
            StoreError: the store returned what was not asked for.
            IntegrityError: a record was altered.
        """
        dictionary = _dictionary(field)
        lookup = self._ask(_lookup(plan, dictionary, tokens))
        records = self._store.values(lookup)
        found: list[str] = []
        while some := list(islice(records, AT_ONCE)):
            _prove(some, lookup, dictionary)
            cts = [record.ct for record in some]
            field.reveal_all(cts)  # by column; what follows finds them open
            found += [ct for ct in cts if test(field.reveal_text(ct))]
        return list(dict.fromkeys(found))

    def texts(self, plan: Plan, field: FieldPlan) -> Iterator[str]:
        """The texts of a clear field.

        Raises:
            QueryError: there are too many to look through.
        """
        query = Query(
            kid=plan.kid,
            profile=plan.profile_id,
            group_by=(field.path,),
            metrics=(),
            order="key",
        )
        for number, row in enumerate(self._store.groups(self._ask(query))):
            if number == MAX_TEXTS:
                raise QueryError(
                    f"{field.path} has more than {MAX_TEXTS:,} values, too many to look through",
                    "ask for whole values",
                )
            yield row.key[0]

    def _ask(self, request: Any) -> Any:
        self.asked.append(request)
        return request


def _dictionary(field: FieldPlan) -> Dictionary:
    if field.dictionary is None or field.dictionary.search is None:
        raise AssertionError("the compiler asks only of fields with tokens")
    return field.dictionary


def _lookup(plan: Plan, dictionary: Dictionary, tokens: tuple[int, ...]) -> Lookup:
    return Lookup(
        kid=plan.kid,
        keyspace=dictionary.keyspace,
        search=dictionary.search_id,
        tokens=tokens,
        every=not tokens,
    )


def _prove(records: Sequence[ValueRecord], lookup: Lookup, dictionary: Dictionary) -> None:
    for record in records:
        if (record.kid, record.keyspace) != (lookup.kid, lookup.keyspace):
            raise StoreError("the store returned a value that was not asked for", "check it")
    if not all(dictionary.tag.verified(records)):
        raise altered_record()
