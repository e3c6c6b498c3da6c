"""The opaque blob: exactly its two lists, and nothing that a newer release might have added."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from analytics.wire import decode_bytes, encode_bytes
from keys import EpochKeys, Secret
from zt.crypto.siv import Sealer
from zt.errors import IntegrityError
from zt.schemes.opaque import Hidden, OpaqueBlob

KEY = EpochKeys(Secret(bytes(range(32)))).keyspace("zt:event")
BLOB = OpaqueBlob(KEY)
ID = encode_bytes(bytes(16))


def sealed(content: Any) -> str:
    text = content if isinstance(content, bytes) else msgspec.json.encode(content)
    return Sealer(KEY.subkey(b"opaque", 64), KEY.kid).seal(text, b"event", decode_bytes(ID))


def test_what_was_hidden_comes_back() -> None:
    hidden = Hidden(
        [(("a", "b"), 10**400), (("c.d",), {"x": [1.0]})], [(("e",), 2, "X"), (("f",), None, 5)]
    )
    assert BLOB.open(BLOB.seal(hidden, ID), ID) == hidden
    assert BLOB.open(sealed({"o": [], "r": []}), ID) == Hidden([], [])


@pytest.mark.parametrize(
    "content",
    [
        {"o": [], "r": [], "x": []},
        {"o": []},
        {"r": []},
        [],
        {"o": [["ab", 1]], "r": []},
        {"o": [[["a"], 1, 2]], "r": []},
        {"o": [[["a"]]], "r": []},
        {"o": [], "r": [[["a"], 1]]},
        {"o": [], "r": [[["a"], "1", 1]]},
        {"o": [], "r": [[["a"], 1.5, 1]]},
        {"o": [[[5], 1]], "r": []},
        b"x",
        b"\xff",
    ],
)
def test_what_a_newer_release_might_write_is_refused(content: Any) -> None:
    with pytest.raises(IntegrityError, match="newer release"):
        BLOB.open(sealed(content), ID)


def test_a_blob_is_bound_to_its_event() -> None:
    blob = BLOB.seal(Hidden([(("a",), 1)], []), ID)
    with pytest.raises(IntegrityError):
        BLOB.open(blob, encode_bytes(bytes(15) + b"\1"))
