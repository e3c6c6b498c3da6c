"""Where the tests' OpenSearch comes from: what is missing is said, and no half of it is used."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.opensearch import UnavailableError, distribution

FAILING = """\
#!/bin/sh
for argument; do
    case $argument in -DoutputDirectory=*) echo half > "${argument#*=}/opensearch.zip" ;; esac
done
echo "no such repository"
exit 1
"""


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither this machine's cache nor its programs."""
    monkeypatch.setenv("ZT_OPENSEARCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("OPENSEARCH_JAVA_HOME", "JAVA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(distribution, "JVMS", tmp_path / "jvm")


def a_java(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").touch()
    (folder / "release").write_text(f'IMPLEMENTOR="X"\nJAVA_VERSION="{version}"\n')
    return folder


def test_without_maven_there_is_a_reason() -> None:
    with pytest.raises(UnavailableError, match="OPENSEARCH_URL"):
        distribution.distribution()


def test_a_failed_fetch_leaves_nothing_to_be_used(tmp_path: Path) -> None:
    (tmp_path / "mvn").write_text(FAILING)
    (tmp_path / "mvn").chmod(0o755)
    for _ in range(2):
        with pytest.raises(UnavailableError, match="no such repository"):
            distribution.distribution()
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


def test_a_java_that_is_new_enough_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    a_java(tmp_path / "jvm" / "a-17", "17.0.15")
    with pytest.raises(UnavailableError, match="OPENSEARCH_JAVA_HOME"):
        distribution.java_home()
    newer = a_java(tmp_path / "jvm" / "b-25", "25")
    assert distribution.java_home() == newer
    named = a_java(tmp_path / "named", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(named))
    assert distribution.java_home() == named
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jvm" / "a-17"))
    assert distribution.java_home() == newer
