"""`uri`: SIP, SIPS and TEL URIs, host and user encrypted apart; the result is a URI again.

    sip:<base32(SIV C) of the user>@<base32 of the host's envelope, in labels>.zt.invalid
    tel:<base32 of the number's envelope>

AES-SIV (RFC 5297); associated data: header, keyspace, URI scheme; for the user the canonical host
besides, for a host without user an empty component, so that a user can't be taken away. Base32 is
that of RFC 4648 in lower case without padding; labels have 63 characters, the last one what is
left; `.invalid` never resolves (RFC 2606).

Security: the cloud learns which URIs of a keyspace are equal in canonical form, which of those
with a user (and which of those without) have equal hosts, the URI's scheme, whether there is a
user, and the lengths of both in bytes. Equal users at different hosts don't show as equal. Port,
parameters and spelling are in the opaque blob. Both parts authenticate themselves: a user moved to
another host does not open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from keys import KeyspaceKey, labels
from zt.crypto.siv import HEADER_SIZE, KEY_SIZE, Sealer
from zt.errors import IntegrityError
from zt.schemes.base import UnfitError
from zt.values.base32 import base32, unbase32
from zt.values.uri import parse_uri

SUFFIX = ".zt.invalid"
LABEL = 63  # characters of a DNS label
LONGEST_HOST = 127
"""Characters of a host whose encrypted name has 253 characters, as many as DNS allows."""

_CIPHERTEXT = re.compile(
    r"(?:(?P<sip>sips?):(?:(?P<user>[a-z2-7]++)@)?(?P<host>[a-z2-7.]+)\.zt\.invalid"
    r"|tel:(?P<tel>[a-z2-7]++))"
)


class Uri:
    """Encryption of URIs within one keyspace and epoch."""

    name = "uri"
    proves_itself = True

    def __init__(self, key: KeyspaceKey) -> None:
        self._sealer = Sealer(key.subkey(labels.URI, KEY_SIZE), key.kid)
        self._keyspace = key.keyspace.encode()

    def canonical(self, value: Any) -> str:
        """The URI's canonical text; see `zt.values.uri`.

        Raises:
            UnfitError: no URI, or one whose encrypted host would be longer than 253 characters.
        """
        uri = parse_uri(value) if isinstance(value, str) else None
        if uri is None:
            raise UnfitError("no SIP, SIPS or TEL URI")
        if len(uri.host) > LONGEST_HOST:
            raise UnfitError("a host too long for an encrypted name")
        return uri.text

    def protect(self, canonical: str) -> str:
        """The URI with encrypted host and user."""
        uri = parse_uri(canonical)
        if uri is None:
            raise UnfitError("no SIP, SIPS or TEL URI")
        if uri.scheme == "tel":
            return self._tel(uri.user)
        user = self._user(uri.scheme, uri.user, uri.host)
        return f"{uri.scheme}:{user}{self._host(uri.scheme, uri.host, bool(uri.user))}"

    def protect_all(self, canonicals: Sequence[str]) -> list[str]:
        """The URIs with encrypted hosts and users; an equal host is encrypted once."""
        host = cache(self._host)
        done = []
        for canonical in canonicals:
            scheme, _, rest = canonical.partition(":")
            user, _, name = rest.rpartition("@")
            if scheme == "tel":
                done.append(self._tel(rest))
            else:
                behind = host(scheme, name, bool(user))
                done.append(f"{scheme}:{self._user(scheme, user, name)}{behind}")
        return done

    def reveal(self, ciphertext: Any) -> str:
        """The URI's canonical text.

        Raises:
            IntegrityError: altered, or of another keyspace or epoch.
        """
        return self._reveal(ciphertext, self._open_host)

    def reveal_all(self, ciphertexts: Sequence[Any]) -> list[str]:
        """The URIs' canonical texts; an equal host is opened once.

        Raises:
            IntegrityError: see `reveal`.
        """
        open_host = cache(self._open_host)
        return [self._reveal(ciphertext, open_host) for ciphertext in ciphertexts]

    def _tel(self, number: str) -> str:
        return f"tel:{base32(self._sealer.seal_bytes(number.encode(), self._keyspace, b'tel'))}"

    def _user(self, scheme: str, user: str, host: str) -> str:
        """What stands before the host: nothing where there is no user."""
        if not user:
            return ""
        context = (self._keyspace, scheme.encode(), host.encode())
        return base32(self._sealer.seal_bytes(user.encode(), *context)[HEADER_SIZE:]) + "@"

    def _host(self, scheme: str, host: str, has_user: bool) -> str:
        context = (self._keyspace, scheme.encode(), *_alone(has_user))
        return _labels(base32(self._sealer.seal_bytes(host.encode(), *context))) + SUFFIX

    def _reveal(self, ciphertext: Any, open_host: Callable[[str, str, bool], str]) -> str:
        match = _CIPHERTEXT.fullmatch(ciphertext) if isinstance(ciphertext, str) else None
        if match is None:
            raise IntegrityError(
                "a ciphertext is no encrypted URI: it was altered or moved here from elsewhere",
                "get the data again from where it was made",
            )
        if number := match["tel"]:
            return "tel:" + self._open(_unbase32(number), b"tel")
        scheme = match["sip"]
        host = open_host(scheme, match["host"], bool(match["user"]))
        user = ""
        if sealed := match["user"]:
            data = self._sealer.header + _unbase32(sealed)
            user = self._open(data, scheme.encode(), host.encode()) + "@"
        return f"{scheme}:{user}{host}"

    def _open_host(self, scheme: str, labels_: str, has_user: bool) -> str:
        envelope = labels_.replace(".", "")
        if _labels(envelope) != labels_:
            raise _respelled()
        return self._open(_unbase32(envelope), scheme.encode(), *_alone(has_user))

    def _open(self, envelope: bytes, *context: bytes) -> str:
        return self._sealer.open_bytes(envelope, self._keyspace, *context).decode()


def _alone(has_user: bool) -> tuple[bytes, ...]:
    """What the associated data of a host have besides where it stands without a user."""
    return () if has_user else (b"",)


def _unbase32(text: str) -> bytes:
    try:
        return unbase32(text)
    except ValueError:
        raise _respelled() from None


def _labels(text: str) -> str:
    return ".".join(text[i : i + LABEL] for i in range(0, len(text), LABEL))


def _respelled() -> IntegrityError:
    return IntegrityError(
        "an encrypted URI is spelled as no encoder spells it: it was altered",
        "get the data again from where it was made",
    )
