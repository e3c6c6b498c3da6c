"""Words that very many values have: the answer stays exact, and the memory bounded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from analytics.store import open_store
from keys import Ring
from zt.encoder import Encoder
from zt.profile import Profile
from zt.query import Group, Session, parse
from zt.query import compile as compiling

PROFILE = Profile.model_validate(
    {
        "name": "many",
        "fields": {"user": {"scheme": "det", "search": ["gram"]}, "n": {"scheme": "clear"}},
    }
)
MEMORY = 700  # MB, of the whole process; docs/limitations.md says so


def total(count: int) -> list[Group]:
    return [Group((), None, (count,))]


def fill(path: Path, ring: Ring, users: int) -> str:
    """A store with an event for each user, every tenth one called otherwise."""
    lines = (
        b'{"user":"%s-%06d","n":%d}\n' % (b"other" if n % 10 == 0 else b"user", n, n % 2)
        for n in range(users)
    )
    url = f"duckdb:{path}"
    with open_store(url, create=True) as store:
        store.ingest(Encoder(ring, PROFILE).encrypt(lines))
    return url


def check(url: str, ring: Ring, users: int) -> None:
    with open_store(url) as store:
        session = Session(ring, store)
        named = users - users // 10
        assert session.measure(where=parse("user:user*")) == total(named)
        assert session.measure(where=parse("NOT user:user*")) == total(users // 10)
        assert session.measure(where=parse("user:*ser-* AND NOT n:1")) == total(
            sum(1 for n in range(users) if n % 10 and n % 2 == 0)
        )
        assert session.top("n", where=parse("user:*other*"))[0].count == users // 10
        assert len(list(session.search(parse("user:user*"), limit=50))) == 50
        assert not session.refused


def test_more_than_ten_thousand_values(tmp_path: Path, shared_ring: Ring) -> None:
    check(fill(tmp_path / "cloud.duckdb", shared_ring, 12_000), shared_ring, 12_000)


@pytest.mark.parametrize("most", ["MAX_VALUES", "MAX_CANDIDATES"])
def test_more_values_than_are_named(
    tmp_path: Path, shared_ring: Ring, monkeypatch: pytest.MonkeyPatch, most: str
) -> None:
    """Then the cloud selects by tokens, and the events are measured here."""
    monkeypatch.setattr(compiling, most, 20)
    check(fill(tmp_path / "cloud.duckdb", shared_ring, 300), shared_ring, 300)


@pytest.mark.slow
def test_more_than_a_hundred_thousand_values_in_bounded_memory(
    tmp_path: Path, shared_ring: Ring
) -> None:
    users = 130_000
    url = fill(tmp_path / "cloud.duckdb", shared_ring, users)
    script = (
        "import resource; from pathlib import Path; from keys import Ring; "
        "from unit.query.test_query_many_values import check; "
        f"check({url!r}, Ring.open(Path({str(shared_ring.path)!r})), {users}); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < MEMORY
