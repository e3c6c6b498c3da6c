"""Known answers, read so that a file with none of them is a failure and not a pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "vectors"


def load(path: str | Path) -> dict[str, Any]:
    """A file of known answers: its `provenance`, its `vectors`, and what else it holds.

    Args:
        path: below tests/vectors, or absolute.

    Raises:
        AssertionError: it says not where it is from, or holds no vectors, so that a test over it
            would prove nothing.
    """
    text = (FOLDER / path).read_text(encoding="utf-8")
    if not text.strip():
        raise AssertionError(f"{path} is empty")
    content = json.loads(text)
    if not isinstance(content, dict):
        raise AssertionError(f"{path} is no JSON object")
    if not _says_something(content.get("provenance")):
        raise AssertionError(f"{path} has no provenance")
    vectors = content.get("vectors")
    if not isinstance(vectors, list) or not vectors or not all(vectors):
        raise AssertionError(f"{path} has no vectors, or an empty one")
    return content


def vectors(path: str | Path) -> list[dict[str, Any]]:
    """The vectors of a file alone.

    Raises:
        AssertionError: as `load`.
    """
    found: list[dict[str, Any]] = load(path)["vectors"]
    return found


def _says_something(provenance: object) -> bool:
    """A text, or texts, none of them blank."""
    texts = [provenance] if isinstance(provenance, str) else provenance
    if not isinstance(texts, list) or not texts:
        return False
    return all(isinstance(text, str) and text.strip() for text in texts)
