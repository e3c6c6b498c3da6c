"""The cloud's errors, each of which tells a person what happened and what to do next.

    AnalyticsError
    ├── WireError           a line or stream breaks the wire format
    │   ├── CompressedError a compressed stream is damaged or cut off
    │   └── VersionError    the stream speaks another version of it
    └── StoreError          the store can't do what was asked
        ├── StoreBusyError  another process owns the store
        ├── EpochConflictError  a key id came with another key check value
        └── UnsupportedError    this store does not offer the operation

They live beside the wire models because both sides of the trust boundary raise and show them.
"""

from __future__ import annotations


class AnalyticsError(Exception):
    """Root of the cloud's errors.

    Args:
        message: what happened, lower case, no final period.
        hint: what to do next.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint

    def diagnostics(self) -> str:
        """The two lines that a person reads: what happened, what to do next."""
        return f"{self}\n  {self.hint}"


class WireError(AnalyticsError):
    """A line or a stream breaks the wire format."""


class CompressedError(WireError):
    """A compressed stream is damaged, or ends in the middle."""


class VersionError(WireError):
    """The stream speaks another version of the wire format."""


class StoreError(AnalyticsError):
    """The store can't do what was asked of it."""


class StoreBusyError(StoreError):
    """Another process owns the store."""


class EpochConflictError(StoreError):
    """A key id that the store knows came with another key check value."""


class UnsupportedError(StoreError):
    """This store does not offer the operation."""
