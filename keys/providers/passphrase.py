"""`passphrase:`: the wrapping key is derived from a passphrase by Argon2id (RFC 9106).

    passphrase:t=3,m=262144,p=4,salt=<base64url>

t passes over m KiB of memory in p lanes; 256 MiB and three passes make each guess cost some half a
second of a core and the memory. Less than 64 MiB is refused, in a ring file too: a ring that was
weakened must not open. The passphrase is asked for on the terminal, without echo, or read from the
private file that the environment variable ZT_PASSPHRASE_FILE names (its first line).

Security: as good as the passphrase. Who has the ring file can try passphrases at the cost above.
"""

from __future__ import annotations

import getpass
import os
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.errors import ProviderError, RingError
from keys.files import read_private
from keys.material import Secret
from keys.providers import WRAPPING_KEY_SIZE

VARIABLE = "ZT_PASSPHRASE_FILE"
PASSES, MEMORY, LANES = 3, 256 * 1024, 4  # memory in KiB
LEAST_MEMORY = 64 * 1024  # KiB
MOST_MEMORY = 4 * 1024 * 1024  # KiB: a forged ring must not exhaust the machine
SALT_SIZE = 16  # bytes
LEAST_LENGTH = 8  # characters of a new passphrase

_PARAMETERS = re.compile(
    r"t=([1-9][0-9]{0,2}),m=([1-9][0-9]{0,7}),p=([1-9][0-9]?),salt=([A-Za-z0-9_-]{22})", re.ASCII
)


class PassphraseProvider:
    """A wrapping key derived from a passphrase."""

    def __init__(self, rest: str, ring_folder: Path) -> None:
        """
        Raises:
            ProviderError: other parameters than this release takes, or too weak ones.
        """
        self.is_new = not rest
        if self.is_new:
            self._passes, self._memory, self._lanes = PASSES, MEMORY, LANES
            self._salt = secrets.token_bytes(SALT_SIZE)
        else:
            match = _PARAMETERS.fullmatch(rest)
            if match is None:
                raise ProviderError(
                    "the key ring states no parameters of Argon2id", "restore it from its backup"
                )
            self._passes, self._memory, self._lanes = (int(number) for number in match.groups()[:3])
            self._salt = urlsafe_b64decode(match[4] + "==")
        if not LEAST_MEMORY <= self._memory <= MOST_MEMORY:
            raise ProviderError(
                f"Argon2id with {self._memory} KiB of memory is refused: "
                f"from {LEAST_MEMORY} to {MOST_MEMORY} are taken",
                "restore the ring from its backup: it was weakened",
            )

    @property
    def uri(self) -> str:
        """The parameters and the salt, which are no secrets."""
        salt = urlsafe_b64encode(self._salt).rstrip(b"=").decode()
        return f"passphrase:t={self._passes},m={self._memory},p={self._lanes},salt={salt}"

    def wrapping_key(self) -> Secret:
        """Ask for the passphrase, and derive the key from it.

        Raises:
            ProviderError: there is nobody to ask and no file.
        """
        return self._derive(_passphrase(confirm=False))

    def create(self) -> Secret:
        """Ask for a new passphrase, twice, and derive the key from it."""
        passphrase = _passphrase(confirm=self.is_new)
        if (
            self.is_new
            and len(passphrase.secret_key_access().decode(errors="replace")) < LEAST_LENGTH
        ):
            raise ProviderError(
                f"the passphrase has fewer than {LEAST_LENGTH} characters",
                "choose a longer one, of several words",
            )
        return self._derive(passphrase)

    def _derive(self, passphrase: Secret) -> Secret:
        kdf = Argon2id(
            salt=self._salt,
            length=WRAPPING_KEY_SIZE,
            iterations=self._passes,
            lanes=self._lanes,
            memory_cost=self._memory,
        )
        return Secret(kdf.derive(passphrase.secret_key_access()))


def _passphrase(*, confirm: bool) -> Secret:
    """The passphrase in UTF-8, from the file or the terminal."""
    if path := os.environ.get(VARIABLE):
        try:
            passphrase = _first_line(Secret(read_private(Path(path), "passphrase file")))
        except RingError as error:
            raise ProviderError(str(error), error.hint) from None
        if passphrase is None:
            raise ProviderError(f"the passphrase file {path} is no text", "check it")
        if not len(passphrase):
            raise ProviderError(f"the passphrase file {path} is empty", "check it")
        return passphrase
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))  # getpass asks there, whatever stdin is
    except OSError:
        raise ProviderError(
            "the key ring needs its passphrase, and there is no terminal to ask on",
            f"put it into a private file and name that in {VARIABLE}",
        ) from None
    passphrase = _ask("passphrase of the key ring: ")
    if confirm and _ask("once more: ") != passphrase:
        raise ProviderError("the two passphrases differ", "try again")
    if not len(passphrase):
        raise ProviderError("no passphrase was given", "try again")
    return passphrase


def _first_line(content: Secret) -> Secret | None:
    """The first line of a text in UTF-8, None if it is none."""
    try:
        lines = content.secret_key_access().decode().splitlines()
    except UnicodeDecodeError:
        return None
    return Secret(lines[0].encode() if lines else b"")


def _ask(prompt: str) -> Secret:
    return Secret(getpass.getpass(prompt).encode(errors="surrogateescape"))
