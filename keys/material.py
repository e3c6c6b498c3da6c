"""Key material that does not leak by accident.

Python cannot wipe memory: a `Secret` keeps keys out of logs, tracebacks and pickles, not out of
a memory dump.
"""

from __future__ import annotations

import hmac
from typing import NoReturn


class KeyHolder:
    """Base of everything that holds key material: refuses to be pickled, copied or deep-copied."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material refuses to be pickled or copied")


class Secret(KeyHolder):
    """Bytes that must not be shown: redacted in `repr`, refused by pickle, compared in constant
    time.

    The one way to the bytes is `secret_key_access`, whose name stands out in a review.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def secret_key_access(self) -> bytes:
        """The bytes themselves. Callers hand them to a cipher and keep no copy."""
        return self._data

    def __len__(self) -> int:
        return len(self._data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._data, other._data)

    __hash__ = None  # type: ignore[assignment]  # a hash of a key would be a use of it

    def __repr__(self) -> str:
        return f"<Secret of {len(self._data)} bytes>"
