"""What can go wrong with the book of addresses."""

from __future__ import annotations

from zt.errors import ZtError


class BookError(ZtError):
    """The book can't be opened, read or written; nothing that was acknowledged is lost by it."""


class NameTakenError(BookError):
    """Something that is still valid has this name already."""


class UnknownNameError(BookError):
    """Nothing valid has this name."""
