"""What a HEP source may be told, and its bounds."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class HepSettings:
    """How a HEP source treats its agents.

    HEP over UDP authenticates nobody: whoever reaches the port can make events up. Listen on
    loopback or an inner network, and name the agents' addresses. The key is sent in clear, so it
    guards against mistakes and blind senders, not against who can listen.

    Attributes:
        key: what each message has to carry (chunk 14); versions 1 and 2 can't. Empty: nothing.
        agents: networks of the agents; empty: everybody.
        ahead: seconds by which an agent's clock may be ahead. More would end calls and
            registrations of all agents early, since the probe's time never goes back.
        behind: seconds by which a message may be late, for agents that keep what they can't send.
        connections: TCP connections at once; each holds at most 128 KiB of memory.
        idle: seconds after which a silent connection gives way, if all are taken.
        receive_buffer: bytes that the kernel may hold for each UDP socket.
    """

    key: bytes = field(default=b"", repr=False)
    agents: tuple[Network, ...] = ()
    ahead: float = 5.0
    behind: float = 300.0
    connections: int = 64
    idle: float = 60.0
    receive_buffer: int = 8 * 1024 * 1024
