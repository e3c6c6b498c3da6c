"""TLS and authentication before a node that has neither: an nginx, as people run it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support.certificates import Authority
from support.nginx import free_port, serving

SERVER = """\
    access_log asked;
    map $http_authorization $is_known {{ default {default}; "{authorization}" 1; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        {client}
        client_max_body_size 0;
        location / {{
            if ($is_known = 0) {{ return 401; }}
            proxy_pass {upstream};
            proxy_set_header Authorization "";
        }}
    }}
"""


@contextmanager
def tls_proxy(
    folder: Path,
    upstream: str,
    authority: Authority,
    *,
    authorization: str = "",
    wants_certificate: bool = False,
) -> Iterator[str]:
    """The address, HOST:PORT, at which a node answers through TLS; `asked` logs the requests.

    Args:
        folder: an empty one.
        upstream: the node's URL.
        authority: signs the proxy's certificate, and those of clients.
        authorization: the value of the header without which it answers 401; none if empty.
        wants_certificate: refuse clients without a certificate of the authority.
    """
    certificate, key = authority.issue("proxy")
    port = free_port()
    servers = SERVER.format(
        default=0 if authorization else 1,
        authorization=authorization or "none",
        port=port,
        certificate=certificate,
        key=key,
        client=f"ssl_client_certificate {authority.ca}; ssl_verify_client on;"
        if wants_certificate
        else "",
        upstream=upstream,
    )
    with serving(folder, servers, port):
        yield f"127.0.0.1:{port}"
