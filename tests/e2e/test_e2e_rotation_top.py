"""`zt top` is exact where each epoch has another top N, whatever the field's scheme."""

from __future__ import annotations

import json
import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from support.history import History, make_history
from support.in_process import call, fine

from zt.profile import Profile

TOP_FIELDS: dict[str, dict[str, Any]] = {
    "time": {"scheme": "clear", "kind": "time"},
    "user": {"scheme": "det"},
    "uri": {"scheme": "uri"},
    "phone": {"scheme": "fpe", "keep": "country"},
    "ip": {"scheme": "ip"},
    "kind": {"scheme": "clear"},
}
TOP_PROFILE = Profile.model_validate({"name": "top", "time": "time", "fields": TOP_FIELDS})


def of_caller(number: int) -> dict[str, Any]:
    return {
        "user": f"user-{number}",
        "uri": f"sip:{number}@example.org",
        "phone": f"+4930{number:06}",
        "ip": f"198.51.100.{number}",
        "kind": f"kind-{number}",
    }


@pytest.fixture(scope="module")
def three_epochs(tmp_path_factory: pytest.TempPathFactory) -> tuple[History, list[list[int]]]:
    """Three loud callers an epoch, others in each; two who are never loud, but always there.

    Gives the history and the callers of each epoch's events.
    """
    shares = []
    for epoch in range(3):
        loud = [10 * epoch + n for n in range(3) for _ in range(20 + n)]
        steady = [100] * 15 + [101] * (10 + epoch)
        others = [200 + epoch, 210] * 4
        share = [*loud, *steady, *others]
        random.Random(epoch).shuffle(share)
        shares.append(share)
    events = [[of_caller(caller) for caller in share] for share in shares]
    folder = tmp_path_factory.mktemp("top") / "house"
    return make_history(folder, events, TOP_PROFILE), shares


def exact_top(shares: list[list[int]], path: str, number: int) -> list[dict[str, Any]]:
    """The plain reference: values of all epochs by count, then by text."""
    counts = Counter(str(of_caller(caller)[path]) for share in shares for caller in share)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"value": value, "count": count} for value, count in ranked[:number]]


@pytest.mark.parametrize("path", ["user", "uri", "phone", "ip", "kind"])
@pytest.mark.parametrize("number", [1, 2, 3, 5, 100])
def test_top_n_is_exact_over_epochs_that_differ(
    three_epochs: tuple[History, list[list[int]]], path: str, number: int
) -> None:
    history, shares = three_epochs
    asked = ("-k", history.path, "-s", history.store, "-n", str(number), "--json")
    answer = json.loads(fine("zt", "top", path, *asked).out)
    assert answer == exact_top(shares, path, number)


def test_top_n_holds_who_is_in_no_single_epochs_top_n(
    three_epochs: tuple[History, list[list[int]]],
) -> None:
    """The data really are of the kind that merging each epoch's first three would get wrong."""
    history, shares = three_epochs
    leaders = [{row["value"] for row in exact_top([share], "user", 3)} for share in shares]
    for one, two in pairwise(leaders):
        assert not one & two, "each epoch has other leaders"
    asked = ("-k", history.path, "-s", history.store, "-n", "2", "--json")
    answer = json.loads(fine("zt", "top", "user", *asked).out)
    assert answer == [{"value": "user-100", "count": 45}, {"value": "user-101", "count": 33}]
    assert not {row["value"] for row in answer} & set().union(*leaders)
    refused = call("zt", "top", "nothing", *asked)
    assert (refused.code, refused.out) == (1, b"")
