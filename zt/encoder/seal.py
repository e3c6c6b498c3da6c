"""Seals and tags: keyed MACs over events, value records and headers.

All are keyed BLAKE2b-128 (RFC 7693). What they cover is encoded injectively, every part behind
its length, so no two contents have one MAC but by a forgery of 2^-128.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, chain, pairwise
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple

import msgspec
import numpy as np

from analytics.wire import (
    BatchHeader,
    EventMeta,
    ValueRecord,
    decode_bytes,
    encode_ascii_all,
    encode_bytes,
    leaf_values,
)
from keys import EpochKeys, KeyspaceKey, Secret, labels
from keys.derive import lp, uint32
from zt.encoder.pieces import Texts, joined
from zt.errors import IntegrityError
from zt.schemes.det import scalar_bytes, scalar_type

SEAL_VERSION = 1
MAC_SIZE = 16  # bytes
ID_SIZE = 16  # bytes of an event's id
_KEY_SIZE = 32  # bytes
_LENGTH = struct.Struct(">I")
_VERSION = lp(uint32(SEAL_VERSION))
_START = _VERSION + uint32(ID_SIZE)
_LP_EMPTY = lp(b"")
_LP_TYPES = {kind: lp(kind) for kind in (b"s", b"b", b"i", b"f", b"n", b"o", b"a")}
_LP_TEXT = _LP_TYPES[b"s"]
_PLACE = itemgetter(0, 1)
_PATH = attrgetter("path")
_REMEMBERED = 256  # code points; longer paths must not fill the memory


class SealedField(NamedTuple):
    """A field of many events, as their seals cover it.

    Attributes:
        path: dotted.
        pieces: of the text for each event: see `sealed_place` and `sealed_value`.
        leaves: how many leaves it has in each event; None: one.
    """

    path: str
    pieces: Sequence[bytes | Texts]
    leaves: Sequence[int] | None


class EventSeal:
    """The MAC over one encrypted event: its id, epoch, profile, every leaf and the blob.

        LP(version) LP(id) LP(kid) LP(profile) LP(number of leaves)
        then for every leaf, by UTF-8 path and array index:
            LP(path) LP(array index or empty) LP(type) LP(bytes)
        then LP(opaque)

    A store may spell a number or a path (nested or dotted) in another way, but can change,
    add, remove, rename or retype nothing.
    """

    def __init__(self, keys: EpochKeys) -> None:
        key = keys.keyspace(labels.SEAL_KEYSPACE)
        self._key = key.subkey(labels.SEAL, _KEY_SIZE)

    def compute(self, body: dict[str, Any], meta: EventMeta) -> str:
        """The seal of an event; `meta.seal` itself does not count.

        Raises:
            ValueError: the body has an array of containers, which no encrypted event has.
        """
        return self.compute_parts(body, meta.id, meta.kid, meta.profile, meta.opaque)

    def compute_parts(
        self, body: dict[str, Any], event_id: str, kid: str, profile: str, opaque: str
    ) -> str:
        """The seal of an event whose `zt` key does not exist yet."""
        found = leaf_values(body)
        found.sort(key=_PLACE)  # code points and their UTF-8 have one order
        parts = [
            _START,
            decode_bytes(event_id),
            lp(bytes.fromhex(kid), decode_bytes(profile), uint32(len(found))),
        ]
        for path, position, value in found:
            parts += (
                sealed_place(path, position)
                if len(path) <= _REMEMBERED
                else _place(path, position),
                sealed_value(value),
            )
        parts.append(lp(opaque.encode()))
        return _mac(self._key, b"".join(parts))

    def compute_all(
        self,
        ids: Texts,
        kid: str,
        profile: str,
        fields: Sequence[SealedField],
        opaque: Sequence[bytes],
    ) -> list[bytes]:
        """The seals of events that have the same fields, as ASCII; ids of 16 bytes."""
        varying = [field.leaves for field in fields if field.leaves is not None]
        fixed = len(fields) - len(varying)
        counts: bytes | Texts = uint32(fixed)
        if varying:
            counts = [uint32(fixed + sum(row)) for row in zip(*varying, strict=True)]
        messages = joined(
            [
                _START,
                ids,
                lp(bytes.fromhex(kid), decode_bytes(profile)) + uint32(4),
                counts,
                *(piece for field in sorted(fields, key=_PATH) for piece in field.pieces),
                list(map(_LENGTH.pack, map(len, opaque))),
                opaque,
            ],
            len(ids),
        )
        keyed = _keyed(self._key)
        return encode_ascii_all([_digest_of(keyed, message) for message in messages])

    def verify(self, body: dict[str, Any], meta: EventMeta) -> None:
        """Check an event's seal.

        Raises:
            IntegrityError: the event is not as it was sealed.
        """
        try:
            right = self.compute(body, meta)
        except ValueError:
            right = ""
        if not hmac.compare_digest(right, meta.seal):
            raise IntegrityError(
                "an event's seal does not verify: it was altered, or fields were moved",
                "get the event again from where it was made, and ask who could write the store",
            )


class ValueTag:
    """The MAC over a value record, under the keyspace's own key: LP of each of its parts."""

    def __init__(self, key: KeyspaceKey) -> None:
        self._key = key.subkey(labels.VALUE_TAG, _KEY_SIZE)
        self._head = _VERSION + lp(key.kid, key.keyspace.encode())

    def compute(self, scheme: str, search: str | None, ct: str, tokens: tuple[int, ...]) -> str:
        """The tag of a value record of this keyspace and epoch."""
        return self.compute_all(scheme, search, [ct], [tokens])[0].decode()

    def compute_all(
        self,
        scheme: str,
        search: str | None,
        cts: Sequence[str],
        tokens: Sequence[Sequence[int]],
    ) -> list[bytes]:
        """The tags of value records, as ASCII: of ciphertexts with their tokens."""
        ends = list(accumulate([_LENGTH.size * len(own) for own in tokens], initial=0))
        numbers = np.fromiter(chain.from_iterable(tokens), np.uint32, ends[-1] // _LENGTH.size)
        packed = numbers.astype(">u4").tobytes()
        ascii = list(map(str.encode, cts))
        messages = joined(
            [
                self._head + lp(scheme.encode(), decode_bytes(search) if search else b""),
                list(map(_LENGTH.pack, map(len, ascii))),
                ascii,
                [_LENGTH.pack(end - start) + packed[start:end] for start, end in pairwise(ends)],
            ],
            len(cts),
        )
        keyed = _keyed(self._key)
        return encode_ascii_all([_digest_of(keyed, message) for message in messages])

    def verified(self, records: Sequence[ValueRecord]) -> list[bool]:
        """Whether each record is as it was made, by column; see `verify`."""
        places: dict[tuple[str, str | None], list[int]] = {}
        for place, record in enumerate(records):
            places.setdefault((record.scheme, record.search), []).append(place)
        results = [False] * len(records)
        for (scheme, search), own in places.items():
            cts, tokens = [records[n].ct for n in own], [records[n].tokens for n in own]
            for n, right in zip(own, self.compute_all(scheme, search, cts, tokens), strict=True):
                results[n] = hmac.compare_digest(right, records[n].tag.encode())
        return results

    def verify(self, record: ValueRecord) -> None:
        """Check a value record's tag.

        Raises:
            IntegrityError: the record is not as it was made.
        """
        if not all(self.verified([record])):
            raise altered_record()


def altered_record() -> IntegrityError:
    """The error where a value record is not as it was made."""
    return IntegrityError(
        "a value record's tag does not verify: its tokens or its place were altered",
        "get the data again from where it was made, and ask who could write the store",
    )


class HeaderTag:
    """The MAC over a batch header: its sorted compact JSON without the tag."""

    def __init__(self, keys: EpochKeys) -> None:
        key = keys.keyspace(labels.SEAL_KEYSPACE)
        self._key = key.subkey(labels.HEADER_TAG, _KEY_SIZE)

    def compute(self, header: BatchHeader) -> str:
        """The tag of a header; what stands in its `tag` does not count."""
        content = header.model_dump(exclude={"tag"}, exclude_none=True)
        message = msgspec.json.encode(content, order="sorted")
        return _mac(self._key, message)

    def verify(self, header: BatchHeader) -> None:
        """Check a header's tag.

        Raises:
            IntegrityError: the header is not as it was made.
        """
        if not hmac.compare_digest(self.compute(header), header.tag):
            raise IntegrityError(
                "a batch header's tag does not verify: it was altered",
                "get the data again from where it was made, and ask who could write the store",
            )


def sealed_value(value: Any) -> bytes:
    """What a seal covers of a leaf's value: LP(type) LP(bytes)."""
    if type(value) is str:  # as most are
        data = value.encode()
        return _LP_TEXT + len(data).to_bytes(4, "big") + data
    data = scalar_bytes(value)
    return _LP_TYPES[scalar_type(value)] + uint32(len(data)) + data


def sealed_values(column: Sequence[Any]) -> list[bytes]:
    """The same of each value; of texts and of integers each distinct one is encoded once."""
    types = set(map(type, column))
    if types == {str} or types == {int}:
        known = {value: sealed_value(value) for value in set(column)}
        return list(map(known.__getitem__, column))
    return list(map(sealed_value, column))


def sealed_place(path: str, position: int) -> bytes:
    """What a seal covers of a leaf's place: LP(path) LP(array index, or empty if it is -1)."""
    return (_known_place if len(path) <= _REMEMBERED else _place)(path, position)


def _place(path: str, position: int) -> bytes:
    return lp(path.encode()) + (_LP_EMPTY if position < 0 else lp(uint32(position)))


_known_place = lru_cache(maxsize=4096)(_place)


def _mac(key: Secret, message: bytes) -> str:
    return encode_bytes(_digest_of(_keyed(key), message))


def _keyed(key: Secret) -> hashlib.blake2b:
    """Keyed BLAKE2b-128; the key's bytes stand in no variable that a traceback shows."""
    return hashlib.blake2b(digest_size=MAC_SIZE, key=key.secret_key_access())


def _digest_of(keyed: hashlib.blake2b, message: bytes) -> bytes:
    state = keyed.copy()
    state.update(message)
    return state.digest()
