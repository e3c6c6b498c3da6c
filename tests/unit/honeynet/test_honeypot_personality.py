"""Personalities, extensions and settings of a lure: what may be chosen, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zt.honeynet.honeypot.lure.extensions import extensions
from zt.honeynet.honeypot.lure.lure import LureSettings
from zt.honeynet.honeypot.lure.personality import PERSONALITIES, PersonalityError

LEAST = 'title: a\nsoftware: b\nallow: [OPTIONS]\nrealm: r\nextensions: "100-102"\n'


def test_the_common_ones_are_there() -> None:
    assert PERSONALITIES.names() == ["3cx", "asterisk", "cisco", "freepbx", "kamailio"]


@pytest.mark.parametrize("name", PERSONALITIES.names())
def test_each_has_extensions_and_some_that_are_guessed(name: str) -> None:
    look = PERSONALITIES.load(name)
    assert 10 <= len(extensions(look.extensions)) <= 30
    assert 2 <= len(look.guessable) <= 5


def test_one_of_your_own_is_a_file(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(LEAST + 'guessable: {"101": "1234"}\n')
    assert PERSONALITIES.load(str(file)).guessable == {"101": "1234"}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('software: "b\\r\\nX: y"', "line 2"),
        ('software: "b\\n"', "line 2"),
        ('realm: "a\\"b"', "line 4"),
        ("realm: é", "line 4"),
        ("allow: [options]", "line 3"),
        ("allow: []", "line 3"),
        ('tag_prefix: "a;b"', "line 6"),
        ("algorithms: [MD4]", "line 6"),
        ("register_challenge: 403", "line 6"),
        ("unknown_user: {status: 200, reason: OK}", "line 6"),
        ("challenged: [OPTIONS]", "OPTIONS has rules of its own"),
        ('guessable: {"103": "1"}', "103 has a password, but is none of the extensions"),
        ('guessable: {"102": ""}', "the password of 102 is empty"),
        ("guessable: {102: 1234}", "line 6"),
        ("nonsense: 1", "no such option"),
    ],
)
def test_what_would_break_a_reply_or_is_no_choice_is_refused(
    tmp_path: Path, line: str, error: str
) -> None:
    lines = LEAST.splitlines()
    name = line.partition(":")[0]
    kept = [line if other.startswith(f"{name}:") else other for other in lines]
    file = tmp_path / "own.yaml"
    file.write_text("\n".join(kept if line in kept else [*kept, line]) + "\n")
    with pytest.raises(PersonalityError, match=error):
        PERSONALITIES.load(str(file))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100", {"100"}),
        ("100-102, 200", {"100", "101", "102", "200"}),
        ("008-011", {"008", "009", "010", "011"}),
        ("98-101", {"98", "99", "100", "101"}),
        ("alice,bob.b", {"alice", "bob.b"}),
    ],
)
def test_extensions_are_read_as_on_a_pbx(text: str, expected: set[str]) -> None:
    assert extensions(text) == expected


@pytest.mark.parametrize("text", ["", ",", "1,,2", "5-1", "a b", "0-10000", "1-999999999999", "*"])
def test_other_lists_of_extensions_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"extensions|begins"):
        extensions(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"extensions": "x y"},
        {"guessable": {"100": "100"}},
        {"extensions": "100", "guessable": {"101": "101"}},
        {"address": "pbx.example"},
        {"nonce_life": 0},
        {"ring": 0},
        {"call_life": 86_401},
        {"calls": 0},
        {"calls": 10, "calls_of_one": 11},
        {"busy": 60, "unanswered": 41},
        {"busy": -1},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"[a-z]"):
        LureSettings(**wrong)
