"""Profiles for the access log of a real nginx: no identity in clear, and the log comes back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from support import nginx
from support.leaks import leaked, strings_in
from support.surveys import judgement, loaded, pass_through, suggested_text

from keys import Ring
from zt.survey import explain

JUDGEMENT = {
    "args": "opaque",  # what people typed
    "body_bytes_sent": "coarsen number",
    "connection": "det",
    "gzip_ratio": "opaque",
    "headers.accept_language": "opaque",
    "headers.authorization": "drop",
    "headers.cookie": "drop",
    "headers.referer": "det url gram",
    "headers.user_agent": "det user-agent gram",
    "headers.x_forwarded_for": "ip address net",
    "host": "det host gram",
    "msec": "opaque",
    "pipe": "opaque",
    "remote_addr": "ip address net",
    "remote_port": "opaque",
    "remote_user": "det user gram",
    "request": "det url gram",
    "request_id": "det",
    "request_length": "coarsen number",
    "request_method": "clear",
    "request_time": "clear number",
    "request_uri": "det url gram",
    "scheme": "clear",
    "server_name": "det host gram",
    "server_port": "clear number",
    "server_protocol": "clear",
    "session": "opaque",
    "status": "clear number",
    "status_text": "opaque",
    "time": "clear time",
    "uri": "det url gram",
}


@pytest.fixture(scope="module")
def log(
    tmp_path_factory: pytest.TempPathFactory, require: Callable[[object, str], None]
) -> list[bytes]:
    """The lines that nginx wrote of some visits."""
    require(nginx.PROGRAM, "nginx is not installed")
    folder: Path = tmp_path_factory.mktemp("nginx")
    with nginx.running(folder) as port:
        visits = nginx.visit(port)
    lines = (folder / "access.log").read_bytes().splitlines(keepends=True)
    assert len(lines) == visits
    return lines


def test_each_field_is_judged(log: list[bytes]) -> None:
    event = msgspec.json.decode(log[0])
    profile = loaded(suggested_text(log))
    assert judgement(profile, JUDGEMENT) == JUDGEMENT
    assert set(JUDGEMENT) == (set(event) - {"headers"}) | {f"headers.{n}" for n in event["headers"]}
    assert profile.time == "time"


def test_no_identity_is_in_clear_and_the_rest_comes_back(
    log: list[bytes], shared_ring: Ring
) -> None:
    passed = pass_through(shared_ring, loaded(suggested_text(log)), log)
    given = [msgspec.json.decode(line) for line in log]
    for event in given:
        del event["headers"]["cookie"], event["headers"]["authorization"]
    assert passed.events == given
    assert passed.rejected == []
    identities = [*nginx.USERS, *nginx.CLIENTS, *nginx.FORWARDED, *nginx.AGENTS, "shop.example.org"]
    plain = b"".join(log)
    assert all(text.encode() in plain for text in [*identities, "s3cret"])
    assert not leaked(identities, passed.wire)
    assert b"s3cret" not in passed.wire
    texts = {text for text in set().union(*map(strings_in, given)) if "/" in text and "?" in text}
    assert not leaked(texts, passed.wire)


def test_explain_agrees_and_is_alarmed_where_a_profile_shows_them(log: list[bytes]) -> None:
    text = suggested_text(log)
    assert explain(log, loaded(text)).alarms == 0
    careless = text
    for path in ("remote_user", "remote_addr", "args", "headers.referer", "session"):
        key = f"  {path}: {{scheme: "
        assert key in careless
        start = careless.index(key) + len(key)
        end = careless.index("}", start)
        careless = f"{careless[:start]}clear{careless[end:]}"
    levels = {field.path: field.level for field in explain(log, loaded(careless)).fields}
    shown = {path for path, level in levels.items() if level == "alarm"}
    assert shown == {"remote_user", "remote_addr", "args", "headers.referer", "session"}
