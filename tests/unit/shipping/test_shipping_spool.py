"""The spool: batches are there whole or not at all, in order, bounded, and none goes silently."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from zt.errors import SpoolError
from zt.shipping.counters import ShippingCounters
from zt.shipping.folder import ASIDE
from zt.shipping.spool import Spool

Said = list[str]
Make = Callable[..., Spool]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def make(tmp_path: Path, said: Said) -> Make:
    """`make(folder=, limit=, memory=)`: a spool in a folder, which a test may make again."""

    def spool(
        folder: Path | None = tmp_path / "spool", limit: int = 10_000, memory: int = 10_000
    ) -> Spool:
        return Spool(folder, limit=limit, memory=memory, say=said.append)

    return spool


def files(folder: Path) -> list[Path]:
    """The spooled batches."""
    return sorted(folder.glob("*.zt"))


def contents(spool: Spool) -> list[bytes | None]:
    """What can be taken now."""
    taken = spool.take(0)
    spool.put_back(taken)
    return [spool.read(parcel) for parcel in taken]


def counted(spool: Spool) -> ShippingCounters:
    counters = ShippingCounters()
    spool.count(counters)
    return counters


def test_batches_come_back_after_a_restart_as_they_were_and_in_order(
    make: Make, tmp_path: Path
) -> None:
    spool = make()
    batches = [bytes([n]) * (n + 1) for n in range(12)]
    for batch in batches:
        spool.put(1, batch)
    assert [path.read_bytes() for path in files(tmp_path / "spool")] == batches
    spool.close()
    again = make()
    assert contents(again) == batches
    again.put(1, b"newest")
    assert contents(again) == [*batches, b"newest"]


def test_what_was_delivered_is_gone_and_what_was_not_stays(make: Make, tmp_path: Path) -> None:
    spool = make()
    for batch in (b"one", b"two", b"three"):
        spool.put(2, batch)
    taken = spool.take(0)
    spool.settle(taken[:1])
    spool.put_back(taken[1:])
    assert contents(spool) == [b"two", b"three"]
    assert [path.read_bytes() for path in files(tmp_path / "spool")] == [b"two", b"three"]
    assert counted(spool).spool_events == 4


def test_only_the_owner_can_read_it(make: Make, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        make().put(1, b"batch")
    finally:
        os.umask(old)
    (file,) = files(tmp_path / "spool")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_may_write_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o777)
    with pytest.raises(SpoolError, match="others may write there"):
        make()


def test_a_folder_that_is_none_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SpoolError, match="can't use the spool"):
        make(tmp_path / "file")


def test_two_processes_do_not_share_one(make: Make) -> None:
    spool = make()
    with pytest.raises(SpoolError, match="another process uses the spool"):
        make()
    spool.close()
    make().close()


def test_when_it_is_full_the_oldest_go_and_are_counted(
    make: Make, tmp_path: Path, said: Said
) -> None:
    spool = make(limit=1000)
    for n in range(10):
        spool.put(3, bytes([n]) * 300)
        assert sum(path.stat().st_size for path in files(tmp_path / "spool")) <= 1000
    assert contents(spool) == [bytes([n]) * 300 for n in (7, 8, 9)]
    counters = counted(spool)
    assert (counters.dropped_batches, counters.dropped_events) == (7, 21)
    assert (counters.spool_batches, counters.spool_bytes) == (3, 900)
    assert len([line for line in said if "the spool is full" in line]) == 1


def test_a_batch_that_is_being_delivered_is_not_dropped(make: Make) -> None:
    spool = make(limit=1000)
    spool.put(1, b"a" * 400)
    taken = spool.take(0)
    for name in (b"b", b"c", b"d"):
        spool.put(1, name * 400)
    assert spool.read(taken[0]) == b"a" * 400
    assert counted(spool).dropped_batches == 2
    spool.settle(taken)
    assert contents(spool) == [b"d" * 400]


def test_a_smaller_limit_holds_for_what_is_there_already(make: Make, tmp_path: Path) -> None:
    spool = make()
    for n in range(10):
        spool.put(1, bytes([n]) * 300)
    spool.close()
    again = make(limit=700)
    assert contents(again) == [bytes([n]) * 300 for n in (8, 9)]
    assert counted(again).dropped_batches == 8
    assert len(files(tmp_path / "spool")) == 2


@pytest.mark.parametrize("damage", [b"", b"batcH", b"batch and more"])
def test_a_damaged_batch_is_set_aside_and_said(
    damage: bytes, make: Make, tmp_path: Path, said: Said
) -> None:
    spool = make()
    spool.put(4, b"batch")
    spool.put(1, b"good")
    spool.close()
    (first, _) = files(tmp_path / "spool")
    first.write_bytes(damage)
    again = make()
    assert contents(again) == [None, b"good"]
    assert contents(again) == [b"good"]
    assert (first.parent / ASIDE / first.name).read_bytes() == damage
    assert counted(again).aside_events == 4
    assert any("4 events, is damaged: it is in" in line for line in said)


def test_a_batch_that_somebody_removed_is_said(make: Make, tmp_path: Path, said: Said) -> None:
    spool = make()
    spool.put(4, b"batch")
    files(tmp_path / "spool")[0].unlink()
    assert contents(spool) == [None]
    assert any("4 events, is gone: it is lost" in line for line in said)


def test_a_link_in_a_batchs_place_is_not_followed(make: Make, tmp_path: Path, said: Said) -> None:
    spool = make()
    spool.put(1, b"batch")
    spool.close()
    (file,) = files(tmp_path / "spool")
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert contents(make()) == []
    assert any("is no batch of this spool" in line for line in said)
    assert (tmp_path / "elsewhere").read_bytes() == b"batch"


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "1-1-00.zt", f"{1:016d}-01-{0:032x}.zt", f"{10**16 - 1:016d}-1-{0:032x}.zt"],
)
def test_a_foreign_file_is_moved_out_of_the_way(
    name: str, make: Make, tmp_path: Path, said: Said
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    (folder / name).write_bytes(b"what is this")
    spool = make()
    spool.put(1, b"batch")
    assert contents(spool) == [b"batch"]
    assert (folder / ASIDE / name).read_bytes() == b"what is this"
    assert any(name in line and "was moved to" in line for line in said)


def test_what_is_set_aside_is_bounded_too(make: Make, tmp_path: Path) -> None:
    spool = make(limit=4000)
    for n in range(10):
        spool.put(1, bytes([n]) * 400)
        (parcel,) = spool.take(0)
        spool.set_aside(parcel, "was not taken")
    kept = sorted((tmp_path / "spool" / ASIDE).iterdir())
    assert [path.read_bytes()[0] for path in kept] == [8, 9]


def test_what_a_crash_left_half_written_is_removed(make: Make, tmp_path: Path) -> None:
    spool = make()
    spool.put(1, b"batch")
    spool.close()
    (file,) = files(tmp_path / "spool")
    half = file.with_name(f".{file.name}.tmp")
    half.write_bytes(b"bat")
    again = make()
    assert contents(again) == [b"batch"]
    assert not half.exists()


class TestWhileTheDiskRefuses:
    """A folder that is away stands for a full disk: both refuse to write."""

    @pytest.fixture
    def spool(self, make: Make, tmp_path: Path) -> Spool:
        spool = make(memory=1000)
        spool.put(1, b"before")
        (tmp_path / "spool").rename(tmp_path / "away")
        return spool

    def test_batches_wait_in_memory_and_it_is_said_once(
        self, spool: Spool, tmp_path: Path, said: Said
    ) -> None:
        spool.put(1, b"one")
        spool.put(1, b"two")
        assert counted(spool).unsafe_batches == 2
        assert len([line for line in said if "can't write to the spool" in line]) == 1
        (tmp_path / "away").rename(tmp_path / "spool")
        assert contents(spool) == [b"before", b"one", b"two"]

    def test_they_are_written_as_soon_as_it_takes_them(
        self, spool: Spool, make: Make, tmp_path: Path, said: Said
    ) -> None:
        spool.put(1, b"one")
        (tmp_path / "away").rename(tmp_path / "spool")
        spool.put(1, b"two")
        assert counted(spool).unsafe_batches == 0
        assert any("the spool is written again" in line for line in said)
        assert spool.close() == 0
        assert contents(make()) == [b"before", b"one", b"two"]

    def test_the_end_writes_them_if_it_can(self, spool: Spool, make: Make, tmp_path: Path) -> None:
        spool.put(1, b"one")
        (tmp_path / "away").rename(tmp_path / "spool")
        assert spool.close() == 0
        assert contents(make()) == [b"before", b"one"]

    def test_the_end_says_how_many_events_are_lost_if_it_can_not(self, spool: Spool) -> None:
        spool.put(7, b"one")
        assert spool.close() == 7

    def test_memory_is_bounded_and_the_oldest_go(self, spool: Spool, tmp_path: Path) -> None:
        for n in range(10):
            spool.put(2, bytes([n]) * 300)
        (tmp_path / "away").rename(tmp_path / "spool")
        assert contents(spool) == [b"before", *(bytes([n]) * 300 for n in (7, 8, 9))]
        assert counted(spool).dropped_events == 14


def test_without_a_folder_batches_wait_in_memory_bounded(make: Make, said: Said) -> None:
    spool = make(None, memory=1000)
    for n in range(10):
        spool.put(1, bytes([n]) * 300)
    assert contents(spool) == [bytes([n]) * 300 for n in (7, 8, 9)]
    spool.settle(spool.take(0))
    assert counted(spool).spool_bytes == 0
    assert spool.close() == 0
    assert any("the memory for batches is full" in line for line in said)
