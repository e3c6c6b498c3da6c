"""Providers of the wrapping key that opens a ring, chosen by URI.

| URI | the wrapping key is |
|---|---|
| `file:PATH` | in a private file; a relative path is taken from the ring's own folder |
| `env:NAME` | in an environment variable |
| `command:PROGRAM ARGUMENTS` | what a program prints: that of a password manager or vault |
| `passphrase:` | derived from a passphrase by Argon2id |

The first three give exactly one encoded key, 64 hexadecimal digits, never a human password. A
package can add schemes of its own by the entry point group `zt.key_providers`: its name is the
scheme, its object is called with what follows the colon and the ring's folder, and returns a
`Provider`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

from keys.errors import ProviderError
from keys.material import Secret

WRAPPING_KEY_SIZE = 32  # bytes
ENTRY_POINTS = "zt.key_providers"

_ENCODED = re.compile(rb"[0-9a-f]{64}\n?")


class Provider(Protocol):
    """A source of the wrapping key.

    Both methods raise `ProviderError` when there is no key, or what is there is none.
    """

    @property
    def uri(self) -> str:
        """What the ring file says of the provider; it may hold more than was asked for."""
        ...

    def wrapping_key(self) -> Secret:
        """The 32-byte wrapping key."""
        ...

    def create(self) -> Secret:
        """The wrapping key for a new ring; made now if the provider makes keys and has none."""
        ...


def open_provider(uri: str, ring_folder: Path) -> Provider:
    """The provider that a URI names.

    Raises:
        ProviderError: no provider has this scheme, or the rest is not what it takes.
    """
    scheme, _, rest = uri.partition(":")
    make = _built_in(scheme) or _installed(scheme)
    if make is None:
        raise ProviderError(
            f"no key provider is called {scheme!r}",
            "give the provider as file:PATH, env:NAME, command:PROGRAM or passphrase:",
        )
    return make(rest, ring_folder)


def decode_key(encoded: Secret, where: str) -> Secret:
    """The wrapping key that a provider's 64 hexadecimal digits are.

    Raises:
        ProviderError: they are something else; the message quotes none of it.
    """
    if not _ENCODED.fullmatch(encoded.secret_key_access()):
        raise ProviderError(
            f"{where} holds no key: 64 lower-case hexadecimal digits are one",
            "restore it from its backup",
        )
    return Secret(bytes.fromhex(encoded.secret_key_access().decode()))


def _built_in(scheme: str) -> Callable[[str, Path], Provider] | None:
    match scheme:
        case "file":
            from keys.providers.file import FileProvider

            return FileProvider
        case "env":
            from keys.providers.env import EnvironmentProvider

            return EnvironmentProvider
        case "command":
            from keys.providers.command import CommandProvider

            return CommandProvider
        case "passphrase":
            from keys.providers.passphrase import PassphraseProvider

            return PassphraseProvider
    return None


def _installed(scheme: str) -> Callable[[str, Path], Provider] | None:
    for point in entry_points(group=ENTRY_POINTS, name=scheme):
        make: Callable[[str, Path], Provider] = point.load()
        return make
    return None
