"""How long the probe waits for what, in seconds of the capture's own time."""

from __future__ import annotations

from dataclasses import dataclass, fields

from zt.errors import InputError

_LONGEST = 7 * 24 * 3_600  # seconds; what is remembered for longer would fill the tables


@dataclass(frozen=True, slots=True)
class Timers:
    """The timers of the field; RFC 3261's are in its table 4.

    Attributes:
        invite: until the first answer to an INVITE (timer B).
        ringing: from one provisional answer to an INVITE to the next, or to the final one
            (timer C asks for more than 180 s; many proxies give up after 120).
        bye: until the final answer to a BYE; then the call has ended without one.
        request: until the final answer to any other request (timer F).
        repeats: during which repeats of a finished transaction are absorbed (timers D, I, J, K).
        challenge: until the client comes back with (better) credentials.
        established: from one sign of life of a call to the next where it has no session timer.
        session_grace: added to Session-Expires (RFC 4028), for a refresh that is under way.
        binding_grace: added to the lifetime of a binding, for phones that refresh late.
        keep_alive: what repeats faster than this is no keep-alive but perhaps a flood.
        polling: a keep-alive that was not seen for so long begins anew.

    Raises:
        InputError: a timer that is not positive, or longer than a week.
    """

    invite: int = 32
    ringing: int = 180
    bye: int = 30
    request: int = 30
    repeats: int = 32
    challenge: int = 32
    established: int = 3_600
    session_grace: int = 30
    binding_grace: int = 30
    keep_alive: int = 1
    polling: int = 3_600

    def __post_init__(self) -> None:
        for field in fields(self):
            seconds = getattr(self, field.name)
            if not 1 <= seconds <= _LONGEST:
                raise InputError(
                    f"the timer {field.name} of the probe is {seconds} s",
                    f"give between 1 and {_LONGEST} s",
                )
