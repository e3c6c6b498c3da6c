"""The parser agrees with sipmessage, an independent one, on all that both accept.

sipmessage is strict: it takes CRLF and UTF-8 only, no folded lines, and few URI schemes. Where it
refuses a message there is nothing to compare. Where both read one and still differ:

| | sipmessage | here | why |
|---|---|---|---|
| passwords in URIs | kept | left out | they must not get into events |
| escapes in URIs and parameters | decoded | as they stand | events show what was sent |
| a parameter that stands twice | the last | the first | as with headers |
| names of parameters | compared by case | without | RFC 3261 section 7.3.1 |
| semicolons and commas inside quotes | separate, in parameters | do not | section 25.1 |
| a second quoted string in a header | part of the first, or refused | one of its own | the same |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

import pytest
import sipmessage
from hypothesis import assume, given, settings
from properties.sip_strategies import Written, messages
from support.sip_mutations import seeds
from support.sip_torture import VALID
from support.thorough import examples

from zt.sip.headers import address, split_list
from zt.sip.parse import claims_sip, parse

Other = sipmessage.Request | sipmessage.Response


def _other(data: bytes) -> Other | None:
    """What sipmessage reads, or None where it refuses."""
    try:
        message = sipmessage.Message.parse(data)
        _ = message.from_address, message.to_address, message.call_id, message.cseq, message.via
        _ = message.contact
    except (ValueError, KeyError, TypeError):
        return None
    return message


def _uri(text: str) -> sipmessage.URI:
    return sipmessage.URI.parse(text)


def _compare(data: bytes, other: Other) -> None:
    """Asserts that both read the same, but for passwords and escapes."""
    message = parse(data)
    assert message.error == ""
    assert _uri(message.from_uri) == replace(other.from_address.uri, password=None)
    assert _uri(message.to_uri) == replace(other.to_address.uri, password=None)
    assert unquote(message.from_tag) == (other.from_address.parameters.get("tag") or "")
    assert unquote(message.to_tag) == (other.to_address.parameters.get("tag") or "")
    assert message.call_id == other.call_id
    assert (message.cseq, message.method) == (other.cseq.sequence, other.cseq.method)
    branches = [unquote(message.branch or message.via.rpartition(";")[2])]
    assert branches == [hop.parameters.get("branch") or "" for hop in other.via[:1]]
    contacts = [address(one).uri for value in message.contacts for one in split_list(value)]
    theirs = [replace(one.uri, password=None) for one in other.contact]
    assert [_uri(contact) for contact in contacts] == theirs
    if isinstance(other, sipmessage.Request):
        assert (message.status, message.method) == (0, other.method)
        assert _uri(message.uri) == replace(other.uri, password=None)
    else:
        assert (message.status, message.reason) == (other.code, " ".join(other.phrase.split()))


@given(messages())
@settings(max_examples=examples(200))
def test_both_read_a_message_of_the_grammar_alike(message: Written) -> None:
    assume(all(value.count('"') <= 2 for _, value in message.headers))
    data = message.plain()
    other = _other(data)
    assert other is not None
    _compare(data, other)


def _accepted(found: list[bytes]) -> Iterator[tuple[bytes, Other]]:
    for data in found:
        other = _other(data) if claims_sip(data, 5060, 5060) else None
        if other is not None and not parse(data).error:
            yield data, other


# Odd messages that both accept, and on which they differ as the table above says.
_DIFFER = {
    "a parameter that only looks like a tag",
    "no brackets, so that all parameters are the header's",
}


@pytest.mark.parametrize("name", VALID)
def test_both_read_an_odd_message_alike_or_differ_for_a_reason(name: str) -> None:
    data = VALID[name].data
    other = _other(data)
    if other is None:
        return
    if name in _DIFFER:
        with pytest.raises(AssertionError):
            _compare(data, other)
    else:
        _compare(data, other)


def test_both_read_real_messages_alike(shared_data: Path) -> None:
    found = seeds(shared_data / "sip")[len(seeds()) :]
    compared = 0
    for data, other in _accepted(found):
        _compare(data, other)
        compared += 1
    assert compared > 50
