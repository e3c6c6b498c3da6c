"""Measured on the wire: who may have forged his address gets no more bytes than he sent.

Every request comes from an address of its own, so that no limit of a source hides an answer, and
what passed is counted in a capture that goes on until nothing is sent again any more.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bench.honeynet.attacks import METHODS, SHAPES, attacker
from bench.probe.messages import Dialog
from support.honeypot_bytes import Passed, all_passed, each_method
from support.honeypot_net import PASSWORD, WEAK, Honeynet, Honeypot, honeypot, require_tools
from support.honeypot_visitors import ask, ask_all, owns
from support.netns import Host
from support.netns_telephony import recorded

pytestmark = pytest.mark.root

POT = "198.51.100.30"
CROWD = "192.31.196.64/26"
FAIR = "192.31.196.200"
ANSWERED = ("OPTIONS", "REGISTER", "INVITE")
"""Methods that an ordinary request of is answered; what scanners and dialers live by."""
AGAIN = 5  # times that a client sends a request which is not answered
QUIET = 4.0  # seconds; a server that repeats does so after 0.5, 1.5 and 3.5 (RFC 3261, 17.2.1)


@dataclass(frozen=True)
class Site:
    """A honeypot, and a host that has many addresses."""

    pot: Honeypot
    crowd: Host
    addresses: list[str]
    folder: Path


@pytest.fixture(scope="module")
def site(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> Iterator[Site]:
    require(os.geteuid() == 0, "network namespaces need root")
    require_tools(require)
    folder = tmp_path_factory.mktemp("amplification")
    with Honeynet(folder) as network:
        pot = honeypot(network, folder, "pot", POT)
        crowd = network.host("crowd", FAIR)
        yield Site(pot, crowd, owns(crowd, CROWD), folder)
        pot.end()
        assert pot.complaints() == []


@pytest.fixture(scope="module")
def passed(site: Site) -> dict[tuple[str, str], Passed]:
    """What passed for each method in each shape, sent `AGAIN` times by somebody of his own."""
    return each_method(site.pot, site.crowd, site.addresses, AGAIN, QUIET)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("method", METHODS)
def test_no_request_is_answered_with_more_bytes_than_it_had(
    method: str, shape: str, passed: dict[tuple[str, str], Passed]
) -> None:
    seen = passed[method, shape]
    assert seen.asked == AGAIN
    assert seen.answered <= seen.asked
    assert seen.answered_bytes <= seen.asked_bytes


@pytest.mark.parametrize("method", ANSWERED)
def test_what_scanners_live_by_is_answered_each_time(
    method: str, passed: dict[tuple[str, str], Passed]
) -> None:
    assert passed[method, "ordinary"].answered == AGAIN


def test_an_ack_is_never_answered(passed: dict[tuple[str, str], Passed]) -> None:
    """RFC 3261 section 17."""
    assert not any(passed["ACK", shape].answered for shape in SHAPES)


def test_a_nonce_proves_only_the_address_that_it_was_given_to(site: Site) -> None:
    thief = site.addresses[-1]
    (challenge,) = ask(site.crowd, POT, _invite(b""), seconds=1)
    asked = [_invite(_credentials(challenge))]
    with recorded(site.pot.host, site.folder / "nonces.pcap") as capture:
        ask_all(site.crowd, POT, {thief: asked, FAIR: asked}, QUIET)
    found = all_passed(capture, POT)
    assert found[thief].answered <= found[thief].asked == 1
    assert found[thief].answered_bytes <= found[thief].asked_bytes
    # Whose nonce it is gets what a caller gets: that it is tried, that it rings, how it ends.
    assert found[FAIR].answered > found[FAIR].asked == 1


def _invite(credentials: bytes) -> bytes:
    who = attacker(1)._replace(address=socket.inet_aton(FAIR), text=FAIR.encode())
    dialog = Dialog(who, 77, b"00972595550155")
    number = 2 if credentials else 1
    return dialog.request(b"INVITE", number, body=True, extra=credentials)


def _credentials(challenge: bytes) -> bytes:
    """The header that answers a challenge with the password that can be guessed (RFC 7616)."""
    header = "Proxy-Authorization" if b"SIP/2.0 407" in challenge else "Authorization"
    realm, nonce = (_quoted(challenge, name) for name in ("realm", "nonce"))
    uri = "sip:00972595550155@pbx.example.net"
    parts = [_md5(f"{WEAK}:{realm}:{PASSWORD}"), nonce]
    about = f'username="{WEAK}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5'
    if b"qop=" in challenge:
        parts += ["00000001", "0a4f113b", "auth"]
        about += ", qop=auth, nc=00000001, cnonce=0a4f113b"
    response = _md5(":".join([*parts, _md5(f"INVITE:{uri}")]))
    return f'{header}: Digest {about}, response="{response}"\r\n'.encode()


def _quoted(challenge: bytes, name: str) -> str:
    found = re.search(rb'[ ,]%b="([^"]*)"' % name.encode(), challenge)
    assert found, challenge
    return found[1].decode()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
