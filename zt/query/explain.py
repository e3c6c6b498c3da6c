"""What the cloud is asked for a question, and what of that it could understand."""

from __future__ import annotations

from typing import NamedTuple

from analytics.store import Store
from analytics.wire import Filter, Metric, Query, Selection
from zt.encoder.plan import Plan
from zt.query.ast import Node
from zt.query.compile import Compiled, Compiler, Step
from zt.query.dictionary import Request, Values
from zt.query.measure import Measure
from zt.query.merge import Merger


class Explained(NamedTuple):
    """What the cloud sees of a question in one epoch and profile.

    Attributes:
        kid: of the epoch.
        profile: its name.
        steps: the leaves of the question, from left to right.
        filter: what the cloud evaluates.
        asked: every request to the store, in order.
    """

    kid: str
    profile: str
    steps: tuple[Step, ...]
    filter: Filter
    asked: list[Request | Selection]

    @property
    def exact(self) -> bool:
        """Whether the cloud selects the very events; else more, which the edge sorts out."""
        return all(step.exact for step in self.steps)


def explained(
    store: Store,
    plan: Plan,
    where: Node,
    since: int | None,
    until: int | None,
    limit: int | None,
    measure: Measure | None,
) -> Explained:
    """A question in one epoch and profile; see `Session.explain`."""
    values = Values(store)
    compiled = Compiler(plan, values).compile(where)
    events = selection(plan, compiled, since, until, limit)
    asked: list[Request | Selection] = list(values.asked)
    if measure is None:
        asked.append(events)
    else:
        measure.check(plan)
        if compiled.exactness == "exact":
            asked += measure.queries(plan, compiled.filter, Merger(measure.figures))
        else:
            asked += [number_of_events(plan, compiled.filter, measure), events]
    return Explained(plan.kid, plan.profile.name, compiled.steps, compiled.filter, asked)


def selection(
    plan: Plan, compiled: Compiled, since: int | None, until: int | None, limit: int | None
) -> Selection:
    """The request for the events of a question."""
    return Selection(
        kid=plan.kid,
        profile=plan.profile_id,
        since=since,
        until=until,
        filter=compiled.filter,
        # of a superset the events that are asked for may all lie behind the limit
        limit=limit if compiled.exactness == "exact" else None,
    )


def number_of_events(plan: Plan, where: Filter, measure: Measure) -> Query:
    """The request for how many events a filter selects."""
    return Query(
        kid=plan.kid,
        profile=plan.profile_id,
        since=measure.since,
        until=measure.until,
        filter=where,
        metrics=(Metric(kind="events"),),
    )
