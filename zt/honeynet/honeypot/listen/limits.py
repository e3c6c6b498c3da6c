"""What strangers may take of a honeypot: memory, connections, answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListenLimits:
    """The bounds of a listening honeypot.

    Everything that a stranger can make it hold is bounded in number and in bytes: at most
    `connections` times the sum of `message_bytes` and `unsent_bytes` for streams, `pending_bytes`
    for late answers, and the tables. A *source* is an IPv4 address, or the /64 of an IPv6 address,
    which is what one host gets.

    Attributes:
        connections: TCP and TLS connections at once. A new one is always taken: the one that was
            silent longest gives way. Never more than the system's limit of open files leaves.
        connections_per_source: of one source; its own that was silent longest gives way.
        connects_per_source: new connections a second from one source; others are closed at once.
        handshakes: TLS handshakes begun a second, of all sources: each costs a signature.
        handshake_seconds: until a TLS handshake must be complete.
        message_seconds: until a message must be complete, from its first byte on; and the first
            one of a connection, from its beginning on.
        idle_seconds: until a connection is closed that has sent messages and sends no more.
        head_bytes: of a message's start line and headers, in a stream.
        message_bytes: of a whole message. Of a longer datagram so many are recorded, and it is
            not answered; a longer message in a stream ends the connection.
        unsent_bytes: replies that a connection's other side does not read; more end it.
        pending: replies that wait for their time.
        pending_per_source: of one source.
        pending_bytes: bytes of all of them.
        answers_per_source: requests of one source answered a second; twice as many at once.
        answers: requests answered a second, of all sources that are not proven; and as many again
            of those that are, so that a flood of made-up sources leaves these their share.
        answer_bytes: bytes of replies a second, likewise.
        sources: sources whose rate is remembered; whoever was heard longest ago is forgotten first.
        proofs: sources of which it is remembered that they are proven, and nonces that may do so.
        receive_buffer: bytes that the kernel may hold for each UDP socket.
    """

    connections: int = 1_024
    connections_per_source: int = 64
    connects_per_source: int = 50
    handshakes: int = 100
    handshake_seconds: float = 10.0
    message_seconds: float = 10.0
    idle_seconds: float = 120.0
    head_bytes: int = 8_192
    message_bytes: int = 16_384
    unsent_bytes: int = 32_768
    pending: int = 10_000
    pending_per_source: int = 100
    pending_bytes: int = 8 * 1024 * 1024
    answers_per_source: int = 200
    answers: int = 2_000
    answer_bytes: int = 2_000_000
    sources: int = 65_536
    proofs: int = 32_768
    receive_buffer: int = 4 * 1024 * 1024
