"""Messages in a byte stream: HEP version 3 over TCP."""

from __future__ import annotations

from zt.sip.hep import v3


class Framing:
    """Cuts one connection's bytes into messages.

    Only version 3 says where its messages end. Nothing in a message marks a beginning, and a
    payload may hold anything, so a stream that is out of step stays so: it is `broken`, and the
    connection has to go. At most one message that is not complete is held, 65,535 bytes.
    """

    __slots__ = ("_rest", "broken")

    def __init__(self) -> None:
        self._rest = bytearray()  # grows in place: bytes that come one by one cost no more
        self.broken = False

    def feed(self, data: bytes) -> list[bytes]:
        """Takes what came; gives the messages that are complete now. Never raises."""
        rest = self._rest
        rest += data
        found: list[bytes] = []
        position = 0
        while len(rest) - position >= v3.HEADER_SIZE:
            length = v3.message_length(rest[position : position + v3.HEADER_SIZE])
            if not length or length > len(rest) - position:
                break
            found.append(bytes(rest[position : position + length]))
            position += length
        del rest[:position]
        self.broken = self.broken or not _may_begin(rest)
        if self.broken:
            rest.clear()
        return found


def _may_begin(rest: bytearray) -> bool:
    """Whether a message can begin with these bytes, as far as they go."""
    if len(rest) >= v3.HEADER_SIZE:
        return v3.message_length(rest) > 0
    return v3.MAGIC.startswith(rest[: len(v3.MAGIC)])
