"""Where OpenSearch and the Java that runs it come from.

The distribution comes from Maven, through whatever repository this machine's Maven is set up for.
It is kept in a cache outside this repository; each node runs from a tree of links to it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

VERSION = "3.6.0"
ARTIFACT = f"org.opensearch.distribution.integ-test-zip:opensearch:{VERSION}:zip"
OLDEST_JAVA = 21
JVMS = Path("/usr/lib/jvm")

FETCHING = 900  # seconds; the archive has 162 MB


class UnavailableError(Exception):
    """This machine can't get or run OpenSearch; the reason is for people."""


def distribution() -> Path:
    """The folder of the unpacked distribution, fetched if it isn't there yet.

    Raises:
        UnavailableError: it can't be fetched.
    """
    cache = _cache()
    folder = cache / VERSION
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / f"{VERSION}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"{VERSION}-") as half:
                # In one step, so that a fetch that was killed never looks like a whole one.
                _unpack(_fetch(Path(half)), Path(half)).rename(folder)
    return folder


def java_home() -> Path:
    """The folder of a Java that is new enough.

    Raises:
        UnavailableError: there is none.
    """
    named = (os.environ.get(name) for name in ("OPENSEARCH_JAVA_HOME", "JAVA_HOME"))
    for folder in [*(Path(name) for name in named if name), *sorted(JVMS.glob("*"))]:
        if (_java_version(folder) or 0) >= OLDEST_JAVA:
            return folder
    raise UnavailableError(
        f"no Java {OLDEST_JAVA} or later for OpenSearch; OPENSEARCH_JAVA_HOME names its folder"
    )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """While this runs, no other process is in here with the same file."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _cache() -> Path:
    if chosen := os.environ.get("ZT_OPENSEARCH_CACHE"):
        return Path(chosen).absolute()
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home).absolute() / "zt-opensearch"


def _fetch(folder: Path) -> Path:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError("no Maven to fetch OpenSearch with; OPENSEARCH_URL names a cluster")
    options = [f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}"]
    command = [maven, "-q", "-B", "dependency:copy", *options]
    try:
        # In a folder without a pom.xml: none of another project has a say.
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=FETCHING, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"Maven did not fetch OpenSearch in {FETCHING} s") from None
    found = list(folder.glob("*.zip"))
    if done.returncode or len(found) != 1:
        said = (done.stdout + done.stderr).strip()
        raise UnavailableError(f"Maven can't fetch OpenSearch {VERSION}: {said[:500]}")
    return found[0]


def _unpack(archive: Path, folder: Path) -> Path:
    """The one folder that the archive holds."""
    with ZipFile(archive) as packed:
        packed.extractall(folder)
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    # ZipFile keeps no modes, and another user than this one may have to read it.
    for path in unpacked.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)
    return unpacked


def _java_version(folder: Path) -> int | None:
    """The major version that a Java's own `release` file states."""
    if not (folder / "bin" / "java").is_file():
        return None
    try:
        found = re.search(r'^JAVA_VERSION="(\d+)', (folder / "release").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
