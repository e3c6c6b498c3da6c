"""What hinders, said once when it begins and once when it is over, not every second."""

from __future__ import annotations

from collections.abc import Callable


class Trouble:
    """One kind of trouble.

    Args:
        say: is given what a person should know.
        relief: what to say when it is over.
    """

    def __init__(self, say: Callable[[str], None], relief: str) -> None:
        self._say = say
        self._relief = relief
        self._what = ""

    def tell(self, what: str, message: str) -> None:
        """Say it, unless this was what hindered before."""
        if what != self._what:
            self._say(message)
        self._what = what

    def is_over(self) -> None:
        """Say so, if there was any."""
        if self._what:
            self._say(self._relief)
        self._what = ""
