"""A spool's folder, a store that can be away, and shippers between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.shipping import FlakyStore

from keys import Ring
from zt.profile import Profile
from zt.shipping import Shipper, ShippingSettings
from zt.shipping.outlets import Outlet

MakeShipper = Callable[..., Shipper]


@pytest.fixture
def said() -> list[str]:
    """What a person was told."""
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The spool's folder."""
    return tmp_path / "spool"


@pytest.fixture
def url(tmp_path: Path) -> str:
    """The URL of a store that is not there yet."""
    return f"duckdb:{tmp_path / 'store.db'}"


@pytest.fixture
def flaky(url: str) -> FlakyStore:
    """That store, which can be away."""
    return FlakyStore(url)


@pytest.fixture
def ship(
    ring: Ring, profile: Profile, flaky: FlakyStore, folder: Path, said: list[str]
) -> Iterator[MakeShipper]:
    """`ship(outlet=, spool=, settings=, ring=, profile=)`: a shipper that was started."""
    started: list[Shipper] = []
    own_ring, own_profile, own_folder = ring, profile, folder

    def make(
        outlet: Outlet | str = flaky,
        spool: Path | None = own_folder,
        settings: ShippingSettings | None = None,
        ring: Ring = own_ring,
        profile: Profile = own_profile,
    ) -> Shipper:
        shipper = Shipper(
            ring, profile, outlet, spool, name="test", settings=settings, say=said.append
        )
        shipper.start()
        started.append(shipper)
        return shipper

    yield make
    for shipper in started:
        shipper.drain(10)


@pytest.fixture
def events(demo_events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Some events of the demo."""
    return demo_events[:60]
