"""The connection to a cluster: TLS verified, who asks named, its version known."""

from __future__ import annotations

import logging
import re
import ssl
from typing import Any, Final

import msgspec
from opensearchpy import OpenSearch
from opensearchpy.exceptions import SerializationError
from opensearchpy.serializer import Serializer
from urllib3 import disable_warnings
from urllib3.exceptions import InsecureRequestWarning

from analytics.store.opensearch.address import Address
from analytics.store.opensearch.errors import errors_for_people
from analytics.wire import StoreError

OLDEST: Final = (2, 19)
"""The oldest version of OpenSearch that answers as the store expects."""


class FastJson(Serializer):
    """JSON as the rest of the program reads and writes it."""

    mimetype = "application/json"

    def dumps(self, data: Any) -> Any:
        """Bytes and texts as they are, everything else encoded."""
        return data if isinstance(data, str | bytes) else msgspec.json.encode(data)

    def loads(self, s: Any) -> Any:
        """The decoded answer.

        Raises:
            SerializationError: it is no JSON.
        """
        try:
            return msgspec.json.decode(s)
        except msgspec.DecodeError as error:
            raise SerializationError("not JSON") from error


_log = logging.getLogger(__name__)

# It would print every answer of 404 as a warning, and requests with what they hold.
logging.getLogger("opensearch").setLevel(logging.CRITICAL)


def connect(address: Address) -> OpenSearch:
    """A client of the cluster, which has answered and is new enough.

    A request goes to the next host if one can't be reached or answers 502, 503 or 504, and where
    there are several also if one does not answer in time. So a request may be carried out twice:
    ask only what may be asked again.

    Raises:
        StoreError: nobody answers, it is not who it must be, does not know who asks, or is no
            OpenSearch of version 2.19 or later.
    """
    if address.is_exposed:
        _log.warning("unsafe-plaintext: what is sent to %s can be read on the way", address)
    several = len(address.hosts) > 1
    client = OpenSearch(
        hosts=[{"host": name, "port": port} for name, port in address.hosts],
        use_ssl=address.tls,
        ssl_context=_tls(address) if address.tls else None,
        headers={"authorization": address.authorization} if address.authorization else None,
        timeout=address.timeout,
        max_retries=max(3, len(address.hosts)),
        retry_on_timeout=several,
        serializer=FastJson(),
    )
    try:
        with errors_for_people(address):
            info = client.info()
        _check_version(address, info)
    except BaseException:
        client.close()
        raise
    return client


def _tls(address: Address) -> ssl.SSLContext:
    """TLS 1.2 or later; the host's certificate and name are verified unless the URL says not to."""
    try:
        context = ssl.create_default_context(cafile=address.ca)
    except (OSError, ValueError) as error:
        raise StoreError(
            f"{address.ca}, which ZT_OPENSEARCH_CA names, holds no certificate that can be read",
            "give a file (PEM) with the authority's certificate",
        ) from error
    if address.certificate:
        try:
            # An empty passphrase: without any, Python would ask at the terminal.
            context.load_cert_chain(address.certificate, address.key, password="")
        except (OSError, ValueError) as error:
            raise StoreError(
                "the client certificate of ZT_OPENSEARCH_CERT and its key can't be used: one can't "
                "be read, they don't belong together, or the key is encrypted",
                "give files (PEM) of a certificate and its key, without a passphrase",
            ) from error
    if not address.verify:
        _log.warning("unsafe-skip-verify: %s need not prove who it is", address)
        disable_warnings(InsecureRequestWarning)  # said once, above
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _check_version(address: Address, info: Any) -> None:
    version = info.get("version") if isinstance(info, dict) else None
    version = version if isinstance(version, dict) else {}
    found = re.match(r"(\d{1,4})\.(\d{1,4})", str(version.get("number")))
    number = found[0] if found else "of unknown version"
    if version.get("distribution") != "opensearch":
        what = f"Elasticsearch {number}" if found else "another service"
        raise StoreError(
            f"{address} is {what}, not OpenSearch",
            "give the address of OpenSearch 2.19 or later",
        )
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise StoreError(
            f"{address} is OpenSearch {number}, and 2.19 or later is needed",
            "upgrade the cluster, or give the address of another one",
        )
