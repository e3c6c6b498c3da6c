"""docs/opensearch.md: its commands work as they stand, and its tables are what the code says."""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from support.documents import BLOCK, bash
from support.opensearch.removing import remove

from analytics.store.opensearch import address, indices

PAGE = (Path(__file__).parents[2] / "docs" / "opensearch.md").read_text()
FIRST = "export OPENSEARCH=http://127.0.0.1:9200 PREFIX=acme\n"


@pytest.mark.opensearch
def test_the_pages_commands_work_as_they_stand(
    opensearch_url: str, desk: tuple[Path, dict[str, str]], require: Callable[[object, str], None]
) -> None:
    require(shutil.which("curl"), "the page's commands need curl")
    script, prefix = "".join(BLOCK.findall(PAGE)), f"page{secrets.token_hex(6)}"
    assert script.startswith(FIRST)
    script = script.replace(FIRST, f"export OPENSEARCH={opensearch_url} PREFIX={prefix}\n")
    try:
        done = bash(script, *desk)
        assert done.returncode == 0, done.stderr
        with OpenSearch(opensearch_url) as client:
            month = f"{prefix}.events-2030.01"
            found = client.indices.get(index=month)[month]
    finally:
        remove(opensearch_url, prefix)
    assert found["settings"]["index"]["number_of_shards"] == "3"
    assert list(found["aliases"]) == [f"{prefix}.events"]  # the template gave all else
    assert found["mappings"]["dynamic"] == "strict"


def test_every_index_and_variable_is_named() -> None:
    for name in indices.Indices("acme").all.split(","):
        assert f"`{name}`" in PAGE, name
    for name in re.findall(r"ZT_OPENSEARCH_\w+", address.__doc__ or ""):
        assert f"`{name}`" in PAGE, name
    (snapshot,) = re.findall(r'"indices": "([^"]*)"', PAGE)
    own = indices.Indices("acme").all.split(",")
    assert {name.removesuffix("*") for name in snapshot.split(",")} == set(own)
