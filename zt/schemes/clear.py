"""`clear`: the value stays as it is.

Security: none against the cloud, which learns everything about the field. The event's seal
still binds the value: it can't be altered, moved, added or removed unnoticed. `unsafe-clear` is
the same, spelled out for fields that a preset protects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Clear:
    """Passes values through."""

    name = "clear"
    proves_itself = False

    def canonical(self, value: Any) -> Any:
        """The value itself."""
        return value

    def protect(self, canonical: Any) -> Any:
        """The value itself."""
        return canonical

    def protect_all(self, canonicals: Sequence[Any]) -> list[Any]:
        """The values themselves."""
        return list(canonicals)

    def reveal(self, ciphertext: Any) -> Any:
        """The value itself."""
        return ciphertext

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[Any]:
        """The values themselves."""
        return list(ciphertexts)


CLEAR = Clear()
