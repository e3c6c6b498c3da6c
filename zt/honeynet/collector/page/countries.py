"""Where the listed addresses are, by the operator's own MaxMind file.

A look-up of each address takes some tens of microseconds, so a hundred thousand of them are counted
now and then, not for each page. No address leaves for it.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final

from zt.sip.geoip import Places

_FRESH: Final = 600  # seconds
UNKNOWN: Final = ""
"""The code of addresses whose country is not known."""

Counts = tuple[tuple[str, int], ...]


class Countries:
    """Counts addresses by country, and remembers the counts for ten minutes.

    Args:
        places: looks an address up.
        addresses: all addresses that are listed now; called each time that they are counted.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        places: Places,
        addresses: Callable[[], Iterable[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._addresses = addresses
        self._clock = clock
        self._counts: Counts = ()
        self._until = clock()

    def counts(self) -> Counts:
        """ISO codes and numbers of addresses, the most frequent first."""
        if self._clock() >= self._until:
            found = Counter(
                self._places.place(address).get("iso_code", UNKNOWN)
                for address in self._addresses()
            )
            ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
            self._counts = tuple(ordered)
            self._until = self._clock() + _FRESH
        return self._counts


def country_name(code: str) -> str:
    """The English name of a country, or its code where there is no name."""
    # The names that come with phonenumbers are large: only who serves a page needs them.
    from phonenumbers.geodata.locale import LOCALE_DATA

    names = LOCALE_DATA.get(code, {})
    name = names.get("en", code)
    return names.get(name[1:], code) if name.startswith("*") else name  # as in that language
