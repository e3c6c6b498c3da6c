"""`env:NAME`: the wrapping key as 64 hexadecimal digits in an environment variable.

For secrets that an orchestrator hands to a process. Other processes of the same user can read it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from keys.errors import ProviderError
from keys.material import Secret
from keys.providers import decode_key

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


class EnvironmentProvider:
    """A wrapping key in an environment variable."""

    def __init__(self, rest: str, ring_folder: Path) -> None:
        """
        Raises:
            ProviderError: no name of a variable.
        """
        if not _NAME.fullmatch(rest):
            raise ProviderError("the provider names no variable", "give it as env:NAME")
        self.uri = f"env:{rest}"
        self._name = rest

    def wrapping_key(self) -> Secret:
        """The key in the variable.

        Raises:
            ProviderError: it is not set, or is not exactly one encoded key.
        """
        if self._name not in os.environ:
            raise ProviderError(
                f"the environment variable {self._name}, which opens the key ring, is not set",
                "set it to the wrapping key, 64 hexadecimal digits",
            )
        value = Secret(os.fsencode(os.environ[self._name]))
        return decode_key(value, f"the environment variable {self._name}")

    def create(self) -> Secret:
        """The key in the variable, which must be set before a ring is made."""
        return self.wrapping_key()
