"""Where a honeypot listens, as people write it."""

from __future__ import annotations

import pytest

from zt.errors import InputError
from zt.honeynet.honeypot.listen.endpoints import Endpoint, open_endpoint, parse_endpoint


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("udp:0.0.0.0:5060", Endpoint("udp", "0.0.0.0", 5060)),
        ("tcp:[::]:5060", Endpoint("tcp", "::", 5060)),
        ("tls:192.0.2.1:5061", Endpoint("tls", "192.0.2.1", 5061)),
        ("udp:[2001:db8::1]:0", Endpoint("udp", "2001:db8::1", 0)),
    ],
)
def test_an_endpoint_is_read_and_written_alike(text: str, endpoint: Endpoint) -> None:
    assert parse_endpoint(text) == endpoint
    assert str(endpoint) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "udp",
        "udp:",
        "udp:5060",
        "0.0.0.0:5060",
        "UDP:0.0.0.0:5060",
        "ws:0.0.0.0:5060",
        "udp:0.0.0.0:",
        "udp:0.0.0.0:65536",
        "udp:0.0.0.0:-1",
        "udp:0.0.0.0:٥٠٦٠",
        "udp:0.0.0.0:000000005060",
        "udp:[0.0.0.0]:5060",
        "udp::::5060",
        "udp:localhost:5060",
        "udp:[::1:5060",
    ],
)
def test_what_is_no_endpoint_is_an_error_that_shows_one(text: str) -> None:
    with pytest.raises(InputError, match="TRANSPORT:ADDRESS:PORT") as caught:
        parse_endpoint(text)
    assert "udp:0.0.0.0:5060" in caught.value.hint


def test_an_address_of_another_host_is_an_error() -> None:
    with pytest.raises(InputError, match=r"can't listen for SIP on 192\.0\.2\.1:5060"):
        open_endpoint(Endpoint("udp", "192.0.2.1", 5060), 1 << 20)
