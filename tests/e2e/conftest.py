"""The house that the end-to-end tests look at."""

from __future__ import annotations

import pytest
from support.house import DATA, House, build


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """The demo capture, through to the findings. Read-only: tests copy what they alter."""
    return build(tmp_path_factory.mktemp("house"), DATA / "demo.pcap")
