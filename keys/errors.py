"""The custodian's errors, each of which tells a person what happened and what to do next.

    KeysError
    ├── RingError               the ring file is missing, readable by others, torn or altered
    ├── ProviderError           the provider gives no wrapping key
    └── WrongKeyError           these keys are not the ones that the data needs
        ├── UnknownEpochError   no epoch of the ring has this kid
        ├── KeyCheckError       an epoch has this kid, but it is another key
        └── GrantError          a reader ring was asked for more than it was granted

No message holds key material.
"""

from __future__ import annotations


class KeysError(Exception):
    """Root of the custodian's errors.

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


class RingError(KeysError):
    """The ring file is missing, readable by others, torn or altered."""


class ProviderError(KeysError):
    """The provider can't be reached, or what it gives is no wrapping key."""


class WrongKeyError(KeysError):
    """These keys are not the ones that the data needs."""


class UnknownEpochError(WrongKeyError):
    """No epoch of the ring has the kid that the data names."""


class KeyCheckError(WrongKeyError):
    """The ring has an epoch of the data's kid, but its key check value is another.

    Four bytes of kid can coincide by chance, and an attacker can make them coincide; the 32
    bytes of the key check value decide.
    """


class GrantError(WrongKeyError):
    """A reader ring was asked for more than it was granted."""
