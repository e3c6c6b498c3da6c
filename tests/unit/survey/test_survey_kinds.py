"""What values look like, one by one, and that hostile texts are read in no time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zt.survey.kinds import IDENTITIES, kind_of, mentions, names_somebody

KINDS: list[tuple[str, Any]] = [
    ("address", "192.0.2.1"),
    ("address", "2001:db8::1"),
    ("address", "::ffff:192.0.2.1"),
    ("network", "192.0.2.0/24"),
    ("mention", "192.0.2.1, 198.51.100.2"),
    ("mention", "192.0.2.1:5060"),
    ("mention", "[2001:db8::1]:5060"),
    ("uri", "sip:alice@example.org"),
    ("uri", '"Alice" <sips:alice@example.org>;tag=1'),
    ("uri", "tel:+49-30-123456"),
    ("email", "alice@example.org"),
    ("email", "alice@pbx"),
    ("mention", "mail=alice@example.org&x=1"),
    ("phone", "+4930123456"),
    ("phone", "(030) 123-4567"),
    ("digits", "493012345678"),
    ("digits", "1736000000.123"),
    ("number", "1001"),
    ("number", "-33.8688"),
    ("mac", "00:16:3e:12:34:56"),
    ("mac", "00-16-3E-12-34-56"),
    ("url", "https://example.org/x?y=1"),
    ("host", "www.example.org"),
    ("host", "pbx1.intern"),
    ("dotted", "alice.smith"),
    ("path", "/login?user=alice"),
    ("path", "C:\\Users\\alice\\x.doc"),
    ("uuid", "550e8400-e29b-41d4-a716-446655440000"),
    ("hash", "d41d8cd98f00b204e9800998ecf8427e"),
    ("token", "Bearer abc"),
    ("token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.x"),
    ("token", "dGhpcyBpcyBhIHRva2VuIQ1a2b3c4d"),
    ("mention", "user4930123456"),
    ("mention", "failed login for alice@example.org"),
    ("mention", "from 192.0.2.1 port 22"),
    ("mention", "call +49 30 1234 567 now"),
    ("mention", "seen at fe80::1 today"),
    ("mention", "looked up www.example.org twice"),
    ("text", "failed login at 12:30:45"),
    ("text", "Alice Smith"),
    ("time", "2026-01-02T03:04:05Z"),
    ("time", "2026-01-02T03:04:05.123456+0100"),
    ("word", "alert"),
    ("word", "call-start"),
    ("word", "text/html"),
    ("word", "HTTP/1.1"),
    ("word", "TLSv1.3"),
    ("word", "TLS 1.3"),
    ("placeholder", "-"),
    ("placeholder", ""),
    ("placeholder", " None "),
    ("integer", 5),
    ("float", 5.0),
    ("boolean", True),
]


@pytest.mark.parametrize(("kind", "value"), KINDS, ids=lambda value: str(value)[:24])
def test_kinds(kind: str, value: Any) -> None:
    assert kind_of(value) == kind


@given(st.text(max_size=40), st.sampled_from([v for k, v in KINDS if k in ("email", "uri", "url")]))
def test_what_names_somebody_is_seen_in_any_text(around: str, value: str) -> None:
    assert mentions(f"{around} {value} {around}")
    assert kind_of(f"x y {around} {value} {around}") in IDENTITIES


@pytest.mark.parametrize(
    ("key", "is_value"),
    [
        ("alice@example.org", True), ("192.0.2.1", True), ("2001:db8::1", True), ("1001", True),
        ("+4930123456", True), ("www.example.org", True), ("sip.from", False), ("", False),
        ("d41d8cd98f00b204e9800998ecf8427e", True), ("event.id", False), ("@timestamp", False),
        ("user_agent.original", False), ("x-forwarded-for", False),
    ],
)  # fmt: skip
def test_keys_that_are_values(key: str, is_value: bool) -> None:
    assert names_somebody(key) is is_value


@pytest.mark.parametrize(
    "part", ["a", "a.", "a-", "1.", "::", "a:", "+1 ", "@", "a@", "<", "\\", "0", "0:", "a/", "1-"]
)
def test_hostile_texts_take_no_time(part: str) -> None:
    """A second for what takes a millisecond: no machine is so busy."""
    text = (part * 8192)[:8190]
    start = time.process_time()
    for end in ("", "!", "\n", ">", ".", "@"):
        kind_of(text + end)
        mentions(text + end)
    assert time.process_time() - start < 1
