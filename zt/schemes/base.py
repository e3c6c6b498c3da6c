"""What the visible schemes have in common."""

from __future__ import annotations

from typing import Any, Protocol


class UnfitError(ValueError):
    """The scheme can't take this value; the encoder hides it in the opaque blob instead."""


class Scheme(Protocol):
    """Turns a scalar into what the cloud sees in its place, and back.

    Deterministic: equal values of equal JSON type give equal results within one keyspace and
    epoch, which is what lets the cloud group and count them.
    """

    def protect(self, value: Any) -> Any:
        """What stands in the encrypted event.

        Raises:
            UnfitError: the scheme can't take this value.
        """
        ...

    def reveal(self, ciphertext: Any) -> Any:
        """The value again, of the JSON type it had.

        Raises:
            IntegrityError: this is no ciphertext of this field's keyspace and epoch.
        """
        ...
