"""Where the datagrams of a running probe come from: a live interface, or agents that speak HEP."""

from __future__ import annotations

from typing import Protocol

from zt.sip.capture import Datagram


class Source(Protocol):
    """Something that delivers datagrams while time passes.

    A source belongs to one thread. It holds sockets, and memory that does not depend on what is
    sent to it, until it is closed.
    """

    def read(self, timeout: float) -> list[Datagram]:
        """Gives what came, in the order of its arrival, at most some thousands.

        Args:
            timeout: seconds to wait at most when there is nothing yet; 0 looks and returns.

        Returns:
            The datagrams; none if nothing came in time, or only what is no datagram. A signal
            whose handler returns does not end the wait.

        Raises:
            ZtError: the source can't go on at all. What passes (an interface that is down, an
                agent that leaves) is no error, but counted.
        """

    def counters(self) -> dict[str, int]:
        """What was seen so far, and what was lost and why; names are stable, values only grow.

        Exceptions, which say how things are now: names that end in `_now`.
        """

    def close(self) -> None:
        """Lets everything go; may be called again."""
