"""Digest credentials: what a client answers to a challenge (RFC 7616; RFC 8760 for SIP).

MD5 and SHA-256 are checked, with `qop=auth` or as RFC 2069 had it, which many tools still use.
Everything else (`auth-int`, sessions, unknown algorithms) never fits any password.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from hmac import compare_digest
from typing import Final, NamedTuple

_SCHEME = re.compile(rb"\s*+Digest\s", re.IGNORECASE)
_PARAMETER = re.compile(
    rb'\b([\w*]++)\s*+=\s*+(?:"([^"\\]*+(?:\\.[^"\\]*+)*+)"?+|([^\s,"]*+))', re.DOTALL
)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)

_HASHES: Final[dict[bytes, tuple[str, Callable[[bytes], str]]]] = {
    b"": ("MD5", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
    b"md5": ("MD5", lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest()),
    b"sha-256": ("SHA-256", lambda data: hashlib.sha256(data).hexdigest()),
}


class Credentials(NamedTuple):
    """The parameters of credentials that a check needs; what is absent is empty."""

    username: bytes
    realm: bytes
    nonce: bytes
    uri: bytes
    response: bytes
    algorithm: bytes
    qop: bytes
    nonce_count: bytes
    client_nonce: bytes


def read(header: bytes) -> Credentials | None:
    """Reads the value of an Authorization or Proxy-Authorization header; never raises."""
    if not _SCHEME.match(header):
        return None
    found: dict[bytes, bytes] = {}
    for name, quoted, token in _PARAMETER.findall(header):
        value = _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted or token
        found.setdefault(name.lower(), value)
    get = found.get
    return Credentials(
        get(b"username", b""),
        get(b"realm", b""),
        get(b"nonce", b""),
        get(b"uri", b""),
        get(b"response", b""),
        get(b"algorithm", b"").lower(),
        get(b"qop", b"").lower(),
        get(b"nc", b""),
        get(b"cnonce", b""),
    )


def fits(
    credentials: Credentials, realm: str, password: bytes, method: str, offered: tuple[str, ...]
) -> bool:
    """Whether credentials show that their sender knows the password; compared in constant time.

    Args:
        realm: that was asked for; credentials for another one fit nothing.
        method: of the request that they came with.
        offered: algorithms of the challenge.
    """
    name, digest = _HASHES.get(credentials.algorithm, ("", None))
    if digest is None or name not in offered or credentials.realm != realm.encode():
        return False
    secret = digest(b"%b:%b:%b" % (credentials.username, credentials.realm, password)).encode()
    asked = digest(b"%b:%b" % (method.encode(), credentials.uri)).encode()
    middle = credentials.nonce
    # Without its parts `qop` is a mere word, which SIPVicious writes and servers pass over.
    if credentials.qop and (credentials.nonce_count or credentials.client_nonce):
        if credentials.qop != b"auth":
            return False
        middle += b":%b:%b:auth" % (credentials.nonce_count, credentials.client_nonce)
    expected = digest(b"%b:%b:%b" % (secret, middle, asked)).encode()
    return compare_digest(expected, credentials.response.lower())
