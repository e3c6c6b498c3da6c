"""Profiles in YAML: what is wrong is named with its file and line, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from zt.configuration import MAX_SIZE, parse_yaml
from zt.errors import ProfileError
from zt.profile import Profile, load_profile


def parse(text: str | bytes) -> Profile:
    data = text.encode() if isinstance(text, str) else text
    return parse_yaml(data, "my.yaml", Profile, ProfileError)


def refused(text: str | bytes) -> str:
    with pytest.raises(ProfileError) as caught:
        parse(text)
    assert caught.value.hint
    return str(caught.value)


GOOD = """\
# a comment
name: mine
description: what it is for
time: at
fields:
  at: {scheme: clear, kind: time}
  a.b:
    scheme: det
    keyspace: people
    search: [gram]
  c: {scheme: drop}
"""


def test_a_profile_is_read() -> None:
    profile = parse(GOOD)
    assert profile.name == "mine"
    assert profile.time == "at"
    assert profile.fields["a.b"].keyspace == "people"
    assert profile.fields["a.b"].search == ("gram",)
    assert profile.fields["c"].scheme == "drop"


LINES = {
    "unknown option": (GOOD.replace("time: at", "tiem: at"), 4, "tiem: no such option"),
    "unknown option of a field": (
        GOOD.replace("keyspace: people", "keyspce: people"),
        9,
        "fields.a.b.keyspce: no such option",
    ),
    "unknown scheme": (GOOD.replace("scheme: drop", "scheme: dorp"), 11, "fields.c.scheme: "),
    "unknown search": (GOOD.replace("[gram]", "[gram, gramm]"), 10, "fields.a.b.search.1: "),
    "search twice": (GOOD.replace("[gram]", "[gram, gram]"), 7, "stands twice"),
    "unknown kind": (GOOD.replace("kind: time", "kind: tiem"), 6, "fields.at.kind: "),
    "no name": (GOOD.replace("name: mine\n", ""), 2, "name: Field required"),
    "bad name": (GOOD.replace("mine", "My profile"), 2, "name: "),
    "number for a name": (GOOD.replace("mine", "5"), 2, "name: "),
    "no fields": ("name: mine\nfields: {}\n", 2, "fields: "),
    "fields no mapping": ("name: mine\nfields: 3\n", 2, "fields: "),
    "field no mapping": ("name: mine\nfields:\n  a: det\n", 3, "fields.a: "),
    "no scheme": ("name: mine\nfields:\n  a: {}\n", 3, "fields.a.scheme: Field required"),
    "empty path": ('name: mine\nfields:\n  "": {scheme: det}\n', 3, "at least 1 character"),
    "long path": (f"name: mine\nfields:\n  {'a' * 257}: {{scheme: det}}\n", 3, "at most 256"),
    "key twice": (GOOD + "  a.b: {scheme: clear}\n", 12, "a.b stands here twice"),
    "option twice": (GOOD + "name: other\n", 12, "name stands here twice"),
    "option of a field twice": (
        GOOD.replace("    keyspace: people", "    keyspace: people\n    keyspace: peoples"),
        10,
        "keyspace stands here twice",
    ),
    "searches that differ": (
        GOOD + "  d: {scheme: det, keyspace: people}\n",
        12,
        "the fields of keyspace people differ in their search",
    ),
    "searches that differ by default keyspace": (
        GOOD.replace("keyspace: people", "keyspace: d") + "  d: {scheme: det}\n",
        12,
        "the fields of keyspace d differ in their search",
    ),
    "reserved keyspace": (GOOD.replace("people", "zt:event"), 7, "starting with zt: are reserved"),
    "empty keyspace": (GOOD.replace("people", '""'), 9, "fields.a.b.keyspace: "),
    "zt": (GOOD + "  zt: {scheme: clear}\n", 12, "names that start with zt are reserved"),
    "below zt": (GOOD + "  zt.id: {scheme: clear}\n", 12, "names that start with zt are reserved"),
    "time not there": (
        GOOD.replace("time: at", "time: when"),
        4,
        "and of kind time",
    ),
    "time not clear": (
        GOOD.replace("time: at", "time: a.b"),
        4,
        "and of kind time",
    ),
    "time of no time": (
        GOOD.replace("clear, kind: time", "clear, kind: number"),
        4,
        "and of kind time",
    ),
    "clear with a keyspace": (
        GOOD + "  d: {scheme: clear, keyspace: people}\n",
        12,
        "scheme clear takes no keyspace",
    ),
    "opaque with a search": (
        GOOD + "  d: {scheme: opaque, search: [gram]}\n",
        12,
        "scheme opaque takes no search",
    ),
    "det with a kind": (GOOD + "  d: {scheme: det, kind: number}\n", 12, "det takes no kind"),
    "a list as key": (GOOD + "  ? [a, b]\n  : {scheme: det}\n", 12, "a key must be plain text"),
    "no YAML": (GOOD + "  d: {scheme: det\n", 13, "expected ',' or '}'"),
    "a tab": (GOOD + "\td: {scheme: det}\n", 12, "found character '\\t'"),
    "two documents": (GOOD + "---\nname: x\n", 12, "found another document"),
    "an object": ("name: !!python/object/apply:os.getcwd []\n", 1, "no value of its type|Input"),
    "an object of text": ("name: !!python/name:os.getcwd x\n", 1, "could not determine"),
    "an unknown tag": ("name: !secret x\n", 1, "could not determine a constructor"),
    "a merge": (
        "x: &x {scheme: det}\nname: a\nfields:\n  a:\n    <<: *x\n",
        5,
        "fields.a.<<: no such option",
    ),
    "an impossible date": ("name: 2020-13-45\n", 1, "no value of its type"),
    "an impossible time": ("name: 2020-01-01 25:00:00\n", 1, "no value of its type"),
    "an endless number": (f"name: {'9' * 5000}\n", 1, "no value of its type"),
    "no number": ("a: 1\nname: !!int x\n", 2, "no value of its type"),
    "no boolean": ("name: !!bool x\n", 1, "no value of its type"),
    "no timestamp": ("name: !!timestamp x\n", 1, "no value of its type"),
    "a date": ("name: 2020-01-01\nfields: {a: {scheme: det}}\n", 1, "name: "),
    "nothing": ("", 1, "the file is empty"),
    "only a comment": ("# x\n", 1, "the file is empty"),
    "anchors that explode": (
        "a0: &a0 [x]\n"
        + "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)),
        1,
        "too deep or too large",
    ),
    "an anchor within itself": ("a: &a [*a]\n", 1, "too deep or too large"),
}


@pytest.mark.parametrize("name", LINES)
def test_errors_name_file_and_line(name: str) -> None:
    text, line, reason = LINES[name]
    told = refused(text)
    assert told.startswith(f"my.yaml, line {line}: "), told
    assert any(part in told for part in reason.split("|")), told


@pytest.mark.parametrize(
    "text",
    [
        "- a\n",
        "just text\n",
        "~\n",
        "17\n",
        b"name: \xff\n",
        b"name: \0\n",
        "[" * 5000,
        "{a: " * 900 + "1" + "}" * 900,
        "&a " * 100,
        "name: *nowhere\n",
        "%YAML 9.9\n---\nname: x\n",
        "? ? ? ? ?",
        "a: b: c\n",
        "\N{BYTE ORDER MARK}",
    ],
)
def test_other_files_are_refused(text: str | bytes) -> None:
    assert refused(text).startswith("my.yaml")


def test_large_files_are_refused_before_they_are_parsed() -> None:
    assert "longer than" in refused(b"[" * (MAX_SIZE + 1))


def test_no_error_repeats_yaml_values() -> None:
    """A profile may name what is secret; keys are shown, since they must be found, values not."""
    for text in (
        GOOD.replace("people", "zt:S3CRET"),
        GOOD.replace("scheme: drop", "scheme: S3CRET"),
        GOOD.replace("mine", "S3CRET NAME"),
    ):
        assert "S3CRET" not in refused(text)


def test_profiles_come_from_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert load_profile(str(path)) == parse(GOOD)
    path.write_text(GOOD.replace("drop", "dorp"))
    with pytest.raises(ProfileError, match=r"mine\.yaml, line 11: fields\.c\.scheme"):
        load_profile(str(path))


def test_a_missing_profile_names_the_presets(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="there is no profile") as caught:
        load_profile(str(tmp_path / "none.yaml"))
    assert "sip-balanced" in caught.value.hint
    with pytest.raises(ProfileError, match="can't read"):
        load_profile(str(tmp_path))
