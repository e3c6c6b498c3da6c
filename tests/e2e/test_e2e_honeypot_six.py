"""IPv6 and TLS: who comes that way is a list of his own, and is answered from where he asked."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from bench.honeynet.attacks import attacker, request
from support.certificates import Authority
from support.honeypot_net import (
    Collector,
    Honeynet,
    Honeypot,
    collector,
    honeypot,
    require_tools,
    six,
)
from support.honeypot_visitors import ask, asked_over_tcp
from support.netns import Host

pytestmark = pytest.mark.root

POT6, ALSO_POT6 = "2d00:a112:6::30", "2d00:a112:6::31"
ASKER, TLS_ASKER = "2d00:a112:6::91", "2d00:a112:6::92"


@dataclass(frozen=True)
class Site:
    """A honeypot on wildcards, with two IPv6 addresses."""

    collector: Collector
    pot: Honeypot
    asker: Host
    other: Host
    authority: Authority


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> Iterator[Site]:
    require(os.geteuid() == 0, "network namespaces need root")
    require_tools(require)
    folder = tmp_path_factory.mktemp("six")
    authority = Authority(folder / "pbx")
    certificate, key = authority.issue("pbx", address=POT6)
    with Honeynet(folder) as network:
        home = collector(network, folder)
        pot = honeypot(
            network, folder, "pot", "198.51.100.30", reports_to=home,
            prepare=lambda host: [six(host, address) for address in (POT6, ALSO_POT6)],
            listen=["udp:[::]:5060", "tcp:[::]:5060", "tls:[::]:5061"],
            tls={"certificate": str(certificate), "key": str(key)},
        )  # fmt: skip
        asker, other = (
            network.host("asker", "192.31.196.91"),
            network.host("other", "192.31.196.92"),
        )
        six(asker, ASKER)
        six(other, TLS_ASKER)
        yield Site(home, pot, asker, other, authority)
        pot.end()
        assert pot.complaints() == []


@pytest.mark.parametrize("address", [POT6, ALSO_POT6])
def test_an_answer_comes_from_the_address_that_was_asked(address: str, site: Site) -> None:
    asked = request(attacker(1), "OPTIONS", 1)
    (answer,) = ask(site.asker, address, asked, source=ASKER)
    assert answer.startswith(b"SIP/2.0 200 ")
    assert len(answer) <= len(asked)


def test_who_speaks_tls_over_ipv6_is_on_the_list_of_ipv6_alone(site: Site) -> None:
    context = ssl.create_default_context(cafile=str(site.authority.ca))
    asked = request(attacker(2), "REGISTER", 2).replace(b"/UDP ", b"/TLS ")
    answer = asked_over_tcp(site.other, POT6, asked, source=TLS_ASKER, tls=context)
    assert answer.startswith(b"SIP/2.0 40")
    site.collector.when_banned(TLS_ASKER)
    assert TLS_ASKER not in site.collector.banned()
    listed = site.collector.get("/lists/ipv6.txt", keyed=True).text.split()
    assert listed == [TLS_ASKER]
