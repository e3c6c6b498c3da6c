"""The client's errors as ours, with what to do next.

What a cluster answers may quote what was sent, so of an answer only its status, its type (a word)
and the name of a missing privilege get into a message; and of the client's own errors, which may
hold requests, nothing but the system's reason.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from opensearchpy import exceptions as client
from opensearchpy.helpers import BulkIndexError

from analytics.store.opensearch.address import Address
from analytics.wire import StoreError

_TYPE: Final = re.compile(r"[a-z][a-z_]{0,60}")
_PRIVILEGE: Final = re.compile(r"no permissions for \[([a-z][a-z:/_*, \[\]]{0,200}?)\] and ")
_BLOCK: Final = re.compile(r"\[[A-Z_]{1,40}/\d{1,3}/([a-z][a-z ,()/-]{0,100})\]")
_CERTIFICATE: Final = (
    "does it want a client certificate? ZT_OPENSEARCH_CERT and ZT_OPENSEARCH_KEY name one"
)
_UNREADABLE: Final = "no reason that can be read"
_REPORT: Final = "this is a defect: please report it"


@contextmanager
def errors_for_people(address: Address) -> Iterator[None]:
    """The client's errors as `StoreError`."""
    try:
        yield
    except client.ConnectionError as error:
        raise _unreachable(address, error) from error
    except client.TransportError as error:
        raise _refused(address, error) from error
    except BulkIndexError as error:
        raise StoreError(
            f"OpenSearch at {address} refused documents: {len(error.errors)}", _REPORT
        ) from error
    except client.OpenSearchException as error:
        raise StoreError(
            f"what {address} answered can't be read ({type(error).__name__})",
            "is that OpenSearch, or something in front of it?",
        ) from error


def _unreachable(address: Address, error: client.ConnectionError) -> StoreError:
    if isinstance(error, client.ConnectionTimeout):
        return StoreError(
            f"OpenSearch at {address} did not answer within {address.timeout:g} s",
            "is it overloaded? ask for less at once, or set ZT_OPENSEARCH_TIMEOUT to more seconds",
        )
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return StoreError(
                f"{address} can't prove who it is: {cause.verify_message.rstrip('.')}",
                "if its authority is your own, name the authority's certificate in "
                "ZT_OPENSEARCH_CA; the URL must name the host as its certificate does",
            )
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return _handshake_failed(address, cause)
    reasons = (cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror)
    reason = next(reasons, "the connection broke").lower()
    hint = "is it running, and are its host and port right?"
    # Who wants a certificate may hang up before its alert is read (TLS 1.3).
    if address.tls and any(isinstance(cause, ConnectionError) for cause in causes):
        hint += f" {_CERTIFICATE}"
    return StoreError(f"can't reach OpenSearch at {address}: {reason}", hint)


def _handshake_failed(address: Address, cause: ssl.SSLError) -> StoreError:
    reason = (cause.reason or "the connection broke").lower().replace("_", " ")
    if "alert" in reason:  # the other side's word: it did not like what we showed
        return StoreError(f"{address} refused the connection: {reason}", _CERTIFICATE)
    return StoreError(
        f"no TLS with {address}: {reason}",
        "does it speak TLS at that port? the URL of one that doesn't begins with opensearch+http; "
        + _CERTIFICATE,
    )


def _refused(address: Address, error: client.TransportError) -> StoreError:
    status, kind = error.status_code, _kind(error)
    if kind == "cluster_block_exception":
        found = _BLOCK.search(_reason(error))
        return StoreError(
            f"OpenSearch at {address} blocks that now: {found[1] if found else 'no reason given'}",
            "if its disks are full, make room and try again; a block that an operator has set is "
            "the operator's to lift (index.blocks)",
        )
    match status:
        case 401:
            return StoreError(
                f"OpenSearch at {address} does not know who asks, or the password is wrong",
                "check ZT_OPENSEARCH_USER and ZT_OPENSEARCH_PASSWORD, ZT_OPENSEARCH_API_KEY, or "
                "ZT_OPENSEARCH_CERT: one of them must be what the cluster was told",
            )
        case 403:
            found = _PRIVILEGE.search(_reason(error))
            what = f"do that ({found[1]})" if found else "do that"
            return StoreError(
                f"OpenSearch at {address} does not let this user {what}",
                f"give the user a role that may, for indices that begin with {address.prefix}",
            )
        case 404 if kind == "index_not_found_exception":
            return StoreError(
                f"there is no store {address.prefix} in OpenSearch at {address}",
                "is the prefix right? a new store is made by zt-analytics init or ingest",
            )
        case 429:
            return StoreError(
                f"OpenSearch at {address} has more to do than it can, and refused",
                "try again later, or ask for less at once",
            )
        case 502 | 503 | 504:
            return StoreError(
                f"OpenSearch at {address} can't do that now (status {status})",
                "is the cluster whole? its own address /_cluster/health tells",
            )
    hint = _REPORT
    if kind == _UNREADABLE:
        hint = "is that OpenSearch itself, and not something in front of it?"
        if status == 400 and address.tls:
            hint += f" {_CERTIFICATE}"
    return StoreError(
        f"OpenSearch at {address} refused the request: {kind} (status {status})", hint
    )


def _causes(error: client.TransportError) -> Iterator[BaseException]:
    """What lies below an error, the nearest first."""
    below = error.info if len(error.args) > 2 else None
    seen: set[int] = set()
    while isinstance(below, BaseException) and id(below) not in seen:
        seen.add(id(below))
        yield below
        # urllib3 hands some causes on as arguments only.
        inner = [part for part in below.args if isinstance(part, BaseException)]
        below = below.__cause__ or below.__context__ or (inner[0] if inner else None)


def _kind(error: client.TransportError) -> str:
    """The type of error that the cluster states: a word, whatever else it says."""
    text = error.args[1] if len(error.args) > 1 else None
    if isinstance(text, str) and _TYPE.fullmatch(text):
        return text
    return _UNREADABLE


def _reason(error: client.TransportError) -> str:
    info: Any = error.args[2] if len(error.args) > 2 else None
    inner = info.get("error") if isinstance(info, dict) else None
    reason = inner.get("reason") if isinstance(inner, dict) else None
    return reason if isinstance(reason, str) else ""
