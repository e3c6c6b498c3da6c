"""What docs/formats.md takes and refuses, for every reader of it: profiles and blobs."""

from __future__ import annotations

from typing import Any

from .conventions import Json, compact

_CLEAR: Json = {"scheme": "clear"}
_DET: Json = {"scheme": "det"}
_DROP: Json = {"scheme": "drop"}
_OPAQUE: Json = {"scheme": "opaque"}
_URI: Json = {"scheme": "uri"}
_TIME: Json = {"scheme": "clear", "kind": "time"}


def _coarsen(**options: Any) -> Json:
    return {"scheme": "coarsen", **options}


def _profile(fields: Json, **more: Any) -> str:
    return compact({"name": "p", "fields": fields, **more}, ordered=True)


def _one(**rule: Any) -> str:
    return _profile({"a": rule})


def _two(one: str, two: str) -> str:
    return _profile({one: _CLEAR, two: _CLEAR})


def _derived(rule: Json = _DET, path: str = "d", source: str = "a", **derivation: Any) -> str:
    fields = {"a": _CLEAR, **({} if rule == {} else {path: rule})}
    return _profile(fields, derive={path: {"from": source, "part": "host", **derivation}})


PROFILES = [
    _profile({"a": _CLEAR}),
    _profile({"a" * 256: _CLEAR, "zta": _CLEAR, "zt*": _CLEAR, "*": _CLEAR}),
    _one(scheme="clear", kind="ip"),
    _one(scheme="unsafe-clear", kind="text"),
    _one(scheme="det", keyspace="k" * 256),
    _one(scheme="det", search=["gram", "net", "prefix", "whole"]),
    _one(scheme="uri", search=["gram", "whole"]),
    _one(scheme="fpe", search=["gram", "prefix", "whole"]),
    _one(scheme="fpe", keep=15),
    _one(scheme="fpe", keep="country"),
    _one(scheme="ip", search=["gram", "net", "whole"]),
    _one(scheme="ip", mode="pfx", search=["gram", "whole"]),
    _one(scheme="coarsen", kind="number", step=2**63 - 1),
    _profile({"a": _TIME}, time="a"),
    _profile({"a": _coarsen(kind="time", step=1)}, time="a"),
    # keyspaces
    _profile({"a": {**_DET, "keyspace": "b"}, "b": _DET}),
    _profile({"a": {**_DET, "keyspace": "k"}, "k": _coarsen(kind="time", step=1)}),
    _profile({"a": {**_DET, "keyspace": "k.x"}, "k.*": _DET, "k.x": _CLEAR}),
    _profile({"a": {**_DET, "keyspace": "k.x"}, "k.*": {**_DET, "keyspace": "z"}}),
    _profile({"k.*": _DET, "k.x*": _URI}),
    # drop, and what lies below
    _profile({"a": _DROP, "a.b": _DROP, "ab": _CLEAR}),
    _profile({"a.*": _DROP, "a.b": _CLEAR}),
    _profile({"a": _OPAQUE, "a.b": _CLEAR}),
    _profile({"*": _DROP, "a*": _CLEAR, "ab.b": _CLEAR}),
    # patterns
    _two("*.b", "*.*"),
    _two("a*", "a*b"),
    _two("a.*", "a.*.*"),
    _two("a.*", "b.*"),
    _two("*a*", "a*"),
    _two("a*a", "a*aa"),
    # derivations
    _derived(region="DE"),
    _derived(v4=32, v6=128, part="subnet"),
    _derived(source="nowhere.zt"),
    _derived(_coarsen(kind="number", step=1), part="hour"),
    _derived(_TIME, "a.d"),
]
"""Normalised profiles that are taken."""

NO_PROFILES = [
    _profile({}),
    compact({"name": "p"}),
    compact({"fields": {"a": _CLEAR}}),
    compact({"fields": {"a": _CLEAR}, "name": "P"}),
    compact({"fields": {"a": _CLEAR}, "name": "a" * 64}),
    _profile({"a": _CLEAR}, x=1),
    *(_profile({path: _CLEAR}) for path in ("", "zt", "zt.a", "zt:a", "a" * 257, "a**b")),
    _one(),
    _one(scheme="x"),
    _one(scheme="clear", x=1),
    _one(scheme="clear", keyspace="k"),
    _one(scheme="clear", kind="x"),
    _one(scheme="clear", step=1),
    _one(scheme="det", kind="text"),
    _one(scheme="det", keep=1),
    _one(scheme="det", mode="pfx"),
    _one(scheme="det", keyspace="zt:k"),
    _one(scheme="det", keyspace=""),
    _one(scheme="det", keyspace="k" * 257),
    _one(scheme="det", search=["x"]),
    _one(scheme="det", search=["gram", "gram"]),
    _one(scheme="uri", search=["prefix"]),
    _one(scheme="uri", search=["net"]),
    _one(scheme="fpe", search=["net"]),
    _one(scheme="ip", search=["prefix"]),
    _one(scheme="ip", mode="pfx", search=["net"]),
    _one(scheme="ip", mode="x"),
    _one(scheme="drop", search=["gram"]),
    _one(scheme="fpe", keep=16),
    _one(scheme="fpe", keep=-1),
    _one(scheme="fpe", keep="x"),
    _one(scheme="coarsen", kind="time"),
    _one(scheme="coarsen", step=1),
    _one(scheme="coarsen", kind="text", step=1),
    _one(scheme="coarsen", kind="time", step=0),
    _one(scheme="coarsen", kind="time", step=2**63),
    _profile({"a": _CLEAR}, time="a"),
    _profile({"a": _TIME}, time="b"),
    _profile({"a*": _TIME}, time="a*"),
    _profile({"a*": _TIME}, time="ab"),
    _profile({"a": _coarsen(kind="number", step=1)}, time="a"),
    # keyspaces
    _profile({"a": {**_DET, "keyspace": "k"}, "b": {**_URI, "keyspace": "k"}}),
    _profile({"a": {**_DET, "keyspace": "b"}, "b": {**_DET, "search": ["gram"]}}),
    _profile({"a": {"scheme": "fpe", "keyspace": "b"}, "b": {"scheme": "fpe", "keep": 1}}),
    _profile({"a": {"scheme": "ip", "keyspace": "b"}, "b": {"scheme": "ip", "mode": "pfx"}}),
    _profile({"a": {**_DET, "keyspace": "k.x"}, "k.*": _DET}),
    # drop, and what lies below
    _profile({"a": _DROP, "a.b": _CLEAR}),
    _profile({"a*": _DROP, "ab.c": _CLEAR}),
    _profile({"a.*": _DROP, "a.*.c": _CLEAR}),
    _profile({"*": _DROP, "*.b": _CLEAR}),
    # patterns
    _two("a.*", "*.b"),
    _two("a*", "*b"),
    _two("a*b", "ab*"),
    _two("a.*.c", "a.b.*"),
    _two("*a*", "*b*"),
    # derivations
    _derived({}),
    _derived(_DROP),
    _derived(_OPAQUE),
    _derived(_CLEAR, "d*"),
    _derived(x=1),
    _derived(part="x"),
    _derived(region="de"),
    _derived(v4=0),
    _derived(v4=33),
    _derived(v6=129),
    _derived(source="d"),
    _derived(source="a*"),
    _derived(source=""),
]
"""Texts that are no profiles."""

BLOBS = [
    '{"o":[],"r":[]}',
    '{"r":[],"o":[]}',
    '{"o":[[["e"],{"a":[1]}],[["f.g","h"],null]],"r":[]}',
    '{"o":[],"r":[[["c"],null,5]]}',
    '{"o":[],"r":[[["list"],1,5]]}',
]
"""Plaintexts of blobs, without padding, of an event with a value at `c` and two at `list`."""

NO_BLOBS = [
    "",
    "[]",
    '{"o":[]}',
    '{"r":[]}',
    '{"o":[],"r":[],"x":1}',
    '{"o":null,"r":[]}',
    '{"o":[],"r":{}}',
    '{"o":[],"r":[]} x',
    '{"o":[[["a"],NaN]],"r":[]}',
    r'{"o":[[["a"],"\ud800"]],"r":[]}',
    '{"o":[[["a"]]],"r":[]}',
    '{"o":[[["a"],1,2]],"r":[]}',
    '{"o":[[[1],1]],"r":[]}',
    '{"o":[["a",1]],"r":[]}',
    '{"o":[],"r":[[["c"],null]]}',
    '{"o":[],"r":[[["c"],null,1,1]]}',
    '{"o":[],"r":[[["list"],true,1]]}',
    '{"o":[],"r":[[["list"],0.0,1]]}',
    '{"o":[],"r":[[["list"],"0",1]]}',
    # originals of nothing
    '{"o":[],"r":[[["d"],null,1]]}',
    '{"o":[],"r":[[["c","d"],null,1]]}',
    '{"o":[],"r":[[["c"],0,1]]}',
    '{"o":[],"r":[[["list"],2,1]]}',
    # hidden fields whose place is taken
    '{"o":[[["c"],1]],"r":[]}',
    '{"o":[[["c","d"],1]],"r":[]}',
    '{"o":[[["list","0"],1]],"r":[]}',
    '{"o":[[["e"],1],[["e"],2]],"r":[]}',
]
"""Texts that are none."""
