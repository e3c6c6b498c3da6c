"""A message means the same however it is written; the fast ways read what the careful ones do."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st
from properties.sip_strategies import Written, messages, parties, spellings
from support.thorough import examples

from zt.sip import headers, parts
from zt.sip.headers import MAX_TEXT, address, split_list
from zt.sip.parse import Message, claims_sip, parse


@given(st.data())
@settings(max_examples=examples(150))
def test_every_spelling_of_a_message_says_the_same(data: st.DataObject) -> None:
    message: Written = data.draw(messages())
    written = data.draw(spellings(message))
    assert claims_sip(written, 9, 9)
    plain = parse(message.plain())
    assert plain.error == ""
    assert parse(written) == plain


@given(
    st.one_of(
        parties(),
        parties().flatmap(lambda value: st.permutations(value).map("".join)),
        st.text(st.sampled_from('"\\<>;:=,@ \ttagsip\x00\u00a0'), max_size=40),
    )
)
@example('"\u00a0" <tel:+490>')  # was read in two ways once
@settings(max_examples=examples(400))
def test_the_fast_way_through_from_and_to_reads_what_the_careful_one_does(value: str) -> None:
    value = value.strip()
    assert parts.party(value) == parts.careful_party(value)


_VIA_PIECES = (
    "SIP/2.0/UDP h:5060", ";branch=z9hG4bK1", ";branch=Z9hg4bk2 ", "; Branch = z9hG4bK3",
    ";branch=4", ";rport", ";x=\"", "\"", ",", ";branch=z9hG4bK", "\u00a0", " ", "x;y",
)  # fmt: skip


@given(st.lists(st.sampled_from(_VIA_PIECES), max_size=7).map("".join))
@example("SIP/2.0/UDP h;branch=z9hG4bK1 ;rport")
@settings(max_examples=examples(600))
def test_the_fast_way_through_a_via_reads_what_the_careful_one_does(value: str) -> None:
    value = value.strip()
    assert parts.via(value) == parts.careful_via(value)


_DIGEST_PIECES = (
    'username="a"', 'username=""', 'username="b\\"c"', "username*=UTF-8''%61", "username=d",
    'realm="r"', 'realm=""', 'Realm="s"', 'nonce="n"', 'nonce="m, stale=true"', "nonce=q",
    "stale=TRUE", 'stale="false"', 'uri="sip:h"', 'opaque="username=\\"e\\""', "qop=auth", '"',
)  # fmt: skip


@given(
    st.sampled_from(("Digest ", "Digest  ", "digest ", "Basic ", "")),
    st.lists(st.sampled_from(_DIGEST_PIECES), max_size=6),
    st.sampled_from((", ", ",", " ,\t", ";", "")),
)
@example("Digest ", ['username="a"', 'realm="r"', 'nonce="n"', "stale=TRUE"], ", ")
@example("Digest ", ['realm="r"', 'nonce="n"', 'username="a"'], ",")
@settings(max_examples=examples(600))
def test_the_fast_way_through_a_digest_reads_what_the_careful_one_does(
    scheme: str, pieces: list[str], separator: str
) -> None:
    value = scheme + separator.join(pieces)
    assert headers.digest(value) == headers.careful_digest(value)


@given(st.binary(max_size=400), st.integers(0, 65_535))
@settings(max_examples=examples(300))
def test_any_bytes_give_bounded_texts_that_are_unicode(data: bytes, port: int) -> None:
    claims_sip(data, port, 5060)
    message = parse(data)
    for name in Message.__struct_fields__:
        value = getattr(message, name)
        if isinstance(value, str):
            assert len(value.encode()) <= 2 * 4 * MAX_TEXT


@given(st.lists(parties(), min_size=1, max_size=6))
@settings(max_examples=examples(100))
def test_a_list_of_addresses_comes_apart_where_it_was_joined(values: list[str]) -> None:
    joined = ",".join(values)
    assert split_list(joined) == values
    assert [address(one) for one in split_list(joined)] == [address(one) for one in values]
