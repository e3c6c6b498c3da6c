"""`clear`: the value stays as it is.

Security: none against the cloud, which learns everything about the field. The event's seal
still binds the value: it can't be altered, moved, added or removed unnoticed.
"""

from __future__ import annotations

from typing import Any


class Clear:
    """Passes values through."""

    def protect(self, value: Any) -> Any:
        """The value itself."""
        return value

    def reveal(self, ciphertext: Any) -> Any:
        """The value itself."""
        return ciphertext


CLEAR = Clear()
