"""The edge's errors, each of which tells a person what happened and what to do next.

    ZtError
    ├── InputError        a file, line or option is not what it should be
    │   ├── CaptureError  a capture file can't be read
    │   ├── EventError    one event can't be encrypted
    │   ├── ProfileError  a profile is wrong
    │   └── QueryError    a question can't be asked or answered
    ├── IntegrityError    something was altered, or opened with the wrong key
    │   └── SystemicError more than half of a run failed
    ├── SpoolError        the folder of what waits to be sent can't be used
    └── WorkerError       a process or thread that should have worked ended

Messages never contain plaintext values or key material: a message may end in a log that leaves
the customer's side.
"""

from __future__ import annotations


class ZtError(Exception):
    """Root of the edge's errors.

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


class InputError(ZtError):
    """A file, line or option is not what it should be."""


class CaptureError(InputError):
    """A capture file can't be read."""


class EventError(InputError):
    """One event can't be encrypted; the others of its stream can."""


class ProfileError(InputError):
    """A profile names unknown fields, schemes or options."""


class QueryError(InputError):
    """A question can't be parsed, or the profile makes it unanswerable."""


class IntegrityError(ZtError):
    """A seal, tag or ciphertext does not verify: altered data, or the wrong key."""


class SystemicError(IntegrityError):
    """More than half of a run's events failed; going on would print a million errors."""


class SpoolError(ZtError):
    """The folder of encrypted batches that wait to be sent can't be used."""


class WorkerError(ZtError):
    """A process or thread that was to do part of the work ended."""
