"""`command:PROGRAM ARGUMENTS`: the wrapping key is what a program prints, 64 hexadecimal digits.

So any password manager or vault with a command line works: `command:pass show zt/acme`. The words
are split as a shell splits them, but no shell runs them. What the program says on stderr goes to
the terminal; what it prints is shown nowhere.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

from keys.errors import ProviderError
from keys.material import Secret
from keys.providers import decode_key

TIMEOUT = 120  # seconds; a person may have to unlock a vault


class CommandProvider:
    """A wrapping key that a program prints."""

    def __init__(self, rest: str, ring_folder: Path) -> None:
        """
        Raises:
            ProviderError: the words can't be split, or there are none.
        """
        try:
            self._words = shlex.split(rest)
        except ValueError as error:
            raise ProviderError(
                f"the provider's command can't be split: {str(error).lower()}", "check its quotes"
            ) from None
        if not self._words:
            raise ProviderError("the provider names no program", "give it as command:PROGRAM")
        self.uri = f"command:{rest}"

    def wrapping_key(self) -> Secret:
        """The key that the program prints.

        Raises:
            ProviderError: it can't run, fails, takes too long, or prints something else.
        """
        program = self._words[0]
        try:
            code, printed = _run(self._words)
        except OSError as error:
            raise ProviderError(
                f"can't run {program}: {(error.strerror or '').lower()}",
                "check that it is installed",
            ) from None
        except subprocess.TimeoutExpired:
            raise ProviderError(
                f"{program} gave no key within {TIMEOUT} seconds", "run it yourself and see"
            ) from None
        if code:
            raise ProviderError(
                f"{program} failed with exit code {code}", "run it yourself and see"
            )
        return decode_key(printed, f"what {program} printed")

    def create(self) -> Secret:
        """The key that the program prints, which must hold one before a ring is made."""
        return self.wrapping_key()


def _run(words: list[str]) -> tuple[int, Secret]:
    """A program's exit code and what it printed, which no traceback must show."""
    done = subprocess.run(words, stdout=subprocess.PIPE, timeout=TIMEOUT, check=False)
    return done.returncode, Secret(done.stdout)
