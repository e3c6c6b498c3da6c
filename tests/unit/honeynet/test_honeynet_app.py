"""What holds for all routes: headers, failures, and what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.honeynet_collector import House, open_house

from analytics.wire import MICROSECONDS
from zt.honeynet.collector.book.errors import BookError
from zt.honeynet.collector.web.admission import (
    FAILURES,
    Admission,
    DeniedError,
    TooFastError,
)


def test_every_answer_tells_browsers_to_trust_nothing(house: House) -> None:
    for path in ("/healthz", "/nothing", "/api/x/banned", "/lists/ipv4.txt", "/bwnoa/v4list"):
        headers = house.http.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "strict-transport-security" not in headers
    secure = house.http.get("/healthz", scheme="https")
    assert "strict-transport-security" in secure.headers


def test_where_nothing_is_the_answer_is_json_and_no_redirect(house: House) -> None:
    for path in ("/nothing", "/api", f"/api/{house.key}", "/healthz/", "/lists/", "//healthz"):
        answer = house.http.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing here"})
    answer = house.http.request("DELETE", "/healthz")
    assert answer.status_code == 405
    assert answer.json() == {"error": "there is no such method here"}


def test_it_is_well(house: House) -> None:
    answer = house.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_it_is_not_well_where_its_book_can_not_be_read(tmp_path: Path) -> None:
    with open_house(tmp_path) as house:
        house.book.close()
        assert house.http.get("/healthz").status_code == 503
        assert len(house.said) == 1
        house.said.clear()


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        (BookError, 503, "this does not work for the moment"),
        (ValueError, 500, "internal error"),
    ],
)
def test_a_failure_tells_neither_client_nor_log_what_was_asked(
    kind: Any, status: int, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_house(tmp_path) as house:

        def fail(secret: str) -> None:
            raise kind(f"no {secret}", "mend it")

        monkeypatch.setattr(house.book, "find_key", fail)
        answer = house.http.get(f"/api/{house.key}/banned")
        assert (answer.status_code, answer.json()) == (status, {"error": text})
        (line,) = house.said
        assert line.startswith(f"an answer failed: {kind.__name__} at test_honeynet_app.py:")
        assert house.key not in line
        house.said.clear()


def test_answers_are_counted_by_their_class(house: House) -> None:
    for path in ("/healthz", "/healthz", "/nothing", "/api/x/banned"):
        house.http.get(path)
    figures = {figure.name: figure.value for figure in house.collector.figures()}
    assert figures["answers"] == {"2xx": 2, "4xx": 2}
    assert figures["wrong_secrets"] == 1


def test_wrong_keys_of_one_subnet_are_told_to_wait_and_the_right_one_never_is(house: House) -> None:
    admission = Admission(house.book, house.time)
    for number in range(FAILURES.requests):
        with pytest.raises(DeniedError):
            admission.key("wrong", f"2001:db8::{number:x}")
    with pytest.raises(TooFastError):
        admission.key("wrong", "2001:db8::ffff")
    with pytest.raises(DeniedError):
        admission.key("wrong", "2001:db8:0:1::1")
    assert admission.key(house.key, "2001:db8::1").name == "client"
    house.time.pass_by(FAILURES.span / MICROSECONDS + 1)
    with pytest.raises(DeniedError):
        admission.key("wrong", "2001:db8::1")
