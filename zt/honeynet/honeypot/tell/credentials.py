"""What of the credentials that somebody tried may be kept: a salted hash.

A digest can be searched for its password at billions of tries a second, and a password that is
tried here may be somebody's real one elsewhere. So neither becomes part of an event, but
HMAC-SHA-256 over the header as it came, under a salt that only the honeypots know, cut to 128 bits.
Equal hashes are equal headers: the same try again, or, where the scheme is Basic, the same name and
password. Whoever has no salt learns nothing from it; whoever has it can test guesses, so it is kept
like a key.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final, TypeAlias

from zt.sip.capture import Datagram
from zt.sip.events import Event, ip_text
from zt.sip.parse import Message
from zt.sip.tables import SECOND, ExpiringTable

MIN_SALT: Final = 16
"""Bytes."""

_LENGTH: Final = 16  # bytes of a hash that are kept
_KEPT: Final = 120 * SECOND  # until the event of a request must have been decided
_LIMIT: Final = 16_384  # requests whose event is not decided
# What RFC 3261 section 7.3.1 folds is one header; all repetitions are possessive: linear time.
_HEADER: Final = re.compile(
    rb"\n(?:Proxy-)?+Authorization[ \t]*+:[ \t]*+([^\r\n]*+(?:\r?\n[ \t]++[^\r\n]*+)*+)",
    re.IGNORECASE,
)

_Key: TypeAlias = tuple[str, str, int]  # client, Call-ID, CSeq number


class Credentials:
    """Hashes what requests try, and keeps it until their events come; bounded in number.

    Args:
        salt: at least `MIN_SALT` bytes.

    Raises:
        ValueError: the salt is too short.
    """

    def __init__(self, salt: bytes) -> None:
        if len(salt) < MIN_SALT:
            raise ValueError(f"a salt has at least {MIN_SALT} bytes")
        self._salt = salt
        self._tried: ExpiringTable[_Key, str] = ExpiringTable(_KEPT, _LIMIT)
        self._now = 0  # microseconds; never goes back, as the table needs it

    def __len__(self) -> int:
        return len(self._tried)

    def note(self, datagram: Datagram, message: Message) -> None:
        """Hashes the first credentials of a request, if there are any."""
        if message.status or not message.credentials or not message.call_id:
            return
        found = _HEADER.search(datagram.payload)
        if found is None:
            return
        digest = hmac.digest(self._salt, found[1], hashlib.sha256)[:_LENGTH]
        self._now = max(self._now, datagram.time)
        for _ in self._tried.expire(self._now):
            pass
        key = ip_text(datagram.src), message.call_id, message.cseq
        self._tried.put(key, digest.hex(), self._now)

    def add_to(self, event: Event) -> None:
        """Adds `sip.auth.tried` to the event of a request whose credentials were noted."""
        sip, client = event.get("sip"), event.get("client")
        if not self._tried or not sip or not client:
            return
        key = client.get("ip", ""), sip.get("call_id", ""), sip.get("cseq", 0)
        if (tried := self._tried.get(key)) is not None:
            sip.setdefault("auth", {})["tried"] = tried
