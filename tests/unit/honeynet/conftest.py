"""A collector for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.honeynet_collector import House, open_house


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A collector in this process; nothing is said, or the test fails."""
    with open_house(tmp_path) as house:
        yield house
