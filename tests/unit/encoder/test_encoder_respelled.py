"""A store that respells keys, and events that grow beyond a line: found while the formats were
written down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from keys import Ring
from zt.encoder import Decoder, Encoder
from zt.encoder.encrypt import Reject
from zt.profile import FieldRule, Profile

CLEAR = FieldRule(scheme="clear")


def encrypt(
    ring: Ring,
    event: dict[str, Any],
    fields: dict[str, FieldRule],
    on_reject: Callable[[Reject], None] = lambda reject: None,
) -> list[bytes]:
    encoder = Encoder(ring, Profile(name="clear", fields=fields), on_reject=on_reject)
    return list(encoder.encrypt([msgspec.json.encode(event) + b"\n"]))


@pytest.mark.parametrize(
    ("event", "fields", "before", "after"),
    [
        ({"a": 5, "a.x": 1}, {"a.x": CLEAR}, b'"a.x":1', b'"a":{"x":1}'),
        (
            {"a.b": 1, "a": {"b": {"zz": 2}}},
            {"a.b": CLEAR, "a.b.c": CLEAR},
            b'"a.b":1',
            b'"a":{"b":1}',
        ),
    ],
)
def test_a_field_respelled_onto_a_hidden_one_is_refused(
    shared_ring: Ring,
    event: dict[str, Any],
    fields: dict[str, FieldRule],
    before: bytes,
    after: bytes,
) -> None:
    header, line = encrypt(shared_ring, event, fields)
    assert list(Decoder(shared_ring).decrypt([header, line])) == [event]
    assert before in line
    reasons: list[str] = []
    decoder = Decoder(shared_ring, on_reject=lambda reject: reasons.append(reject.reason))
    good = encrypt(shared_ring, {"other": 1}, fields)
    stream = [header, line.replace(before, after), good[1], good[1]]
    assert list(decoder.decrypt(stream)) == [{"other": 1}, {"other": 1}]
    assert len(reasons) == 1
    assert "its keys were respelled" in reasons[0]


DERIVING = Profile.model_validate(
    {
        "name": "deriving",
        "derive": {"part.host": {"from": "from", "part": "host"}},
        "fields": {
            "from": {"scheme": "uri"},
            "x.from": {"scheme": "uri"},
            "part.host": {"scheme": "det"},
        },
    }
)


def nest(body: dict[str, Any], path: str) -> None:
    outer, _, inner = path.partition(".")
    body[outer] = {inner: body.pop(path)}


@pytest.mark.parametrize(
    ("event", "path"),
    [({"from": "sip:a@b"}, "part.host"), ({"x.from": "SIP:a@b:5060"}, "x.from")],
    ids=["a derived field", "a field with an original"],
)
def test_a_respelled_field_that_decryption_changes_is_refused(
    shared_ring: Ring, event: dict[str, Any], path: str
) -> None:
    """Nested instead of dotted, the seal holds; but what must go, or be replaced, moved."""
    lines = list(Encoder(shared_ring, DERIVING).encrypt([msgspec.json.encode(event)]))
    assert list(Decoder(shared_ring).decrypt(lines)) == [event]
    body = msgspec.json.decode(lines[-1])
    nest(body, path)
    rejects: list[str] = []
    decoder = Decoder(shared_ring, on_reject=lambda reject: rejects.append(reject.reason))
    good = list(Encoder(shared_ring, DERIVING).encrypt([b'{"a":1}', b'{"a":2}']))
    stream = [*lines[:-1], msgspec.json.encode(body), *good]
    assert list(decoder.decrypt(stream)) == [{"a": 1}, {"a": 2}]
    assert len(rejects) == 1
    assert "its keys were respelled" in rejects[0]


def test_an_event_that_grows_beyond_a_line_is_refused_at_the_edge(shared_ring: Ring) -> None:
    rejects: list[Reject] = []
    rule = {"list": FieldRule(scheme="det")}
    lines = encrypt(shared_ring, {"list": [1] * 600_000}, rule, rejects.append)
    assert lines == []
    assert [reject.line for reject in rejects] == [1]
    assert "once it is encrypted" in rejects[0].reason
