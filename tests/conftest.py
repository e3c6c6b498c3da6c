"""Fixtures that tests everywhere share: rings, profiles, the demo capture and its events."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest
from hypothesis import settings

from keys import Ring, init_ring
from zt.encoder import Decoder, Encoder
from zt.encoder.decrypt import DecryptReject
from zt.profile import Profile, load_profile
from zt.sip import Agent, probe_capture

REPOSITORY = Path(__file__).resolve().parents[1]
DEMO = REPOSITORY / "examples" / "data"

# No example has a deadline: a busy machine is no defect.
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")

pytest_plugins = ["support.event_schema", "support.opensearch.fixtures", "support.stores"]

Require = Callable[[object, str], None]


@pytest.fixture(scope="session")
def require() -> Require:
    """`require(condition, reason)`: skip with the reason, or fail where ZT_REQUIRE_ALL is set."""

    def check(condition: object, reason: str) -> None:
        if condition:
            return
        if os.environ.get("ZT_REQUIRE_ALL"):
            pytest.fail(f"ZT_REQUIRE_ALL is set, but {reason}")
        pytest.skip(reason)

    return check


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    """A new ring of tenant `acme`, its key file beside it; the test may alter both files."""
    return init_ring(tmp_path / "ring.json", "acme", "file:ring.key")


@pytest.fixture(scope="session")
def shared_ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """One ring for all tests that only read it."""
    return init_ring(tmp_path_factory.mktemp("ring") / "ring.json", "acme", "file:ring.key")


@pytest.fixture(scope="session")
def other_ring(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    """Another ring of the same tenant's name: other keys. For tests that only read it."""
    return init_ring(tmp_path_factory.mktemp("other") / "ring.json", "acme", "file:ring.key")


@pytest.fixture(scope="session")
def profile() -> Profile:
    """The preset for SIP events."""
    return load_profile("sip-balanced")


@pytest.fixture(scope="session")
def shared_data(require: Require) -> Path:
    """The folder of captures and vectors that are too large or not ours to ship."""
    folder = Path(os.environ.get("ZT_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    require(folder.is_dir(), "no shared test data here; ZT_SHARED_DATA names their folder")
    return folder


@pytest.fixture(scope="session")
def demo_capture(require: Require) -> Path:
    """The capture that the demo plays."""
    require((DEMO / "demo.pcap").is_file(), "the demo capture was not made yet: make lab")
    return DEMO / "demo.pcap"


@pytest.fixture(scope="session")
def demo_truth(require: Require) -> dict[str, Any]:
    """Who was who in the demo capture."""
    path = DEMO / "demo.truth.json"
    require(path.is_file(), "the demo capture's truth was not written yet: make lab")
    truth: dict[str, Any] = json.loads(path.read_bytes())
    return truth


@pytest.fixture(scope="session")
def demo_events(demo_capture: Path) -> list[dict[str, Any]]:
    """All of the probe's events of the demo capture, unthrottled. Not to be altered."""
    with demo_capture.open("rb") as source:
        agent = Agent(name="test", version="0")
        events = probe_capture(source, name="demo.pcap", agent=agent, throttle=None)
        return [dict(event) for event in events]


@pytest.fixture(scope="session")
def demo_lines(demo_events: list[dict[str, Any]]) -> list[bytes]:
    """The same events as lines of JSON, each with its end."""
    return [msgspec.json.encode(event) + b"\n" for event in demo_events]


class Decrypted(NamedTuple):
    """What came out of a wire stream, and what was rejected."""

    events: list[dict[str, Any]]
    rejects: list[DecryptReject]


@pytest.fixture(scope="session")
def encrypt(shared_ring: Ring, profile: Profile) -> Callable[..., list[bytes]]:
    """`encrypt(events, ring=, profile=, stream=)`: the wire lines of events, or of lines."""

    def run(
        events: Iterable[dict[str, Any] | bytes],
        ring: Ring = shared_ring,
        profile: Profile = profile,
        stream: str | None = "test",
    ) -> list[bytes]:
        lines = (e if isinstance(e, bytes) else msgspec.json.encode(e) + b"\n" for e in events)
        encoder = Encoder(ring, profile, stream=stream)
        wire = list(encoder.encrypt(lines))
        assert encoder.report.rejected == 0
        return wire

    return run


@pytest.fixture(scope="session")
def decrypt(shared_ring: Ring) -> Callable[..., Decrypted]:
    """`decrypt(wire, ring=)`: the events and the rejects of wire lines."""

    def run(wire: Iterable[bytes], ring: Ring = shared_ring) -> Decrypted:
        rejects: list[DecryptReject] = []
        events = list(Decoder(ring, on_reject=rejects.append).decrypt(wire))
        return Decrypted(events, rejects)

    return run


@pytest.fixture(scope="session")
def exact() -> Callable[[Any], Any]:
    """`exact(value)`: equal for two values only if they are the same JSON value.

    Python's own equality takes 1, 1.0 and True for one, and -0.0 for 0.0.
    """
    return _exact


def _exact(value: Any) -> Any:
    match value:
        case dict():
            return ("object", {key: _exact(item) for key, item in value.items()})
        case list() | tuple():
            return ("array", [_exact(item) for item in value])
        case float():
            return ("float", struct.pack(">d", value))
    return (type(value).__name__, value)
