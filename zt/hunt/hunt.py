"""The question of a hunt, and its match.

The cloud is asked for the groups of all addresses of a field: their numbers of events, and when
they were first and last seen. They are opened here, and matched with the lists here.

Security: what is asked depends on the fields and the span of time alone, not on a list, on its
length, or on what it finds; so the cloud learns nothing of any of them, also from what was hunted
before. It learns that somebody asked for all addresses. What is found are genuine values (each
proves itself or is proven by its value record); that all are there, and how often, remains the
cloud's word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from analytics.wire import Metric
from keys import GrantError
from zt.encoder.plan import Plan
from zt.errors import QueryError
from zt.hunt.listing import Listed, Listing
from zt.profile.patterns import is_pattern
from zt.query import Session
from zt.query.ast import EVERYTHING
from zt.query.compile import Compiler
from zt.query.measure import COUNT, Measure, by_cloud
from zt.query.merge import Key, Merger, Number
from zt.query.overlap import overlapping
from zt.values.address import parse_address

FIGURES = (COUNT, Metric(kind="first"), Metric(kind="last"))


@dataclass(frozen=True, slots=True)
class Hit:
    """A listed address that was seen.

    Attributes:
        address: canonical.
        first, last: when, microseconds since 1970; None if its events have no time.
        fields: the number of events by the field in which it stands; they count as often as the
            probe saw what they stand for.
        listed: what lists it, in the order of the lists.
    """

    address: str
    first: int | None
    last: int | None
    fields: Mapping[str, int]
    listed: tuple[Listed, ...]

    @property
    def count(self) -> int:
        """Events; one that has the address in two fields counts twice."""
        return sum(self.fields.values())


class Unanswered(NamedTuple):
    """A field of which nobody can say which addresses it holds; None: the profile shows none."""

    field: str | None
    kid: str
    profile: str
    reason: str


@dataclass(slots=True)
class Hunted:
    """What a hunt found.

    Attributes:
        hits: the most frequent first, then by address.
        values: how many distinct values of fields were looked at, of each epoch and profile.
        asked: the fields that were answered at least once.
        unanswered: those that were not, by epoch and profile.
    """

    hits: list[Hit] = field(default_factory=list)
    values: int = 0
    asked: list[str] = field(default_factory=list)
    unanswered: list[Unanswered] = field(default_factory=list)


def hunt(
    session: Session,
    listings: Sequence[Listing],
    fields: Sequence[str] = (),
    *,
    since: int | None = None,
    until: int | None = None,
) -> Hunted:
    """Find out which listed addresses stand in events, over all epochs and profiles.

    Args:
        session: the store and the keys; it counts the groups that it refuses.
        listings: at least one.
        fields: whose texts are matched; none: those of each profile that hold addresses.
        since, until: times of events, half-open, microseconds since 1970.

    Raises:
        QueryError: the store is empty, or more than two million addresses were found.
        StoreError: the store can't answer.
    """
    if not any(map(len, listings)):
        raise QueryError("there is no address to hunt for", "give a list that has some")
    hunted = Hunted()
    matches: dict[str, _Matches] = {}
    for plan, _ in overlapping(session.plans, session.store.epochs(), since, until):
        paths = fields or address_fields(session, plan)
        if not paths:
            reason = "the profile shows no field of addresses"
            hunted.unanswered.append(Unanswered(None, plan.kid, plan.profile.name, reason))
        for path in dict.fromkeys(paths):
            measure = Measure((path,), FIGURES, since=since, until=until)
            try:
                measure.check(plan)
            except (QueryError, GrantError) as error:
                unanswered = Unanswered(path, plan.kid, plan.profile.name, str(error))
                hunted.unanswered.append(unanswered)
                continue
            where = Compiler(plan, values=None).compile(EVERYTHING).filter
            own = matches.setdefault(path, _Matches(listings))
            by_cloud(session.store, plan, measure, where, own, session.refused)
    hunted.values = sum(own.seen for own in matches.values())
    hunted.asked = sorted(matches)
    hunted.hits = _joined(matches)
    return hunted


def address_fields(session: Session, plan: Plan) -> list[str]:
    """The fields of addresses that a profile shows and some event may have, sorted.

    Those that it lists by name, and of its patterns what the store has columns for.
    """
    rules = plan.profile.fields.items()
    paths = {
        path
        for path, rule in rules
        if rule.column_kind == "ip" and rule.is_visible and not is_pattern(path)
    }
    for header in session.store.headers():
        if (header.kid, header.profile) == (plan.kid, plan.profile_id):
            paths.update(column.path for column in header.columns if column.kind == "ip")
    return sorted(path for path in paths if not plan.at(path).is_dropped)


class _Matches(Merger):
    """The groups of listed addresses; of all others only their number is kept."""

    def __init__(self, listings: Sequence[Listing]) -> None:
        super().__init__(FIGURES)
        self.listed: dict[str, tuple[Listed, ...]] = {}
        self.seen = 0
        self._listings = listings

    def add(self, key: Key, row: Sequence[Number | None]) -> None:
        """Take in a row if its address is listed; see `Merger.add`."""
        self.seen += 1
        (text,), bucket = key
        if (address := parse_address(text)) is None:
            return
        found = tuple(hit for one in self._listings if (hit := one.listed(address)) is not None)
        if found:
            canonical = str(address)  # a clear field has other spellings too
            self.listed[canonical] = found
            super().add(((canonical,), bucket), row)


def _joined(matches: Mapping[str, _Matches]) -> list[Hit]:
    """The matches of all fields by address."""
    fields: dict[str, dict[str, int]] = {}
    moments: dict[str, list[int]] = {}
    listed: dict[str, tuple[Listed, ...]] = {}
    for path, own in sorted(matches.items()):
        listed.update(own.listed)
        for group in own.groups():
            (address,) = group.key
            count, *times = group.figures
            fields.setdefault(address, {})[path] = int(count or 0)
            moments.setdefault(address, []).extend(int(t) for t in times if t is not None)
    hits = [
        Hit(
            address,
            min(moments[address], default=None),
            max(moments[address], default=None),
            fields[address],
            listed[address],
        )
        for address in fields
    ]
    return sorted(hits, key=lambda hit: (-hit.count, hit.address))
