"""Where an address is, by the user's own MaxMind file (GeoLite2 or GeoIP2, Country or City).

The file is read locally; no address ever leaves for a look-up. It needs the package maxminddb
(`pip install 'zt-analytics[geoip]'`).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from typing import Any

from zt.errors import InputError

_CACHED = 16_384  # addresses whose place is remembered
# What reading a damaged file raises: maxminddb's own error is a RuntimeError, and it lets through
# whatever the bytes lead to.
_DAMAGE = (RuntimeError, ValueError, TypeError, LookupError, OverflowError, struct.error)


class Places:
    """Looks addresses up; fields as sipcmbeat names them, `iso_code` and `city_id`.

    Args:
        path: a file in MaxMind's format.

    Raises:
        InputError: the file can't be read, is damaged or of another kind, or the package that
            reads it is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            import maxminddb
        except ModuleNotFoundError:
            raise InputError(
                "looking up places needs the package maxminddb",
                "install it: pip install 'zt-analytics[geoip]'",
            ) from None
        try:
            # Wholly in memory: a file that is replaced or cut meanwhile does no harm.
            reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        except OSError as error:
            raise InputError(
                f"{path}: {error.strerror or 'cannot be read'}",
                "give the path of a MaxMind database (.mmdb)",
            ) from None
        except _DAMAGE:
            raise InputError(
                f"{path}: not a MaxMind database, or a damaged one", "download it again"
            ) from None
        self._reader = reader
        self.place = lru_cache(maxsize=_CACHED)(self._place)

    def _place(self, address: str) -> dict[str, str]:
        """The place of an address in text; empty where nothing is known. Not to be altered."""
        try:
            record: Any = self._reader.get(address)
        except _DAMAGE:  # also for IPv6 in a file of IPv4
            return {}
        place = {}
        if isinstance(code := _at(record, "country", "iso_code"), str) and code:
            place["iso_code"] = code
        if isinstance(number := _at(record, "city", "geoname_id"), int):
            place["city_id"] = str(number)
        return place


def _at(record: Any, first: str, second: str) -> Any:
    """One value of a nested record, or None, whatever the file holds."""
    inner = record.get(first) if isinstance(record, dict) else None
    return inner.get(second) if isinstance(inner, dict) else None
