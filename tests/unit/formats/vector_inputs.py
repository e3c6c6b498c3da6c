"""What the known answers are made of: the fixed ring's keys, profiles, events and values."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from zt.jobs.pack import Job
from zt.profile import FieldRule, Profile

TENANT = "acme"
ROOT = bytes(range(32))
ID_KEY = bytes(range(32, 64))
WRAPPING_KEY = bytes(range(64, 96))
CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

SMALL = Profile(
    name="vectors",
    time="time",
    fields={
        "time": FieldRule(scheme="clear", kind="time"),
        "n": FieldRule(scheme="clear", kind="number"),
        "flag.set": FieldRule(scheme="clear"),
        "sip.from": FieldRule(scheme="det", keyspace="sip.identity", search=("gram",)),
        "sip.to": FieldRule(scheme="det", keyspace="sip.identity", search=("gram",)),
        "sip.call_id": FieldRule(scheme="det"),
        "sip.password": FieldRule(scheme="drop"),
    },
)
MIXED = Profile.model_validate(
    {
        "name": "mixed",
        "time": "at",
        "derive": {"from.host": {"from": "from", "part": "host"}},
        "fields": {
            "at": {"scheme": "coarsen", "kind": "time", "step": "1h"},
            "from": {"scheme": "uri", "keyspace": "sip.identity"},
            "from.host": {"scheme": "det", "keyspace": "host"},
            "rtp.*": {"scheme": "coarsen", "kind": "number", "step": 1024},
            "src": {"scheme": "ip", "keyspace": "address", "search": ["net"]},
            "to": {"scheme": "fpe", "keyspace": "phone", "keep": "country"},
        },
    }
)
JOB = Job.model_validate(
    {
        "id": "guessing",
        "description": "not part of the version",
        "kind": "event_count",
        "where": "type:auth-failed",
        "group_by": ["client.ip"],
        "window": "5m",
        "threshold": 8,
        "severity": "high",
        "tags": ["attack.t1110.001"],
    }
)
SMALL_EVENTS = [
    (
        b'{"time":"2026-01-02T03:04:05.678Z","n":1,"sip":{"from":"sip:alice@example.org",'
        b'"to":["sip:bob@example.org",null,7],"call_id":"a84b4c76e66710","password":"hunter2",'
        b'"body":{"v":[0,-0.0,1e300]}}}\n'
    ),
    '{"time":null,"n":[1,1.0,-0.0,123456789012345678901234567890],"flag.set":[true,false,null,""],'
    '"sip.from":"SIP:\u00c9ve\u212a@ex\ufb01ne.example","sip.call_id":true,"x.y":{},"x":[{"z":[]}]}'
    "\r\n".encode(),
    b"\n",
    b'{"n":{},"flag":{"set":[]},"sip.to":1.5,"sip.call_id":null}\n',
    b"{}",
]
MIXED_EVENTS = [
    (
        b'{"at":"2026-01-02T03:04:05.678Z","from":"SIP:bob@Example.org","to":"+4930901820",'
        b'"src":["::ffff:192.0.2.1","unknown"],"rtp":{"bytes":1500,"codec":"G729"},"note":"x"}'
    )
]
ALL_EVENTS = [
    (
        b'{"time":"2026-01-02T03:04:05.678Z","n":1,"sip":{"from":"sip:alice@example.org",'
        b'"to":["sip:bob@example.org",null,7],"route":"sips:[2001:DB8::1]:5061;lr",'
        b'"body":{"v":[0,-0.0,1e300]}},"gone":"hunter2","account":49301234}\n'
    ),
    '{"time":null,"n":[1,1.0,-0.0,123456789012345678901234567890],"flag.set":[true,false,null,""],'
    '"sip.from":"SIP:\u00c9ve\u212a@ex\ufb01ne.example","user":true,"x.y":{},"x":[{"z":[]}]}'
    "\r\n".encode(),
    b"\n",
    (
        b'{"n":{},"flag":{"set":[]},"sip.to":"<tel:+44-20-7123-4567>;tag=1","user":null,'
        b'"phone":"+4930123456","card":"4111111111111111","client":{"ip":"::ffff:192.0.2.1"},'
        b'"server.ip":["2001:db8::1","192.0.2.1:5060"],"peer":{"ip":"192.0.2.7"},'
        b'"trunk.ip":"192.0.2.7","seen":"2026-01-02T03:04:05+01:00","size":[12345,-1,"big"],'
        b'"device":{"mac":"00:00:5e:00:53:01","x1":"a","secret":1},"mail":"Bob@Example.NET"}\n'
    ),
    b'{"device":{"mac":7},"note":"n"}\n',
    b"{}",
]
TEXTS = [
    "",
    "ab",
    "abc",
    "sip:alice@example.org",
    "SIP:Alice@Example.ORG",
    "aaaaaa",
    "stra\u00dfe \ufb01n \u2167",
    "\U0001f600\U0001f600\U0001f600",
    "e\u0301a\u0301o\u0301",
    "\u0378\u0301ab",  # the first is unassigned in Unicode 14
    "\U0001e4d0ab\u00c9",  # the first came with Unicode 15
]
NUMBERS = ["+4930", "+4930123456", "12", "004930", "+", "1" * 20, "\uff11\uff12 x", "+49 30"]
ADDRESSES = ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8:1:2::3", "192.0.2.1:5060"]
SCALARS: list[Any] = [
    "",
    "alice",
    "\u00e9\U0001f600\0",
    0,
    -1,
    10**30,
    0.0,
    -0.0,
    1.0,
    1e16,
    5e-324,
    True,
    False,
    "1",
    "x" * 8192,
]
Values = list[Any]
SCHEMES: list[tuple[str, dict[str, Any], Values]] = [
    (
        "sip.identity",
        {"scheme": "uri"},
        [
            '"Bob" <SIP:b%6fb:pw@Example.ORG.:5060;lr>;tag=1',
            "sip:bob@example.org",
            "sip:example.org",
            "sips:bob@example.org",
            "sip:%61%e9%40@[::ffff:192.0.2.1]",
            "sip:alice@[2001:DB8::1]:5061",
            "tel:+49-30-90182.0;isub=1",
            "tel:863-1234;phone-context=Example.com",
            "sip:" + "h" * 63 + "." + "i" * 63,
            "sip:" + "h" * 63 + "." + "i" * 64,
            "urn:service:sos",
            "alice",
        ],
    ),
    (
        "phone",
        {"scheme": "fpe", "keep": "country"},
        ["+4930901820", "+12015550123", "+85212345678"],
    ),
    (
        "phone",
        {"scheme": "fpe", "keep": "country"},
        ["+85212345678", "004930901820", "+4930123", "+0301234567"],
    ),
    ("phone", {"scheme": "fpe", "keep": 4}, ["+4930901820", "+493012345", "4930901820"]),
    ("phone", {"scheme": "fpe"}, ["+4930901820", "004930901820", "012345", 200500, 10**30]),
    ("phone", {"scheme": "fpe"}, ["1" * 36, "1" * 37, "1" * 256, "1" * 257, "12345", "x", -1]),
    ("address", {"scheme": "ip"}, ["192.0.2.1", "::FFFF:192.0.2.1", "192.0.2.2", "2001:DB8:0::1"]),
    ("address", {"scheme": "ip"}, ["192.0.2.01", "192.0.2.1:5060", "fe80::1%eth0", 3221225985]),
    ("subnet", {"scheme": "ip", "mode": "pfx"}, ["192.0.2.1", "192.0.2.2", "192.0.3.1"]),
    ("subnet", {"scheme": "ip", "mode": "pfx"}, ["2001:db8::1", "2001:db8::2", "gateway"]),
    (
        "x",
        {"scheme": "coarsen", "kind": "time", "step": "1h"},
        ["2026-01-02T03:04:05.678Z", "2026-01-02 03:04+0530", "1969-12-31T23:59:59Z", "now", 5],
    ),
    ("x", {"scheme": "coarsen", "kind": "number", "step": 1024}, [1500.5, -1, 1024, 2**63, "5"]),
]
"""Keyspace, rule and values."""
