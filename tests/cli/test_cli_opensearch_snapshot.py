"""A snapshot restored as docs/opensearch.md says, on a node that has a place for snapshots."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from opensearchpy import OpenSearch
from support.commands import ok
from support.documents import bash
from support.house import DATA, build
from support.opensearch import Node, UnavailableError

pytestmark = pytest.mark.opensearch

PAGE = (Path(__file__).parents[2] / "docs" / "opensearch.md").read_text()


@pytest.fixture
def node(require: Callable[[object, str], None]) -> Iterator[Node]:
    """A node with a repository called `place`."""
    place = Path(tempfile.mkdtemp(prefix="zt-snapshots-"))
    place.chmod(0o777)  # the node's user is another one
    try:
        with Node({"path.repo": [str(place)]}) as running:
            with OpenSearch(running.url) as client:
                body = {"type": "fs", "settings": {"location": str(place)}}
                client.snapshot.create_repository(repository="place", body=body)
            yield running
    except UnavailableError as error:
        require(False, str(error))
    finally:
        shutil.rmtree(place)


def test_a_restored_store_answers_and_takes_new_months(
    node: Node, tmp_path: Path, require: Callable[[object, str], None]
) -> None:
    require(shutil.which("curl"), "the page's command needs curl")
    store = f"opensearch+{node.url}/acme"
    house = build(tmp_path, DATA / "demo.pcap", cloud=store)
    asked = (
        ("top", "sip.from", "--json"),
        ("findings", "--json"),
        ("count", "--by", "type", "--json"),
    )

    def answers() -> list[bytes]:
        return [ok("zt", *question, "-k", house.ring, "-s", store).out for question in asked]

    before = answers()
    (command,) = re.findall(r"    (curl -X PUT \"\$OPENSEARCH/_snapshot.*?\}')", PAGE, re.DOTALL)
    command = command.replace("REPOSITORY/NAME", "place/first").replace("curl", "curl -fsS")
    taken = bash(f"export OPENSEARCH={node.url}\n{command}", tmp_path, {"PATH": os.environ["PATH"]})
    assert json.loads(taken.stdout)["snapshot"]["state"] == "SUCCESS", taken.stderr
    with OpenSearch(node.url) as client:
        client.indices.delete(index="acme.*")
        client.indices.delete_index_template(name="acme.events")
        client.snapshot.restore(
            repository="place", snapshot="first", params={"wait_for_completion": "true"}
        )
    made = ok("zt-analytics", "init", "-s", store).err
    assert made == "made the index template acme.events\n"
    assert answers() == before
    again = ok("zt-analytics", "ingest", "-s", store, house.wire, "--json").out
    assert json.loads(again)["events"] == 0
    lines = (tmp_path / "events.ndjson").read_text().replace('":"2026-11-24T', '":"2026-10-24T')
    wire = ok("zt", "encrypt", "-k", house.ring, stdin=lines.encode()).out
    ok("zt-analytics", "ingest", "-s", store, stdin=wire)  # into a month that was not there
    status = json.loads(ok("zt-analytics", "status", "-s", store, "--json").out)
    assert status["events"] == 2 * len(house.events)
