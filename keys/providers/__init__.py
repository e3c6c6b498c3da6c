"""Providers of the wrapping key that opens a ring, chosen by URI.

A provider turns its URI into exactly 32 bytes that never stand in the ring file. `file:PATH` is
the one that exists now; a relative path is taken from the ring's own folder, so the two files
can move together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from keys.errors import ProviderError
from keys.material import Secret

WRAPPING_KEY_SIZE = 32  # bytes


class Provider(Protocol):
    """A source of the wrapping key.

    Both methods raise `ProviderError` when there is no key, or what is there is none.
    """

    def wrapping_key(self) -> Secret:
        """The 32-byte wrapping key."""
        ...

    def create(self) -> Secret:
        """The wrapping key for a new ring; made now if the provider makes keys and has none."""
        ...


def open_provider(uri: str, ring_folder: Path) -> Provider:
    """The provider that a URI names.

    Raises:
        ProviderError: no provider has this scheme.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "file" and rest:
        from keys.providers.file import FileProvider

        return FileProvider(ring_folder / rest)
    raise ProviderError(
        f"no key provider is called {scheme!r}",
        "give the provider as file:PATH",
    )
