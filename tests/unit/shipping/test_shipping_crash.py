"""A shipper that is killed at any moment loses nothing that it spooled, and doubles nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from support.killing import moments, run_until

from analytics.store import open_store
from keys import Ring
from zt.encoder import Decoder
from zt.profile import Profile
from zt.shipping import Shipper

RUN = """
import random, sys, time
from pathlib import Path
from keys import Ring
from support.shipping import FlakyStore
from zt.profile import load_profile
from zt.shipping import Shipper, ShippingSettings

ring, url, spool, log, run = sys.argv[1:]
store = FlakyStore(url)
shipper = Shipper(Ring.open(Path(ring)), load_profile("sip-balanced"), store, Path(spool),
                  name="crash", settings=ShippingSettings(batch_seconds=0.005))
shipper.start()
chance = random.Random(run)
with open(log, "a", buffering=1) as spooled:
    print("ready", flush=True)
    for n in range(60):
        store.is_away = chance.random() < 0.5
        shipper.send([{"type": "call-start", "run": run, "n": n}])
        while shipper.counters().encrypted <= n:
            time.sleep(0.001)
        spooled.write(f'{{"run": "{run}", "n": {n}}}\\n')
store.is_away = False
shipper.drain(60)
"""


@pytest.mark.slow
def test_a_shipper_killed_at_any_moment_loses_and_doubles_nothing(
    tmp_path: Path, ring: Ring, profile: Profile
) -> None:
    url, spool, log = f"duckdb:{tmp_path}/store.db", tmp_path / "spool", tmp_path / "log"
    arguments = [str(ring.path), url, str(spool), str(log)]
    longest, ended = run_until(RUN, [*arguments, "whole"], None)
    assert ended
    killed = 0
    for number, moment in enumerate(moments(longest, 7)):
        killed += not run_until(RUN, [*arguments, f"run {number}"], moment)[1]
    assert killed > 20
    shipper = Shipper(ring, profile, url, spool, name="last")
    shipper.start()
    counters = shipper.drain(120)
    assert (counters.spool_batches, counters.aside_batches, counters.refused) == (0, 0, 0)
    with open_store(url) as store:
        wire = store.header_lines()
        for epoch in store.epochs():
            wire += store.epoch_events(epoch.kid)
    found = Counter((event["run"], event["n"]) for event in Decoder(ring).decrypt(wire))
    spooled = {(line["run"], line["n"]) for line in map(json.loads, log.read_text().splitlines())}
    assert len(spooled) > 60
    assert not spooled - set(found), "what was spooled is lost"
    assert set(found.values()) == {1}, "what was sent twice is there twice"
