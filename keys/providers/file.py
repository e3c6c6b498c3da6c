"""`file:PATH`: the wrapping key as 64 hexadecimal digits in a private file.

Keep it apart from the ring (another volume, another backup): who has both has the keys.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from keys.errors import ProviderError, RingError
from keys.files import read_private, write_private
from keys.material import Secret
from keys.providers import WRAPPING_KEY_SIZE, decode_key


class FileProvider:
    """A wrapping key in a file that only its owner may read."""

    def __init__(self, rest: str, ring_folder: Path) -> None:
        """
        Raises:
            ProviderError: no path.
        """
        if not rest:
            raise ProviderError("the provider names no file", "give it as file:PATH")
        self.uri = f"file:{rest}"
        self._path = ring_folder / rest

    def wrapping_key(self) -> Secret:
        """The key in the file.

        Raises:
            ProviderError: missing, open to others, or not exactly one encoded key.
        """
        try:
            content = Secret(read_private(self._path, "key file"))
        except RingError as error:
            raise ProviderError(str(error), error.hint) from None
        return decode_key(content, f"the key file {self._path}")

    def create(self) -> Secret:
        """The key in the file; a random one is written first where there is no file."""
        if not self._path.exists():
            encoded = Secret(secrets.token_hex(WRAPPING_KEY_SIZE).encode() + b"\n")
            try:
                write_private(self._path, encoded, replace=False)
            except RingError as error:
                raise ProviderError(str(error), error.hint) from None
        return self.wrapping_key()
