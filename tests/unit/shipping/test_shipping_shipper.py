"""Events get into the store, whatever happens on the way: once each, and never in clear."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from support.examples import identities
from support.leaks import leaked
from support.shipping import FlakyStore, until

from analytics.store import open_store
from analytics.wire import EventLine, StoreError, read_stream
from keys import (
    GrantError,
    KeysError,
    Ring,
    destroy_epoch,
    init_ring,
    make_reader_ring,
    rotate_ring,
)
from zt.encoder import Decoder
from zt.profile import Profile, load_profile
from zt.shipping import Shipper, ShippingSettings, WireOutlet
from zt.shipping.folder import ASIDE

Events = list[dict[str, Any]]


def stored(url: str, ring: Ring) -> Events:
    """The store's events, opened; every seal is checked."""
    with open_store(url) as store:
        wire = store.header_lines()
        for epoch in store.epochs():
            wire += store.epoch_events(epoch.kid)
    rejects: list[object] = []
    opened = list(Decoder(Ring.open(ring.path), on_reject=rejects.append).decrypt(wire))
    assert not rejects
    return opened


def spelled(events: Events) -> Counter[str]:
    return Counter(json.dumps(event, sort_keys=True) for event in events)


def batches(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.zt"))


def wait_for_spool(shipper: Shipper, events: int) -> None:
    until(lambda: shipper.counters().encrypted == events)


def test_events_are_in_the_store_while_it_runs(
    ship: Any, url: str, ring: Ring, events: Events
) -> None:
    shipper = ship(url)
    shipper.send(events[:20])
    until(lambda: shipper.counters().delivered == 20)
    assert spelled(stored(url, ring)) == spelled(events[:20])
    shipper.send(events[20:])
    counters = shipper.drain()
    assert spelled(stored(url, ring)) == spelled(events)
    assert (counters.events, counters.encrypted, counters.delivered) == (60, 60, 60)
    assert (counters.pending, counters.spool_batches, counters.known) == (0, 0, 0)


def test_the_store_is_left_to_others_between_deliveries(
    ship: Any, url: str, ring: Ring, events: Events
) -> None:
    """A store in a file has one owner at a time: detections must get their turn."""
    shipper = ship(url)
    seen = []
    for n in range(0, 60, 12):
        for event in events[n : n + 12]:
            shipper.send([event])
            time.sleep(0.02)
        with open_store(url, wait=3) as store:
            seen.append(sum(epoch.events for epoch in store.epochs()))
    shipper.drain()
    assert len(set(seen)) > 1
    assert spelled(stored(url, ring)) == spelled(events)


def test_equal_events_of_one_run_and_of_two_are_different_events(
    ship: Any, url: str, ring: Ring, events: Events
) -> None:
    for _ in range(2):
        shipper = ship(url)
        shipper.send([events[0], events[0]])
        shipper.drain()
    assert spelled(stored(url, ring)) == spelled([events[0]] * 4)


def test_an_outage_is_bridged_and_batches_are_resent_byte_by_byte(
    ship: Any,
    flaky: FlakyStore,
    url: str,
    ring: Ring,
    events: Events,
    said: list[str],
    folder: Path,
) -> None:
    shipper = ship()
    flaky.is_away = True
    for n in range(0, 60, 20):
        shipper.send(events[n : n + 20])
        wait_for_spool(shipper, n + 20)
    until(lambda: shipper.counters().failures >= 3)
    waiting = [path.read_bytes() for path in batches(folder)]
    assert shipper.counters().spool_events == 60
    flaky.is_away = False
    shipper.reload()
    until(lambda: shipper.counters().delivered == 60)
    assert flaky.taken == waiting
    assert set(flaky.given) == set(waiting)
    assert spelled(stored(url, ring)) == spelled(events)
    assert not batches(folder)
    assert len([line for line in said if "nobody answers" in line]) == 1
    assert "events are delivered again" in said


def test_a_restart_in_an_outage_sends_what_waited_byte_by_byte(
    ship: Any, flaky: FlakyStore, url: str, ring: Ring, events: Events, folder: Path
) -> None:
    flaky.is_away = True
    first = ship()
    first.send(events[:30])
    counters = first.drain()
    assert counters.spool_events == 30
    waiting = [path.read_bytes() for path in batches(folder)]
    second = ship()  # the store is away at its start as well
    second.send(events[30:])
    until(lambda: second.counters().encrypted == 30)
    flaky.is_away = False
    second.reload()
    until(lambda: second.counters().delivered == 60)
    assert flaky.taken[: len(waiting)] == waiting
    assert spelled(stored(url, ring)) == spelled(events)


def test_a_batch_whose_answer_was_lost_is_stored_once(
    ship: Any, flaky: FlakyStore, url: str, ring: Ring, events: Events
) -> None:
    flaky.takes_then_breaks = 2
    shipper = ship()
    shipper.send(events)
    until(lambda: shipper.counters().delivered == 60)
    assert len(flaky.taken) > len(set(flaky.taken))
    assert shipper.counters().known == 60
    assert spelled(stored(url, ring)) == spelled(events)


def test_the_end_takes_no_longer_than_it_may(
    ship: Any, flaky: FlakyStore, events: Events, folder: Path
) -> None:
    """A store that is away does not hold up the end; nothing of what came is lost."""
    flaky.is_away = True
    shipper = ship()
    shipper.send(events)
    assert shipper.drain(30).spool_events == 60
    assert batches(folder)


def test_a_full_spool_drops_the_oldest_and_says_so(
    ship: Any, flaky: FlakyStore, url: str, ring: Ring, events: Events, said: list[str]
) -> None:
    flaky.is_away = True
    shipper = ship(settings=ShippingSettings(spool_bytes=60_000))
    for n, event in enumerate(events, 1):
        shipper.send([event])
        wait_for_spool(shipper, n)
    counters = shipper.counters()
    assert counters.spool_bytes <= 60_000
    assert counters.dropped_events > 0
    assert counters.dropped_events + counters.spool_events == 60
    assert any("the oldest batches are dropped" in line for line in said)
    flaky.is_away = False
    shipper.reload()
    until(lambda: shipper.counters().spool_batches == 0)
    assert spelled(stored(url, ring)) == spelled(events[counters.dropped_events :])


def test_no_plaintext_is_in_any_file_nor_in_any_message(
    ship: Any, flaky: FlakyStore, tmp_path: Path, demo_events: Events, said: list[str], folder: Path
) -> None:
    """In an outage, with a damaged batch and a refused event, after the end and in the store."""
    flaky.is_away = True
    shipper = ship()
    names = identities(demo_events)
    shipper.send([*demo_events, {"zt": {"secret": "nobody-may-see-this"}}])
    shipper.drain()
    kept = batches(folder)
    assert kept
    with kept[0].open("ab") as file:
        file.write(b"damage")
    haystack = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    flaky.is_away = False
    again = ship()
    again.send(demo_events)
    again.drain()
    haystack += b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(names) > 100
    assert len(haystack) > 200_000
    assert not leaked(names | {"nobody-may-see-this"}, haystack + "".join(said).encode())
    assert any("1 events can't be encrypted" in line for line in said)


def test_rotated_keys_are_used_from_the_next_batch_on(
    ship: Any, url: str, ring: Ring, events: Events
) -> None:
    shipper = ship(url)
    shipper.send(events[:30])
    until(lambda: shipper.counters().delivered == 30)
    rotate_ring(ring.path)
    shipper.reload()
    shipper.send(events[30:])
    shipper.drain()
    with open_store(url) as store:
        assert [epoch.events for epoch in store.epochs()] == [30, 30]
    assert spelled(stored(url, ring)) == spelled(events)


def test_what_was_spooled_before_a_rotation_is_sent_after_it_as_it_is(
    ship: Any, flaky: FlakyStore, url: str, ring: Ring, events: Events, folder: Path
) -> None:
    flaky.is_away = True
    shipper = ship()
    shipper.send(events[:30])
    until(lambda: shipper.counters().encrypted == 30)
    waiting = [path.read_bytes() for path in batches(folder)]
    rotate_ring(ring.path)
    flaky.is_away = False
    shipper.send(events[30:])
    shipper.reload()
    until(lambda: shipper.counters().delivered == 60)
    assert flaky.taken[: len(waiting)] == waiting
    assert spelled(stored(url, ring)) == spelled(events)


def test_batches_of_a_destroyed_epoch_are_set_aside_and_the_rest_goes_on(
    ship: Any,
    flaky: FlakyStore,
    url: str,
    ring: Ring,
    events: Events,
    said: list[str],
    folder: Path,
) -> None:
    flaky.is_away = True
    first = ship()
    first.send(events[:30])
    first.drain()
    old = ring.active.kid.hex()
    rotate_ring(ring.path)
    destroy_epoch(ring.path, old)
    flaky.is_away = False
    second = ship(ring=Ring.open(ring.path))
    second.send(events[30:])
    until(lambda: second.counters().delivered == 30)
    assert second.counters().aside_events == 30
    assert any(f"is of epoch {old}, whose keys were destroyed" in line for line in said)
    assert list((folder / ASIDE).iterdir())
    assert spelled(stored(url, ring)) == spelled(events[30:])


def test_batches_of_another_ring_are_not_sent(
    ship: Any, flaky: FlakyStore, other_ring: Ring, events: Events, said: list[str]
) -> None:
    flaky.is_away = True
    first = ship(ring=other_ring)
    first.send(events[:30])
    first.drain()
    flaky.is_away = False
    second = ship()
    second.send(events[30:])
    until(lambda: second.counters().delivered == 30)
    assert second.counters().aside_events == 30
    assert any("is none of the key ring's" in line for line in said)


def test_batches_of_another_tenant_are_not_sent(
    ship: Any, flaky: FlakyStore, tmp_path: Path, events: Events, said: list[str]
) -> None:
    other = init_ring(tmp_path / "theirs.json", "emea", "file:theirs.key")
    flaky.is_away = True
    first = ship(ring=other)
    first.send(events[:30])
    first.drain()
    flaky.is_away = False
    second = ship()
    until(lambda: second.counters().aside_events == 30)
    assert any("is of another tenant than the key ring" in line for line in said)


def test_a_store_of_another_ring_is_refused_before_anything_is_sent(
    ship: Any, url: str, other_ring: Ring, events: Events, folder: Path
) -> None:
    shipper = ship(url, ring=other_ring)
    shipper.send(events)
    shipper.drain()
    with pytest.raises(KeysError, match="does not hold"):
        ship(url)
    assert not batches(folder)
    ship(url, ring=other_ring)  # and the spool is free again


def test_a_store_of_another_tenant_is_refused(
    ship: Any, url: str, tmp_path: Path, events: Events
) -> None:
    shipper = ship(url, ring=init_ring(tmp_path / "theirs.json", "emea", "file:theirs.key"))
    shipper.send(events)
    shipper.drain()
    with pytest.raises(StoreError, match="the store is of tenant 'emea'"):
        ship(url)


def test_an_old_copy_of_the_ring_is_refused_by_a_store_that_saw_a_newer_one(
    ship: Any, url: str, ring: Ring, tmp_path: Path, events: Events
) -> None:
    old = tmp_path / "old.json"
    old.write_bytes(ring.path.read_bytes())
    old.chmod(0o600)
    rotate_ring(ring.path)
    shipper = ship(url, ring=Ring.open(ring.path))
    shipper.send(events)
    shipper.drain()
    with pytest.raises(KeysError):
        ship(url, ring=Ring.open(old))


def test_a_path_that_is_no_store_is_refused(ship: Any, tmp_path: Path) -> None:
    (tmp_path / "file.db").write_bytes(b"no store at all" * 1000)
    with pytest.raises(StoreError, match="is no store"):
        ship(f"duckdb:{tmp_path}/file.db")
    with pytest.raises(StoreError, match="no kind of store"):
        ship("sqlite:x")


def test_a_store_that_somebody_else_has_open_is_waited_for(
    ship: Any, url: str, ring: Ring, events: Events, said: list[str]
) -> None:
    with open_store(url, create=True):
        shipper = ship(url)
        shipper.send(events)
        until(lambda: shipper.counters().failures)
        assert shipper.counters().spool_events == 60
    shipper.reload()
    until(lambda: shipper.counters().delivered == 60)
    assert spelled(stored(url, ring)) == spelled(events)
    assert any("already open" in line for line in said)


def test_a_reader_ring_ships_nothing(ship: Any, ring: Ring, tmp_path: Path) -> None:
    reader = tmp_path / "reader.json"
    make_reader_ring(ring, reader, "file:reader.key", ["sip.identity"])
    with pytest.raises(GrantError, match="can't encrypt"):
        ship(ring=Ring.open(reader))


def test_while_the_ring_is_gone_events_wait_in_memory_and_none_leaves_in_clear(
    ship: Any, url: str, ring: Ring, events: Events, said: list[str], folder: Path
) -> None:
    shipper = ship(url)
    away = ring.path.rename(ring.path.with_name("away"))
    shipper.send(events)
    until(lambda: any("there is no key ring" in line for line in said))
    assert not batches(folder)
    away.rename(ring.path)
    until(lambda: shipper.counters().delivered == 60)
    assert spelled(stored(url, ring)) == spelled(events)
    assert "events are encrypted again" in said


def test_an_older_ring_in_its_place_encrypts_nothing(
    ship: Any, url: str, ring: Ring, events: Events, said: list[str]
) -> None:
    old = ring.path.read_bytes()
    rotate_ring(ring.path)
    shipper = ship(url, ring=Ring.open(ring.path))
    ring.path.write_bytes(old)
    shipper.send(events)
    until(lambda: any("older one" in line for line in said))
    counters = shipper.drain()
    assert (counters.delivered, counters.lost) == (0, 60)
    assert any("60 events are lost" in line for line in said)


def test_memory_for_plaintext_is_bounded(
    ship: Any, ring: Ring, events: Events, said: list[str]
) -> None:
    shipper = ship(settings=ShippingSettings(memory_bytes=20_000))
    ring.path.rename(ring.path.with_name("away"))
    for _ in range(10):
        shipper.send(events)
    counters = shipper.counters()
    assert counters.lost > 400
    assert any("the memory for events is full" in line for line in said)
    ring.path.with_name("away").rename(ring.path)
    counters = shipper.drain()
    assert counters.delivered + counters.lost == counters.events == 600


def test_another_profile_is_used_from_the_next_batch_on(
    ship: Any, url: str, ring: Ring, events: Events
) -> None:
    shipper = ship(url)
    shipper.send(events[:30])
    until(lambda: shipper.counters().delivered == 30)
    shipper.reload(load_profile("sip-maximal"))
    shipper.send(events[30:])
    shipper.drain()
    with open_store(url) as store:
        assert len({header.profile for header in store.headers()}) == 2
    assert spelled(stored(url, ring)) == spelled(events)


def test_an_event_that_is_no_json_is_counted_and_harms_no_other(
    ship: Any, url: str, ring: Ring, events: Events
) -> None:
    shipper = ship(url)
    shipper.send([events[0], {"text": "half a character: \ud800"}, events[1]])
    counters = shipper.drain()
    assert (counters.events, counters.unfit, counters.delivered) == (3, 1, 2)
    assert spelled(stored(url, ring)) == spelled(events[:2])


def test_lines_that_the_store_refuses_are_kept_and_said(
    ship: Any, url: str, events: Events, said: list[str], folder: Path, monkeypatch: Any
) -> None:
    """A store that can't take a line says so line by line: here one that takes no long ones."""
    monkeypatch.setattr("analytics.wire.stream.MAX_LINE", 9000)
    shipper = ship(url)
    shipper.send([*events, {"type": "long", "text": "x" * 20_000}])
    until(lambda: shipper.counters().refused)
    counters = shipper.drain()
    assert (counters.refused, counters.delivered, counters.spool_batches) == (1, 60, 0)
    assert list((folder / ASIDE).iterdir())
    assert any("the store refused lines: line longer" in line for line in said)


def test_the_wire_goes_to_a_file_as_zt_encrypt_writes_it(
    ship: Any, ring: Ring, events: Events, tmp_path: Path
) -> None:
    path = tmp_path / "out.zt"
    with path.open("wb") as file:
        shipper = ship(WireOutlet(file), None)
        shipper.send(events)
        counters = shipper.drain()
    assert counters.delivered == 60
    wire = path.read_bytes()
    opened = list(Decoder(ring).decrypt(BytesIO(wire)))
    assert spelled(opened) == spelled(events)
    assert sum(isinstance(line, EventLine) for line in read_stream(BytesIO(wire))) == 60


def test_a_full_disk_below_the_wire_is_an_outage(
    ship: Any, events: Events, said: list[str], folder: Path
) -> None:
    with open("/dev/full", "wb") as file:  # noqa: PTH123
        shipper = ship(WireOutlet(file))
        shipper.send(events)
        until(lambda: shipper.counters().failures)
        shipper.drain()
    assert sum(path.read_bytes().count(b'"seal"') for path in batches(folder)) == 60
    assert any("no space left" in line for line in said)


def test_a_spool_is_for_one_store(monkeypatch: Any, tmp_path: Path) -> None:
    from zt.shipping import default_spool

    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, two = default_spool("duckdb:a"), default_spool("duckdb:b")
    assert one != two
    assert one == default_spool("duckdb:a")
    assert one.is_relative_to(tmp_path)
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path}/zt-probe{os.pathsep}{tmp_path}/more")
    assert default_spool("duckdb:a").parent == tmp_path / "zt-probe"


def test_a_shipper_ends_with_its_block(
    ring: Ring, profile: Profile, url: str, events: Events, folder: Path
) -> None:
    with Shipper(ring, profile, url, folder, name="test") as shipper:
        shipper.send(events)
    assert spelled(stored(url, ring)) == spelled(events)
