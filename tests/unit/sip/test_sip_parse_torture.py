"""Odd messages: the valid ones are read as they are meant, the broken ones say what is wrong."""

from __future__ import annotations

import pytest
from support.sip_packets import PHONE, SERVER, play, types
from support.sip_torture import BROKEN, VALID, Odd

from zt.sip import parse as parser
from zt.sip.parse import claims_sip, parse


@pytest.mark.parametrize("odd", VALID.values(), ids=VALID.keys())
def test_an_odd_message_is_read_as_it_is_meant(odd: Odd) -> None:
    assert claims_sip(odd.data, 9, 9)
    message = parse(odd.data)
    assert message.error == ""
    assert {name: getattr(message, name) for name in odd.fields} == odd.fields


@pytest.mark.parametrize(("data", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_message_says_what_is_wrong(data: bytes, error: str) -> None:
    assert claims_sip(data, 5060, 9)
    assert parse(data).error == error


@pytest.mark.parametrize(("data", "error"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_message_is_one_event(data: bytes, error: str) -> None:
    events = play((0, PHONE, SERVER, data), (1, PHONE, SERVER, data))
    assert types(events) == ["parse-error"]
    assert events[0]["event"]["reason"] == error


def test_the_table_of_errors_is_complete_and_true() -> None:
    table = (parser.__doc__ or "").partition("| error |")[2].partition("\n\n")[0]
    rows = [line.split("|")[1] for line in table.splitlines()[2:]]
    said = {error.strip() for row in rows for error in row.split(";")}
    assert said == {error for _, error in BROKEN.values()}
