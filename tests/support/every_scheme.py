"""A profile that uses every scheme, option, token kind and derived part, and values for it."""

from __future__ import annotations

from typing import Any

from zt.profile import Profile

FIELDS: dict[str, dict[str, Any]] = {
    "time": {"scheme": "clear", "kind": "time"},
    "n": {"scheme": "clear", "kind": "number"},
    "flag.set": {"scheme": "clear"},
    "note": {"scheme": "unsafe-clear"},
    "user": {"scheme": "det", "search": ["gram", "prefix", "whole", "net"]},
    "device.*": {"scheme": "det", "keyspace": "device"},
    "device.secret": {"scheme": "drop"},
    "device.x*": {"scheme": "det"},
    "sip.from": {"scheme": "uri", "keyspace": "identity", "search": ["gram", "whole"]},
    "sip.to": {"scheme": "uri", "keyspace": "identity", "search": ["gram", "whole"]},
    "sip.route": {"scheme": "uri"},
    "phone": {"scheme": "fpe", "keep": "country", "search": ["prefix", "gram"]},
    "account": {"scheme": "fpe"},
    "card": {"scheme": "fpe", "keep": 6, "search": ["whole"]},
    "client.ip": {"scheme": "ip", "keyspace": "address", "search": ["net"]},
    "server.ip": {"scheme": "ip", "keyspace": "address", "search": ["net"]},
    "peer.ip": {"scheme": "ip"},
    "trunk.ip": {"scheme": "ip", "mode": "pfx"},
    "seen": {"scheme": "coarsen", "kind": "time", "step": "1h"},
    "size": {"scheme": "coarsen", "kind": "number", "step": 100},
    "hidden": {"scheme": "opaque"},
    "gone": {"scheme": "drop"},
    "from_scheme": {"scheme": "clear"},
    "from_host": {"scheme": "det", "keyspace": "host"},
    "from_user": {"scheme": "det"},
    "net": {"scheme": "det"},
    "net6": {"scheme": "clear"},
    "country": {"scheme": "clear"},
    "national": {"scheme": "fpe"},
    "mail_domain": {"scheme": "det", "keyspace": "host"},
    "hour": {"scheme": "clear"},
}
DERIVE: dict[str, dict[str, Any]] = {
    "from_scheme": {"from": "sip.from", "part": "scheme"},
    "from_host": {"from": "sip.from", "part": "host"},
    "from_user": {"from": "sip.from", "part": "user"},
    "net": {"from": "client.ip", "part": "subnet"},
    "net6": {"from": "client.ip", "part": "subnet", "v4": 8, "v6": 32},
    "country": {"from": "phone", "part": "country", "region": "DE"},
    "national": {"from": "sip.to", "part": "national"},
    "mail_domain": {"from": "mail", "part": "domain"},
    "hour": {"from": "time", "part": "hour"},
}
PROFILE = Profile.model_validate(
    {"name": "every-scheme", "time": "time", "derive": DERIVE, "fields": FIELDS}
)

URIS = [
    "sip:alice@example.org",
    "SIP:alice@Example.ORG",
    "sip:alice@example.org:5070;transport=tcp",
    "sips:alice@example.org",
    "sip:alice:secret@example.org",
    "sip:%61lice@example.org",
    "sip:al%C3%A9%2f@example.org",
    "sip:Alice@example.org",
    "sip:example.org",
    "sip:example.org:5060;lr",
    "sip:+4930123456;phone-context=x@example.org;user=phone?Subject=hi",
    "sip:[2001:DB8:0::1]:5060",
    "sip:bob@[::ffff:192.0.2.1]",
    "sip:bob@192.0.2.1",
    "sip:bob@gw_1.example.",
    '"Alice" <sip:alice@example.org>',
    '"A \\"<x>\\" B" <sip:alice@example.org:5060>;tag=1928301774',
    "Alice <sip:alice@example.org;transport=udp>",
    "<tel:+1-201-555-0123>",
    "tel:+12015550123",
    "tel:+1(201)555.0123;ext=22",
    "tel:7042;phone-context=Example.COM",
    "sip:alice@" + "h" * 63 + "." + "i" * 63,
    "sip:a@b.zt.invalid",
    "sip:" + "u" * 3000 + "@example.org",
]
NO_URIS = [
    "",
    "sip:",
    "sip:@example.org",
    "sip:a b@example.org",
    "sip:alice@exa mple.org",
    "sip:é@example.org",
    "sip:alice@[fe80::1%25eth0]",
    "sip:alice@[::zz]",
    "sip:alice@example.org:",
    "sip:alice@example.org:99999999",
    "sip:%4@example.org",
    "tel:7042",
    "tel:",
    "urn:service:sos",
    "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    "mailto:alice@example.org",
    "alice",
    "<sip:alice@example.org",
    "sip:a@x>, <sip:b@y>",
    "AQHN-m1Wnonsense",
    "sip:alice@" + "h" * 63 + "." + "i" * 64,
    "\0",
]
NUMBERS: list[Any] = [
    "4930123456",
    "+4930123456",
    "004930123456",
    "000000",
    "1" * 200,
    "+" + "1" * 200,
    "7" * 256,
    "+12015550123",
    "+85212345678",
    4930123456,
    10**30,
]
NO_NUMBERS: list[Any] = [
    "1",
    "12345",
    "+49301",
    "+0301234567",
    "+",
    "++4930123456",
    "49 30 123456",
    "49-30-123456",
    "٤٩٣٠١٢٣٤٥٦",
    "１２３４５６７",
    "8" * 257,
    "1e9",
    -4930123456,
    1,
    10**300,
    493012345.0,
    True,
]
ADDRESSES = [
    "192.0.2.1",
    "0.0.0.0",
    "255.255.255.255",
    "::ffff:192.0.2.1",
    "::FFFF:c000:201",
    "2001:db8::1",
    "2001:DB8:0:0::0001",
    "::",
    "::1",
    "::1.2.3.4",
    "64:ff9b::192.0.2.33",
]
NO_ADDRESSES = [
    "192.0.2.01",
    "192.0.2.256",
    "192.0.2",
    "192.0.2.1:5060",
    "[2001:db8::1]",
    "[2001:db8::1]:5060",
    "fe80::1%eth0",
    "192.0.2.0/24",
    "192.0.2.1, 198.51.100.1",
    "٣.0.2.1",
    " 192.0.2.1",
    "example.org",
    "::ffff:192.0.2.256",
    ":::",
    3221225985,
]
TIMES = [
    "2026-01-02T03:04:05.678901Z",
    "2026-01-02T03:04:05+02:00",
    "2026-01-02T03:04:05.1+0530",
    "2026-01-02",
    "2026-01-02 03:00",
    "2026-01-02T03:00:00.000000Z",
    "1969-12-31T23:59:59Z",
    "0001-01-01T00:00:00Z",
]
NO_TIMES = ["now", "2026-13-01", "2026-01-02T03:04:05+2", "0001-01-01T00:00:00+01:00", 1735787045]
SIZES = [0, 1, 99, 100, 12345, -1, -100, 12345.9, -0.0, 0.5, 1e18, 2**62]
NO_SIZES = [1 - 2**63, 2**63, -(2**63), 1e300, "100", True, 10**400]
DEVICES: dict[str, Any] = {"mac": "00:00:5e:00:53:01", "x1": "a", "x2": ["b", None, 1], "yz": 1.5}

TAKEN: dict[str, list[Any]] = {
    "sip.from": URIS,
    "sip.route": URIS,
    "phone": NUMBERS,
    "account": NUMBERS,
    "card": [number for number in NUMBERS if len(str(number)) >= 13 or number == "004930123456"],
    "client.ip": ADDRESSES,
    "peer.ip": ADDRESSES,
    "trunk.ip": ADDRESSES,
    "seen": TIMES,
    "size": SIZES,
}
"""Values that the scheme of a field takes, by field."""

REFUSED: dict[str, list[Any]] = {
    "sip.from": NO_URIS,
    "sip.route": NO_URIS,
    "phone": NO_NUMBERS,
    "account": [number for number in NO_NUMBERS if number not in ("+49301", "+0301234567")],
    "client.ip": NO_ADDRESSES,
    "peer.ip": NO_ADDRESSES,
    "trunk.ip": NO_ADDRESSES,
    "seen": NO_TIMES,
    "size": NO_SIZES,
}
"""Values that it does not take."""


def events() -> list[dict[str, Any]]:
    """Events with every value of both kinds in its field, alone and in arrays, and some more."""
    found: list[dict[str, Any]] = [{}]
    for values in (TAKEN, REFUSED):
        for path, own in values.items():
            found += [{path: value} for value in own]
            found.append({path: [*own, None]})
    outer, _, inner = "client.ip".partition(".")
    found += [
        {outer: {inner: "192.0.2.7"}, "time": "2026-01-02T23:04:05Z", "n": 1, "phone": "030123456"},
        {
            "sip": {"from": URIS[10], "to": "tel:+442071234567"},
            "mail": "Bob@Example.NET",
            "n": [1, 1.0],
        },
        {"sip": {"from": ["sip:a@x", "urn:a:b", "sip:c@y"]}, "mail": ["a@b.example", "nobody"]},
        {"device": {**DEVICES, "secret": "s3cret", "deep": {"er": 1}}, "device.xyz": "c"},
        {"gone": {"a": 1}, "hidden": [{"b": 2}], "unlisted": {"c": [1, {"d": None}]}, "note": "x"},
        {"phone": None, "client.ip": {}, "size": [], "sip.from": [{"x": 1}], "seen": [[]]},
        {"user": ["Straße", "+49 30", "192.0.2.1", "", 5, True, 1.5, "x" * 8192]},
        {"user": "x" * 8193, "phone": "1" * 9000, "sip.from": "sip:" + "u" * 9000 + "@x", "n": 1},
        {"flag": {"set": [True, None, "a"]}, "flag.unset": False, "time": None, "n": {}},
    ]
    return found
