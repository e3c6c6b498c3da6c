"""Opening the group keys of answers and findings: proven first, then shown.

What an aggregate returns has no seal. A det or uri ciphertext proves itself; a number or address
that was encrypted into its own format opens to something under every key, so its value record
is fetched and its tag checked before anything is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

from analytics.store import Store
from analytics.wire import Lookup
from keys import GrantError
from zt.encoder.fields import FieldPlan
from zt.encoder.plan import Plan
from zt.errors import IntegrityError

Refusal = IntegrityError | GrantError
"""Why a group key is not shown."""

LOOKUP = 5_000
"""Ciphertexts in one look-up."""


def open_groups(
    store: Store, plan: Plan, field: FieldPlan, ciphertexts: Sequence[str]
) -> list[str | Refusal]:
    """The text of each group key of a field, or why it is not shown.

    A reader ring opens the groups of a coarsened field, but of what did not fit that only with
    its keyspace.
    """
    doubtful = {ct: None for ct in ciphertexts if not field.proves_itself(ct)}
    proven = _proven(store, plan, field, tuple(doubtful))
    opened: list[str | Refusal] = []
    for start in range(0, len(ciphertexts), LOOKUP):
        chunk = ciphertexts[start : start + LOOKUP]
        with suppress(IntegrityError, GrantError):  # said below, of the one that it concerns
            field.reveal_all([ct for ct in chunk if ct not in doubtful or ct in proven])
        for ct in chunk:
            try:
                if ct in doubtful and ct not in proven:
                    raise _unproven()
                opened.append(field.reveal_text(ct))
            except (IntegrityError, GrantError) as error:
                opened.append(error)
    return opened


def _unproven() -> IntegrityError:
    return IntegrityError(
        "a group's value has no value record that proves it",
        "get the data again from where it was made, and ask who could write the store",
    )


def _proven(store: Store, plan: Plan, field: FieldPlan, ciphertexts: tuple[str, ...]) -> set[str]:
    """Of distinct ciphertexts those of which the store has a record that proves them."""
    dictionary, proven = field.dictionary, set[str]()
    if dictionary is None:
        return proven
    for start in range(0, len(ciphertexts), LOOKUP):
        chunk = ciphertexts[start : start + LOOKUP]
        lookup = Lookup(kid=plan.kid, keyspace=dictionary.keyspace, cts=chunk)
        records = store.values(lookup)
        while some := list(islice(records, LOOKUP)):
            for record, is_right in zip(some, dictionary.tag.verified(some), strict=True):
                if is_right and record.scheme == field.scheme.name:
                    proven.add(record.ct)
    return proven
