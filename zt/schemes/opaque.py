"""`opaque`: into the event's opaque blob, one ciphertext for all that the cloud can't use.

    blob      = envelope under `zt:event`, associated data: header, "event", event id
    plaintext = {"o": [[keys, value], ...], "r": [[keys, index, value], ...]},
                padded with spaces to 32-byte steps

`o` holds the hidden fields, `r` the values as they were of visible fields whose ciphertext gives
back a canonical form only; index is the place in an array, or null.

Security: the cloud learns the padded length of the whole and nothing of the fields, not even
their names or number. The blob is bound to its event's id; ids don't repeat for different
events, so no nonce is needed and equal contents of two events don't show as equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from analytics.wire import Keys, decode_all, decode_bytes, encode_ascii_all
from keys import KeyspaceKey, labels
from zt.crypto.siv import KEY_SIZE, Sealer
from zt.errors import IntegrityError

PADDING = 32  # bytes

Entry = tuple[Keys, Any]
"""A hidden field: the segments of its path as the event spelled them, and its value."""

Original = tuple[Keys, int | None, Any]
"""A visible field's segments, the place in its array, and the value before it was canonical."""


class Hidden(NamedTuple):
    """What the blob of one event holds."""

    entries: list[Entry]
    originals: list[Original]


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON of a blob."""

    o: list[Entry]
    r: list[Original]


_DECODER = msgspec.json.Decoder(_Content)


class OpaqueBlob:
    """Seals and opens the opaque blobs of one epoch."""

    def __init__(self, key: KeyspaceKey) -> None:
        self._sealer = Sealer(key.subkey(labels.OPAQUE, KEY_SIZE), key.kid)

    def seal(self, hidden: Hidden, event_id: str) -> str:
        """The blob of an event; one without hidden fields has a blob too."""
        plaintext = msgspec.json.encode({"o": hidden.entries, "r": hidden.originals})
        return self._sealer.seal(_padded(plaintext), b"event", decode_bytes(event_id))

    def seal_all(self, plaintexts: Iterable[bytes], event_ids: Iterable[bytes]) -> list[bytes]:
        """The blobs of events as ASCII, of JSON put together as `seal` does; 16 bytes an id."""
        seal = self._sealer.seal_bytes
        return encode_ascii_all(
            [
                seal(_padded(plaintext), b"event", event_id)
                for plaintext, event_id in zip(plaintexts, event_ids, strict=True)
            ]
        )

    def open(self, blob: str, event_id: str) -> Hidden:
        """What an event hides.

        Raises:
            IntegrityError: altered, or the blob of another event or epoch.
        """
        return _content(self._sealer.open(blob, b"event", decode_bytes(event_id)))

    def open_all(self, blobs: Sequence[str], event_ids: Iterable[bytes]) -> list[Hidden]:
        """What events hide; 16 bytes an id.

        Raises:
            IntegrityError: see `open`, for any of them.
        """
        try:
            envelopes = decode_all(blobs)
        except ValueError:
            raise IntegrityError("a blob is spelled as none is", "look at who wrote it") from None
        open_bytes = self._sealer.open_bytes
        return [
            _content(open_bytes(envelope, b"event", event_id))
            for envelope, event_id in zip(envelopes, event_ids, strict=True)
        ]


def _content(plaintext: bytes) -> Hidden:
    try:
        content = _DECODER.decode(plaintext)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise IntegrityError(
            "an opaque blob was written by a newer release",
            "open it with the release of zt-analytics that wrote it, or a newer one",
        ) from None
    if not all(entry[0] for entry in (*content.o, *content.r)):
        raise IntegrityError("an opaque blob names no field", "look at who wrote it")
    return Hidden(content.o, content.r)


def _padded(plaintext: bytes) -> bytes:
    return plaintext.ljust(-(-len(plaintext) // PADDING) * PADDING)
