"""The loader of known answers refuses files that would prove nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.vectors import FOLDER, load, vectors

GOOD = {"provenance": "made up here", "vectors": [{"name": "one"}]}


def write(folder: Path, content: object) -> Path:
    path = folder / "some.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    assert load(path) == GOOD
    assert vectors(path) == GOOD["vectors"]


@pytest.mark.parametrize("text", ["", " \n\t\n"])
def test_an_empty_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "empty.json"
    path.write_text(text, encoding="utf-8")
    for read in (load, vectors):
        with pytest.raises(AssertionError, match=r"empty\.json is empty"):
            read(path)


@pytest.mark.parametrize("content", [[], [{"name": "one"}], None, "text", 1])
def test_what_is_no_object_is_refused(tmp_path: Path, content: object) -> None:
    with pytest.raises(AssertionError, match="no JSON object"):
        load(write(tmp_path, content))


@pytest.mark.parametrize(
    "change",
    [{"vectors": []}, {"vectors": None}, {"vectors": {}}, {"vectors": {"a": 1}}, {"vectors": ""}],
)
def test_no_vectors_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="no vectors"):
        load(write(tmp_path, GOOD | change))


def test_missing_vectors_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no vectors"):
        load(write(tmp_path, {"provenance": "made up here"}))
    with pytest.raises(AssertionError, match="no vectors"):
        load(write(tmp_path, {"provenance": "made up here", "others": [{"name": "one"}]}))


def test_an_empty_vector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="an empty one"):
        load(write(tmp_path, GOOD | {"vectors": [{"name": "one"}, {}]}))


@pytest.mark.parametrize("provenance", [None, "", "  ", [], [""], ["RFC", " "], 5, {"a": "b"}])
def test_no_provenance_is_refused(tmp_path: Path, provenance: object) -> None:
    with pytest.raises(AssertionError, match="no provenance"):
        load(write(tmp_path, GOOD | {"provenance": provenance}))


def test_missing_provenance_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no provenance"):
        load(write(tmp_path, {"vectors": [{"name": "one"}]}))


def test_a_missing_file_is_no_pass(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.json")


def test_every_published_file_can_be_read() -> None:
    names = sorted(path.name for path in FOLDER.glob("*.json"))
    assert {"cmac.json", "ff1_nist.json", "hkdf_rfc5869.json"} <= set(names)
    assert {"aes_siv_edges.json", "aes_siv_rfc5297.json", "ipcrypt_pfx.json"} <= set(names)
    for name in names:
        assert vectors(name)
