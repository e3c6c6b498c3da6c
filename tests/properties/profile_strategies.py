"""Random profiles of every scheme, option and token kind, and events of values that meet them.

Fields have values of one sort each (URIs, digits, addresses, ...), few enough that they meet again
in other events, fields and epochs. Some of each sort are none of it: they fall back to `det`.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from properties.event_strategies import Event, merge, nest
from support.independent.conventions import Json

URIS: list[Any] = [
    "sip:alice@example.org",
    "SIP:alice@Example.ORG:5070;transport=tcp",
    '"Alice" <sip:alice@example.org>;tag=1',
    "sip:Alice@example.org",
    "sips:alice@example.org",
    "sip:bob@gw-1.example.net",
    "sip:bob@[2001:db8::9]",
    "sip:example.org",
    "tel:+49-30-1234567",
    "tel:+49301234567",
    "sip:" + "u" * 300 + "@example.org",
    "sip:carol@" + "h" * 130,
    "anonymous",
    "urn:service:sos",
]
DIGITS: list[Any] = [
    "+49301234567",
    "49301234567",
    49301234567,
    "+49301999999",
    "+12015550123",
    "+12015550199",
    "0049301234567",
    "12345",
    12345,
    "49 30 1234567",
    "anonymous",
]
ADDRESSES: list[Any] = [
    "192.0.2.1",
    "192.0.2.200",
    "192.0.3.7",
    "::ffff:192.0.2.1",
    "198.51.100.7",
    "2001:db8::1",
    "2001:DB8:0::1",
    "2001:db8:0:1::7",
    "2001:db9::1",
    "192.0.2.1:5060",
    "192.0.2.0/24",
    "unknown",
]
TEXTS: list[Any] = [
    "Straße",
    "STRASSE",
    "caf\u00e9 au lait",
    "cafe\u0301 au lait",
    "friendly-scanner",
    "Friendly Scanner/2.0",
    "日本語電話",
    "a.b*c?d",
    "ab",
    "",
    "192.0.2.1",
    "+49301234567",
    "two\nlines",
    "1",
    1,
    1.0,
    True,
    "true",
    10**30,
    "x" * 8193,
]
NUMBERS: list[Any] = [
    0, 1, 7, 99, 100, 150, -1, -250, 2.5, -0.0, 1e300, 2**53, 2**53 + 1, 2**63, 10**400,
    "7", "many", True,
]  # fmt: skip
TIMES: list[Any] = [
    "2026-11-23T10:00:00Z",
    "2026-11-23T10:00:00.000001Z",
    "2026-11-23T10:59:59.999999Z",
    "2026-11-23T12:30:00+01:00",
    "2026-11-23T23:15:00Z",
    "2026-11-24",
    "2026-11-24T00:00:00Z",
    "1969-12-31T23:00:00Z",
    "not yet",
    1795428000,
]
SORTS: dict[str, list[Any]] = {
    "uri": URIS,
    "digits": DIGITS,
    "address": ADDRESSES,
    "text": TEXTS,
    "number": NUMBERS,
    "time": TIMES,
}
FIELDS: dict[str, str] = {
    "sip.from": "uri",
    "sip.to": "uri",
    "sip.contact": "uri",
    "phone": "digits",
    "callee.phone": "digits",
    "client.ip": "address",
    "server.ip": "address",
    "user.name": "text",
    "user.agent.name": "text",
    "device.os": "text",
    "device.mac": "text",
    "n": "number",
    "stats.size": "number",
    "seen": "time",
}
"""The sort of each field's values."""

TIME, RATE, PATTERN = "at", "rate.ex_diff", "device.*"
PARTS: dict[str, tuple[str, Json]] = {
    "from.host": ("det", {"from": "sip.from", "part": "host"}),
    "to.user": ("det", {"from": "sip.to", "part": "user"}),
    "from.scheme": ("clear", {"from": "sip.from", "part": "scheme"}),
    "client.net": ("det", {"from": "client.ip", "part": "subnet", "v6": 32}),
    "hour": ("clear", {"from": "at", "part": "hour"}),
}
"""Derived fields with the scheme of each; their sources may be hidden or dropped."""

ALIASES = {"party": "uri", "number": "digits", "address": "address", "size": "number"}
"""Aliases, and the sort of the fields that each stands for."""

_SEARCHES = {
    "det": ("gram", "prefix", "whole", "net"),
    "uri": ("gram", "whole"),
    "fpe": ("gram", "prefix", "whole"),
    "ip": ("gram", "whole", "net"),
    "pfx": ("gram", "whole"),
}


@st.composite
def rules(draw: st.DrawFn, sort: str) -> Json:
    """A rule for fields of a sort; often one that is made for them."""
    own = {
        "uri": ["uri"] * 3,
        "digits": ["fpe"] * 3,
        "address": ["ip", "ip", "pfx", "clear-ip"],
        "text": ["det"],
        "number": ["clear-number", "coarsen"] * 3,
        "time": ["clear-time", "coarsen"] * 3,
    }[sort]
    scheme = draw(st.sampled_from([*own, "det", "det", "clear", "opaque", "drop"]))
    if scheme.startswith("clear"):
        kind = scheme.removeprefix("clear").removeprefix("-")
        return {"scheme": "clear", "kind": kind} if kind else {"scheme": "clear"}
    if scheme == "coarsen":
        step = draw(st.sampled_from([1, 100] if sort == "number" else ["1h", "1d"]))
        return {"scheme": scheme, "kind": sort, "step": step}
    rule: Json = {"scheme": "ip", "mode": "pfx"} if scheme == "pfx" else {"scheme": scheme}
    if kinds := _SEARCHES.get(scheme):
        if draw(st.integers(0, 3)):  # without tokens half of the questions can't be asked
            more = draw(st.lists(st.sampled_from(kinds), unique=True, max_size=2))
            rule["search"] = sorted({"gram", *more})
        elif search := draw(st.lists(st.sampled_from(kinds), unique=True)):
            rule["search"] = sorted(search)
    if scheme == "fpe" and (keep := draw(st.sampled_from([0, "country", 3]))):
        rule["keep"] = keep
    return rule


@st.composite
def _fields(draw: st.DrawFn) -> dict[str, Json]:
    """Rules for all fields; those of a sort share a keyspace, or each has its own."""
    fields: dict[str, Json] = {}
    for sort in SORTS:
        shared = draw(rules(sort)) if draw(st.booleans()) else None
        for path in (path for path, own in FIELDS.items() if own == sort):
            if path.startswith("device."):
                path = PATTERN
            rule = dict(shared or draw(rules(sort)))
            if shared and rule["scheme"] in _SEARCHES:
                rule["keyspace"] = f"of {sort}"
            if rule["scheme"] != "drop" or path != PATTERN:
                fields[path] = rule
    return fields


@st.composite
def profiles(draw: st.DrawFn, name: str = "first") -> Json:
    """A profile as its file would have it."""
    fields = draw(_fields())
    profile: Json = {"name": name, "fields": fields}
    if draw(st.integers(0, 9)):
        profile["time"] = TIME
        step = draw(st.sampled_from([None, None, "1h"]))
        fields[TIME] = {"scheme": "coarsen", "step": step} if step else {"scheme": "clear"}
        fields[TIME]["kind"] = "time"
    if draw(st.integers(0, 3)):
        fields[RATE] = {"scheme": "clear", "kind": "number"}
    derive = {}
    for path in draw(st.lists(st.sampled_from(sorted(PARTS)), unique=True, max_size=2)):
        scheme, derive[path] = PARTS[path]
        fields[path] = {"scheme": scheme}
        if scheme == "det":
            fields[path]["search"] = ["gram"]
    if derive:
        profile["derive"] = derive
    return profile | _aliases(fields)


def _aliases(fields: dict[str, Json]) -> Json:
    found = {}
    for alias, sort in ALIASES.items():
        named = [path for path, own in FIELDS.items() if own == sort and path in fields]
        shown = [path for path in named if fields[path]["scheme"] not in ("drop", "opaque")]
        if shown:
            found[alias] = shown
    return {"aliases": found} if found else {}


@st.composite
def altered(draw: st.DrawFn, profile: Json) -> Json:
    """Another profile of the same fields, of which some have other rules or other search lists."""
    fields = {path: dict(rule) for path, rule in profile["fields"].items()}
    for path in draw(st.lists(st.sampled_from(sorted(FIELDS)), unique=True, max_size=3)):
        if fields.get(path, {}).get("keyspace"):
            continue
        if path in fields:
            fields[path] = draw(rules(FIELDS[path]))
    if draw(st.booleans()):  # one token kind more, in the same keyspaces
        for rule in fields.values():
            if rule["scheme"] in _SEARCHES and rule.get("search"):
                rule["search"] = sorted({*rule["search"], "whole"})
    return profile | {"name": "second", "fields": fields} | _aliases(fields)


def values_of(sort: str) -> st.SearchStrategy[Any]:
    """Values of a field: mostly one, or several in an array, or what can't be asked for."""
    one = st.sampled_from(SORTS[sort])
    several = st.lists(one, min_size=1, max_size=3)
    with_null = several.map(lambda own: [*own, None])
    odd: list[Any] = [None, {}, [], [[1]], {"x": "sip:alice@example.org"}]
    containing = one.map(lambda value: [value, {"x": value}])
    return st.one_of(
        one, one, one, one, one, several, several, with_null, st.sampled_from(odd), containing
    )


@st.composite
def events(draw: st.DrawFn) -> Event:
    """An event with some of the fields, nested or dotted, and none that is derived."""
    event: Event = {}
    if draw(st.integers(0, 7)):
        event[TIME] = draw(st.sampled_from([*TIMES, *TIMES, [TIMES[0]]]))
    if draw(st.booleans()):
        weight = st.sampled_from([0, 1, 5, -1, "3", 2.0])
        event = merge(event, nest(RATE, draw(st.integers(0, 1)), draw(weight)))
    for path in draw(
        st.lists(st.sampled_from(sorted(FIELDS)), min_size=3, max_size=9, unique=True)
    ):
        cuts = draw(st.integers(0, 3))
        event = merge(event, nest(path, cuts, draw(values_of(FIELDS[path]))))
    return event
