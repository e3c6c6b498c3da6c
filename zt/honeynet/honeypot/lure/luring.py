"""What a honeypot's keeper may choose of its lure; sections of its YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from types import MappingProxyType

from zt.honeynet.honeypot.lure.extensions import check_guessable, extensions

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class LureSettings:
    """How a honeypot lures.

    Attributes:
        extensions: that exist, `100-120, 200`; empty: those of the personality. Who scans many
            honeypots knows them again by their extensions: choose your own.
        guessable: passwords that guessing may find, by extension; empty: the personality's, if
            its extensions are used too. All other extensions have random ones.
        address: IP address shown in Contact and session descriptions; empty: the one that a
            request came to. Behind NAT that is a private one.
        nonce_life: seconds that a nonce holds.
        busy, unanswered: of a hundred numbers dialled, so many are busy, or ring in vain; all
            others are answered. The same number always fares alike.
        ring: seconds that calls ring before they are answered or busy, at least; each number
            rings up to three times as long.
        unanswered_after: seconds that the others ring.
        calls: calls remembered, of 24 KB each at most; the oldest is forgotten for a new one.
        calls_of_one: calls of one source (an IPv4 address, an IPv6 /64); more are refused.
        call_life: seconds that an answered call is remembered.
    """

    extensions: str = ""
    guessable: Mapping[str, str] = field(default_factory=lambda: _NONE)
    address: str = ""
    nonce_life: int = 300
    busy: int = 25
    unanswered: int = 25
    ring: int = 8
    unanswered_after: int = 45
    calls: int = 1_024
    calls_of_one: int = 32
    call_life: int = 3_600

    def __post_init__(self) -> None:
        if self.extensions:
            check_guessable(self.guessable, extensions(self.extensions))
        elif self.guessable:
            raise ValueError("guessable passwords need extensions beside them")
        if self.address:
            ip_address(self.address)
        for name in ("nonce_life", "ring", "unanswered_after", "call_life"):
            if not 1 <= getattr(self, name) <= 86_400:
                raise ValueError(f"{name} is a number of seconds from 1 to 86400")
        if not 1 <= self.calls <= 65_536 or not 1 <= self.calls_of_one <= self.calls:
            raise ValueError("calls are 1 to 65536, and calls_of_one are at most as many")
        if self.busy < 0 or self.unanswered < 0 or self.busy + self.unanswered > 100:
            raise ValueError("busy and unanswered are parts of a hundred")
