"""Where a store in OpenSearch is, and who asks: the URL and the environment beside it.

    opensearch+https://[USER@]HOST[:PORT][,HOST[:PORT]...]/PREFIX[?OPTION=true[&...]]

Names of the store's indices begin with PREFIX, one for each tenant. Plain `opensearch+http:` is for
loopback. The options are `unsafe-plaintext`, which allows it elsewhere, and `unsafe-skip-verify`,
which talks TLS with whoever answers. URLs get into lists of processes and logs, so what is secret
comes from the environment only:

| variable | meaning |
|---|---|
| `ZT_OPENSEARCH_USER`, `ZT_OPENSEARCH_PASSWORD` | basic authentication; the URL's user goes first |
| `ZT_OPENSEARCH_API_KEY` | an API key, encoded as the cluster gave it |
| `ZT_OPENSEARCH_CERT`, `ZT_OPENSEARCH_KEY` | files (PEM) of a client certificate and its key |
| `ZT_OPENSEARCH_CA` | file (PEM) of the authority to trust, instead of the system's |
| `ZT_OPENSEARCH_TIMEOUT` | seconds to wait for an answer, 30 if it is not set |

No message repeats a URL, or a part of it in which a password may stand.
"""

from __future__ import annotations

import ipaddress
import math
import os
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote

from analytics.wire import StoreError

PORT: Final = 9200
TIMEOUT: Final = 30.0
"""Seconds to wait for an answer, unless the environment says otherwise."""

LONGEST_TIMEOUT: Final = 3600.0  # seconds

_SCHEMES: Final = {"opensearch+https": True, "opensearch+http": False}
_FORM: Final = "give the store as opensearch+https://[USER@]HOST[:PORT][,HOST...]/PREFIX"
_HOST: Final = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<name>[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?\.?))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
)
# Names of indices have at most 255 bytes, and begin with neither a hyphen nor an underscore.
_PREFIX: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PLAINTEXT, _SKIP = "unsafe-plaintext", "unsafe-skip-verify"


@dataclass(frozen=True, slots=True)
class Address:
    """A store in OpenSearch and how to get there; its text and its repr show no secret.

    Attributes:
        hosts: names or addresses, each with its port; any of them answers for the cluster.
        prefix: what the names of the store's indices begin with.
        tls: whether the connection is encrypted.
        verify: whether the host must prove who it is.
        timeout: seconds to wait for an answer.
        ca: the authority's certificate; the system's authorities if None.
        certificate, key: the client's; the key may stand in the file of the certificate.
        authorization: the header's value, which is a secret; None where nobody is named.
    """

    hosts: tuple[tuple[str, int], ...]
    prefix: str
    tls: bool
    verify: bool = True
    timeout: float = TIMEOUT
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    authorization: str | None = field(default=None, repr=False)

    @property
    def is_exposed(self) -> bool:
        """Whether what is sent can be read on a network."""
        return not self.tls and not all(_is_loopback(name) for name, _ in self.hosts)

    def __str__(self) -> str:
        """The hosts, for messages."""
        return ", ".join(
            f"[{name}]:{n}" if ":" in name else f"{name}:{n}" for name, n in self.hosts
        )


def parse_address(url: str, environment: Mapping[str, str] | None = None) -> Address:
    """The address that a URL and the environment give.

    Args:
        url: as above.
        environment: the process's own if None. A variable that is empty counts as not set.

    Raises:
        StoreError: it is none, names a secret, or would talk unprotected without saying so.
    """
    given = os.environ if environment is None else environment
    scheme, found, rest = url.partition("://")
    if scheme not in _SCHEMES or not found:
        raise StoreError("this is no address of OpenSearch", _FORM)
    if "@" in rest and ":" in rest.rpartition("@")[0]:
        raise StoreError(
            "a password stands in the store's URL, where others can read it",
            "take it out of the URL, and put it into ZT_OPENSEARCH_PASSWORD",
        )
    rest, _, query = rest.partition("?")
    authority, _, prefix = rest.partition("/")
    user, _, hosts = authority.rpartition("@")
    tls, options = _SCHEMES[scheme], _options(query)
    address = Address(
        hosts=tuple(map(_host, hosts.split(","))),
        prefix=_prefix(prefix),
        tls=tls,
        verify=_SKIP not in options,
        timeout=_timeout(given.get("ZT_OPENSEARCH_TIMEOUT")),
        ca=_file(given, "ZT_OPENSEARCH_CA"),
        certificate=_file(given, "ZT_OPENSEARCH_CERT"),
        key=_file(given, "ZT_OPENSEARCH_KEY"),
        authorization=_authorization(unquote(user), given),
    )
    _refuse_contradictions(address, options)
    return address


def _refuse_contradictions(address: Address, options: frozenset[str]) -> None:
    if address.key and not address.certificate:
        raise StoreError(
            "ZT_OPENSEARCH_KEY is set without the certificate that the key belongs to",
            "name the certificate's file in ZT_OPENSEARCH_CERT",
        )
    if address.tls:
        if _PLAINTEXT in options:
            raise StoreError(
                f"{_PLAINTEXT} is for opensearch+http, and this URL begins with opensearch+https",
                "leave the option out",
            )
        return
    if not address.verify or address.ca or address.certificate:
        raise StoreError(
            "certificates prove nothing without TLS, and this URL begins with opensearch+http",
            "use opensearch+https, or unset ZT_OPENSEARCH_CA, _CERT and _KEY, and leave "
            f"{_SKIP} out",
        )
    if address.is_exposed and _PLAINTEXT not in options:
        raise StoreError(
            "opensearch+http would send all that is stored unprotected over a network",
            f"use opensearch+https; where that can't be, say so by ?{_PLAINTEXT}=true",
        )


def _options(query: str) -> frozenset[str]:
    pairs = parse_qsl(query, keep_blank_values=True) if query else []
    names = [name for name, value in pairs if value == "true" and name in (_PLAINTEXT, _SKIP)]
    if len(names) != len(pairs) or len(set(names)) != len(names):
        raise StoreError(
            "an option in the store's URL is unknown, stands there twice or is not `true`",
            f"the options are {_PLAINTEXT}=true and {_SKIP}=true",
        )
    return frozenset(names)


def _host(text: str) -> tuple[str, int]:
    found = _HOST.fullmatch(text)
    port = int(found["port"] or PORT) if found else 0
    if not found or port > 65_535 or (found["six"] and not _is_address(found["six"])):
        raise StoreError("a host in the store's URL is missing or not well-formed", _FORM)
    return found["six"] or found["name"], port


def _prefix(text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise StoreError(
            "the store's URL must end with the prefix of its indices: up to 64 lower case letters, "
            "digits, hyphens and underscores, a letter or digit first",
            _FORM,
        )
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return name == "localhost" or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _timeout(text: str | None) -> float:
    if not text:
        return TIMEOUT
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_TIMEOUT:
        raise StoreError(
            "ZT_OPENSEARCH_TIMEOUT is not a number of seconds that can be waited",
            f"give more than 0 and at most {LONGEST_TIMEOUT:.0f}",
        )
    return seconds


def _file(given: Mapping[str, str], name: str) -> Path | None:
    text = given.get(name)
    if not text:
        return None
    path = Path(text)
    if not path.is_file():
        raise StoreError(f"{name} names {path}, which is not a file", "give the path of a PEM file")
    return path


def _authorization(user: str, given: Mapping[str, str]) -> str | None:
    user = user or given.get("ZT_OPENSEARCH_USER", "")
    password = given.get("ZT_OPENSEARCH_PASSWORD", "")
    api_key = given.get("ZT_OPENSEARCH_API_KEY", "")
    if api_key:
        if user or password:
            raise StoreError(
                "both an API key and a user are given, and a request names one of them",
                "unset ZT_OPENSEARCH_API_KEY, or take out the user and ZT_OPENSEARCH_PASSWORD",
            )
        if not re.fullmatch(r"[!-~]+", api_key):  # nothing that could end the header
            raise StoreError(
                "ZT_OPENSEARCH_API_KEY holds blanks or what is not ASCII",
                "set it to the encoded key as the cluster gave it",
            )
        return f"ApiKey {api_key}"
    if bool(user) != bool(password):
        missing, there = ("a password", "user") if user else ("a user", "password")
        raise StoreError(
            f"a {there} for OpenSearch is given without {missing}",
            "set both ZT_OPENSEARCH_USER (or USER@ in the URL) and ZT_OPENSEARCH_PASSWORD",
        )
    if not user:
        return None
    if ":" in user:
        raise StoreError("a user's name has no colon (RFC 7617)", "give another user")
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"
