"""Tables with deadlines: whatever is done to them, they are right and stay small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zt.sip.tables import NEVER, DeadlineTable

LIMIT = 8
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "pop", "move", "confirm", "expire"]),
        st.integers(0, 12),
        st.integers(1, 50),
        st.booleans(),
    ),
    max_size=200,
)


@given(STEPS)
def test_it_holds_what_a_plain_model_holds(steps: list[tuple[str, int, int, bool]]) -> None:
    table: DeadlineTable[int, int] = DeadlineTable(LIMIT)
    model: dict[int, tuple[int, bool]] = {}  # in the order in which they leave
    now = 0
    for number, (action, key, span, confirmed) in enumerate(steps):
        if action == "put":
            model.pop(key, None)
            if len(model) >= LIMIT:
                doubtful = [one for one, (_, sure) in model.items() if not sure]
                del model[(doubtful or list(model))[0]]
            model[key] = (now + span, confirmed)
            table.put(key, number, now + span, confirmed=confirmed)
        elif action == "pop":
            assert (table.pop(key) is not None) is (model.pop(key, None) is not None)
        elif action == "move" and key in model:
            model[key] = (now + span, model[key][1])
            table.move(key, now + span)
        elif action == "confirm" and key in model and not model[key][1]:
            model[key] = (model.pop(key)[0], True)
            table.confirm(key)
        elif action == "expire":
            now += span
            gone = sorted(deadline for deadline, _ in model.values() if deadline <= now)
            assert [deadline for deadline, _ in table.expire(now)] == gone
            model = {one: entry for one, entry in model.items() if entry[0] > now}
        assert len(table) == len(model)
        assert all(one in table for one in model)
        assert table.deadline() <= min((deadline for deadline, _ in model.values()), default=NEVER)
        assert len(table._alarms) <= 2 * len(table) + 64


def test_moving_deadlines_back_and_forth_takes_no_memory() -> None:
    table: DeadlineTable[int, int] = DeadlineTable(LIMIT)
    table.put(1, 1, 10_000_000, confirmed=True)
    for n in range(1_000_000, 0, -100):
        table.move(1, n)
        table.move(1, 10_000_000)
    assert len(table._alarms) <= 2 + 64
