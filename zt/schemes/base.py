"""What the visible schemes have in common.

A scheme first brings a value into canonical form, then protects that. What it can't take goes to
`det`, the scheme that takes every scalar. Which of the two made a ciphertext shows in its form:
a det envelope starts with its epoch's eight characters, and nothing else that a scheme makes
does. So events, group keys and findings open alike, without marks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

SchemeName = Literal[
    "clear", "unsafe-clear", "drop", "opaque", "det", "uri", "fpe", "ip", "coarsen"
]
"""The schemes that a profile can name."""


class UnfitError(ValueError):
    """The scheme can't take this value."""


class Scheme(Protocol):
    """Turns a scalar into what the cloud sees in its place, and back.

    Deterministic: values of one canonical form give equal results within one keyspace and
    epoch, others different ones, which is what lets the cloud group and count them.
    """

    @property
    def name(self) -> str:
        """What value records call the scheme."""
        ...

    @property
    def proves_itself(self) -> bool:
        """Whether an altered ciphertext fails to open.

        Where it does not, every ciphertext has a tagged value record that proves it.
        """
        ...

    def canonical(self, value: Any) -> Any:
        """The value in the form that is protected, a scalar.

        Raises:
            UnfitError: the scheme can't take this value.
        """
        ...

    def protect(self, canonical: Any) -> Any:
        """What stands in the encrypted event for a value in canonical form.

        Raises:
            UnfitError: the result would be too long.
        """
        ...

    def protect_all(self, canonicals: Sequence[Any]) -> list[Any]:
        """The same of a column of values, at a fraction of the time where the cipher has columns.

        Raises:
            UnfitError: a result would be too long.
        """
        ...

    def reveal(self, ciphertext: Any) -> Any:
        """The value in canonical form.

        Raises:
            IntegrityError: this is no ciphertext of this field's keyspace and epoch.
        """
        ...

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[Any]:
        """The same of a column.

        Raises:
            IntegrityError: one of them is none; `reveal` tells which.
        """
        ...
