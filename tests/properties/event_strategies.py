"""Events of every kind that JSON allows, mixed with the paths of the profile in any spelling."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Event = dict[str, Any]

FIELDS = [
    "@timestamp",
    "type",
    "sip.request.method",
    "sip.response.status",
    "rate.ex_diff",
    "sip.from",
    "sip.to",
    "sip.contact",
    "uri.original",
    "sip.call_id",
    "client.ip",
    "server.ip",
    "user_agent.original",
    "uas.original",
]
ODD = ["", ".", "a", "a.b", "sip", "sip.", ".from", "sip.request", "sip.from.x", "ss", "ſip", "😀"]
ODD += ['a."', '"', "a.\\", "\\.b", "*"]
"""Paths of nothing, prefixes of fields, paths below fields, and look-alikes."""

numbers = (
    st.integers(-5, 5)
    | st.integers(-(2**70), 2**70)
    | st.integers(1, 300).map(lambda digits: 10**digits - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, -0.0, 1.0, 1e300, -1e300, 5e-324, 1e16, 1e15, 0.1, 2.0**53])
)
texts = (
    st.text(max_size=20)
    | st.sampled_from(
        ["", "0", "1", "null", "true", "1.0", "sip:alice@example.org", "\0", "\\", '"']
    )
    | st.text(alphabet=':{}[]",\\u03a', max_size=12)
)
scalars = st.none() | st.booleans() | numbers | texts
segments = st.sampled_from(sorted({part for path in FIELDS for part in path.split(".")}))
keys = st.sampled_from(FIELDS) | segments | st.sampled_from(ODD) | st.text(max_size=5)

values: st.SearchStrategy[Any] = st.recursive(
    scalars | st.lists(scalars, max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=6,
)


def nest(path: str, cuts: int, value: Any) -> Event:
    """The value at a path; the bits of `cuts` say which dots become levels."""
    parts = path.split(".")
    spelled = [parts[0]]
    for place, part in enumerate(parts[1:]):
        if cuts >> place & 1:
            spelled.append(part)
        else:
            spelled[-1] += f".{part}"
    for key in reversed(spelled[1:]):
        value = {key: value}
    return {spelled[0]: value}


def merge(one: Event, two: Event) -> Event:
    """Both events in one, the second winning."""
    merged = dict(one)
    for key, value in two.items():
        known = merged.get(key)
        both = isinstance(known, dict) and isinstance(value, dict)
        merged[key] = merge(known, value) if both and known is not None else value
    return merged


@st.composite
def spelled_fields(draw: st.DrawFn) -> Event:
    """Some of the profile's fields, each in a spelling of its own."""
    event: Event = {}
    value = scalars | st.lists(scalars, max_size=4) | texts
    for path in draw(st.lists(st.sampled_from(FIELDS), max_size=6, unique=True)):
        event = merge(event, nest(path, draw(st.integers(0, 3)), draw(value)))
    return event


def paths(event: Event, above: str | None = None) -> list[str]:
    """The dotted path of every value that is no filled object."""
    found = []
    for key, value in event.items():
        path = key if above is None else f"{above}.{key}"
        found += paths(value, path) if isinstance(value, dict) and value else [path]
    return found


def is_ambiguous(value: Any) -> bool:
    """Whether an object in the value has one path in two spellings."""
    if isinstance(value, list):
        return any(map(is_ambiguous, value))
    if not isinstance(value, dict):
        return False
    spelled = paths(value)
    return len(set(spelled)) < len(spelled) or any(map(_inner, value.values()))


def _inner(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_inner, value.values()))
    return is_ambiguous(value)


def is_encrypted(event: Event) -> bool:
    """Whether it has a key, in any spelling, that encrypted events have."""
    return any(key == "zt" or key.startswith("zt.") for key in event)


mixed = st.builds(merge, st.dictionaries(keys, values, max_size=5), spelled_fields())
events = mixed.filter(lambda event: not is_encrypted(event) and not is_ambiguous(event))
"""Events that the encoder takes."""
