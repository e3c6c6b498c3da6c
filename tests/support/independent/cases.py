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
    _profile({"a.b": _CLEAR, "p*": _CLEAR}, aliases={"b": ["a.b", "pq"], "a.c": ["a.b"]}),
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

_NO_ALIASES: list[Any] = [
    [],
    {"a.b": ["a.b"]},
    {"a": ["a.b"]},
    {"p": ["a.b"]},
    {"p.q": ["a.b"]},
    {"x*": ["a.b"]},
    {"_exists_": ["a.b"]},
    {"": ["a.b"]},
    {"x" * 257: ["a.b"]},
    {"x": []},
    {"x": "a.b"},
    {"x": ["a.b", "a.b"]},
    {"x": [f"p{number}.q" for number in range(33)]},
    {"x": ["c"]},
    {"x": ["a"]},
    {"x": ["p*.q"]},
    {"x": ["y"], "y": ["a.b"]},
]

NO_PROFILES = [
    _profile({}),
    compact({"name": "p"}),
    compact({"fields": {"a": _CLEAR}}),
    compact({"fields": {"a": _CLEAR}, "name": "P"}),
    compact({"fields": {"a": _CLEAR}, "name": "a" * 64}),
    _profile({"a": _CLEAR}, x=1),
    *(
        _profile({"a.b": _CLEAR, "c": {"scheme": "opaque"}, "p*.q": _CLEAR}, aliases=aliases)
        for aliases in _NO_ALIASES
    ),
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

# --- values at the edges of what a scheme takes ----------------------------------------------

EDGE_URIS = [
    # in brackets
    "<sip:a@b> ",
    "<sip:a@b>\n",
    "<sip:a@b>  ;",
    "<sip:a@b>;\n>x",
    "<sip:a@b>x",
    "  <sip:a@b>",
    '\u3000"a" <sip:a@b>\u2028;x',
    '"a"b<sip:a@b>',
    'a"b"<sip:a@b>',
    '""<sip:a@b>',
    '"\\"<sip:a@b>',
    '"\\\n"<sip:a@b>',
    '"<">"<sip:a@b>',
    "\0\ufeff<sip:a@b>",
    "é" * 8000 + "<sip:a@b>",
    " " * 8183 + "<sip:a@b>",
    # SIP
    "\nsip:a@b",
    "sip:a@b\n",
    "ſip:b",
    "sip:\u212a",
    "sip:[192.0.2.1]",
    "sip:[::]",
    "sip:[0:0:1::1]",
    "sip:a:@b",
    "sip:a@b..",
    "sip:.b",
    "sip:b:",
    "sip:b:00000",
    "sip:b:123456",
    "sips:b?x",
    "sip:a@b;x@y",
    'sip:a@b;x"y',
    "sip:a@b;x<y",
    "SIP:%41%6A%2f%3A%7e%5f%20@B_",
    "sip:%25%2525%2b%60%2D%zz@b",
    "sip:%25%2525%2b%60%2D@b",
    "sip:u%c3%a9:p%aa@b",
    "sip:u:p;q@b",
    "sip:u;x:p@b",
    "sip:" + "a" * 127,
    "sip:" + "a" * 127 + ".",
    "sip:" + "a" * 128,
    "sip:" + "a" * 8188,
    # TEL
    "tel:---",
    "tel:+",
    "tel:+-",
    "tel:+a",
    "tel:++1",
    "tel:1+;phone-context=x",
    "tel:*#;phone-context=+1-2",
    "tel:A(B);Phone-Context=;PHONE-CONTEXT=Z=q;phone-context=w",
    "tel:A;phone-context=é",
    "tel:1;;phone-context=w",
    "tel:1;phone-context;phone-context=w",
    'tel:1;phone-context="A"',
    "tel:+1;",
    "tel:+1;a b",
    "tel:+1;a\x7f",
]
EDGE_TIMES = [
    "2026-01-02Z",
    "2026-01-02+01:00",
    "0000-12-31",
    "0000-12-31T23:00:00-02:00",
    "0001-01-01T00:00:00+00:01",
    "0001-01-01T00:00:00-00:01",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-00:01",
    "9999-12-31T23:59:59+00:01",
    "2026-01-02T03Z",
    "2026-01-02T03:04.5Z",
    "2026-01-02T03:04:05.Z",
    "2026-01-02T03:04:05,5Z",
    "2026-01-02T24:00:00Z",
    "2026-01-02T23:59:60Z",
    "2026-01-02  03:04",
    "2026-01-02t03:04z",
    "2026-01-02T03:04 Z",
    "2026-01-02T03:04-00:00",
    "2026-01-02T03:04+2359",
    "2026-01-02T03:04+23:60",
    "2026-01-02T03:04+24:00",
    "2026-01-02T03:04+23",
    "2026-02-29",
    "2024-02-29",
    "1900-02-29",
    "2000-02-29",
    " 2026-01-02",
    "2026-01-02\n",
    "2026-1-2",
    "20260102",
    "+2026-01-02",
    "２０２６-01-02",
    "2026-01-02T03:04:05.1234567890123456789Z",
    "2026-01-02T03:04:05.000000Z",
    "2026-01-02T03:04:05." + "7" * 8171 + "Z",
    "2026-01-02T03:04:05." + "7" * 8172 + "Z",
    "1969-12-31T23:59:59.9Z",
    "1970-01-01",
]
EDGE_NUMBERS: list[Any] = [
    *(0, -1, -0.0, 0.5, -0.5, 5e-324, -5e-324, 1e18, 9.2e18, 9.3e18, -9.3e18),
    *(2**63 - 1, 2**63, 1 - 2**63, -(2**63), -9223372036854774784.0, 1e300, 10**400, True, "5"),
]
EDGE_ADDRESSES = [
    *("1:2:3:4:5:6:7::", "::1:2:3:4:5:6:7", "1::3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    *("1::2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:7:1.2.3.4"),
    *("1:2:3:4:5::1.2.3.4", "::1.2.3.4", "1.2.3.4::", "::1.2.3.4:1", "::01.2.3.4", "12345::"),
    *("g::", "::ffff:0:0", "::ffff:0:1.2.3.4", "::FFFF:1.2.3.4", "0:0:0:0:0:ffff:1:2"),
    *("0:0:1:0:0:0:1:0", "0:1:0:0:1:0:0:1", "1:0:2:0:3:0:4:0", "1:0:2:3:4:5:6:7", "0::0"),
    *("1::0", "::1:0:0", "1:0:0::", "1:0::", "::", "", ".", ":", "1:", ":::", "::1%1", "::1/64"),
    *("1.2.3", "1.2.3.4.", "1.2.3.+4", "1.2.3.00", "1.2.3.256", "1..2.3", "0.0.0.0", "1_0.1.1.1"),
    *("::1_0", "0x1.2.3.4", "::0x1", "::-1", "::ffff:255.255.255.255", "٣.0.2.1", "1.2.3.4\n"),
]
EDGE_DIGITS: list[Any] = [
    *("", "+", "+0", "+-1", " 123456", "123456\n", "1234567٣", "1" * 256, "+" + "1" * 257),
    *("12345", "+12345", "+1123456", "+112345", "+49123456", "+4912345", "+852123456", "1e9"),
    *(10**256 - 1, 10**256, 0, 12345, 123456, -123456, 1234567.0, True),
    *(f"+{code}1234567" for code in range(1000)),
]
EDGE_MAILS: list[Any] = [
    *("a@b", "a@b.", "a@b..", "a@.", "a@", "@b", "a@b@c", "a b@c", "a@b c", "a<@b", "a>@b"),
    *("A@B-c", "a@-b", "a@b-", "a@b_c", "é@b", "a@é", "a@\u212a", "\u200ba@b", "\ufeffa@b"),
    *("a" * 256 + "@b", "a" * 257 + "@b", "a@" + "b" * 254, "a@" + "b" * 254 + "."),
    *("a@" + "b" * 255, "\u3000a@b\x1f", "\x1ca@b\n", "a\u00a0b@c", "a@" + "b" * 9000, 5),
    *([], {}, ["a@b", None, ["x@y"], "c@D", 5, "x"], {"a@b": "a@b"}, " " * 8190 + "a@b"),
]
