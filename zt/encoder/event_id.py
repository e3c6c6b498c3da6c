"""Event ids: the same event of the same stream always gets the same id.

    id = first 16 bytes of HMAC-SHA-256(tenant's event-id key, LP(stream) LP(position) LP(event))

The key does not rotate, so an event that is sent again after a rotation is still the same
event; the position keeps equal events of a stream apart, so their equality does not show.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable

from keys import TenantKey, labels
from keys.derive import lp
from zt.encoder.seal import ID_SIZE

_HEAD = struct.Struct(">IQI")
"""LP of a position of 8 bytes, and the length of the event behind it."""


class EventIds:
    """Names the events of one stream."""

    def __init__(self, tenant_key: TenantKey, stream: bytes) -> None:
        key = tenant_key.subkey(labels.EVENT_ID)
        self._hmac = hmac.new(key.secret_key_access(), lp(stream), hashlib.sha256)

    def id(self, position: int, event: bytes) -> bytes:
        """The 16 bytes of the event whose line, without its end, starts at a byte position."""
        return self.ids([position], [event])[0]

    def ids(self, positions: Iterable[int], events: Iterable[bytes]) -> list[bytes]:
        """The same of each event."""
        found = []
        for position, event in zip(positions, events, strict=True):
            mac = self._hmac.copy()
            mac.update(_HEAD.pack(8, position, len(event)) + event)
            found.append(mac.digest()[:ID_SIZE])
        return found


def stream_name(first_line: bytes) -> bytes:
    """The name of a stream that was given none: the BLAKE2b-256 of its first line."""
    return hashlib.blake2b(first_line, digest_size=32).digest()
