"""A profile compiled for one epoch: what to do with each path, and the keys to do it with."""

from __future__ import annotations

from functools import cached_property
from itertools import islice
from typing import NamedTuple

from keys import EpochKeys, labels, not_granted
from zt.crypto.siv import KEY_SIZE, Sealer
from zt.encoder.fields import FieldMaker, FieldPlan
from zt.encoder.seal import EventSeal, HeaderTag
from zt.errors import ProfileError
from zt.profile import FieldRule, Profile
from zt.profile.patterns import is_pattern
from zt.schemes.drop import prefixes
from zt.schemes.opaque import OpaqueBlob

MAX_FIELD_PATH = 256  # code points, as in a profile; longer paths that fit a pattern are opaque
_REMEMBERED = 4096  # paths; keys are the sender's to choose and must not fill the memory


class Place(NamedTuple):
    """What a profile says of one path, whatever stands there.

    Attributes:
        is_branch: whether a listed field may lie below; else an object there is opaque whole.
        is_dropped: whether it leaves the event, with all that is below.
    """

    is_branch: bool
    is_dropped: bool


class Plan:
    """A profile with the keys of one epoch.

    With the keys of a reader ring, what needs a key that was not granted raises `GrantError`:
    `field`, and the three attributes for events and headers.

    Attributes:
        visible: the fields that the profile lists by name, that stay in the event, and that the
            keys open, by path.
    """

    def __init__(
        self,
        profile: Profile,
        keys: EpochKeys,
        profile_id: str,
        *,
        max_pattern_fields: int | None = None,
    ) -> None:
        """
        Args:
            profile: what to do with each field.
            keys: of the epoch.
            profile_id: the profile's keyed name.
            max_pattern_fields: fields that patterns may show; further ones are opaque. None: no
                limit, for reading what was encrypted under one.
        """
        self.profile = profile
        self.profile_id = profile_id
        self.kid = keys.kid.hex()
        self.keys = keys
        self._maker = FieldMaker(keys)
        self._patterns = profile.patterns()
        self._branches = {p for path in profile.fields for p in list(prefixes(path))[:-1]}
        self._depth = max(path.count(".") for path in profile.fields) + 1
        self._places: dict[str, Place] = {}
        self._fields: dict[str, FieldPlan | None] = {}
        self._by_pattern: dict[str, FieldPlan] = {}
        self._max_pattern_fields = max_pattern_fields
        self.visible = {
            path: field
            for path in profile.fields
            if not is_pattern(path) and self.opens(path) and (field := self.field(path)) is not None
        }

    @cached_property
    def blob(self) -> OpaqueBlob:
        """Seals and opens what events hide."""
        return OpaqueBlob(self.keys.keyspace(labels.EVENT_KEYSPACE))

    @cached_property
    def seal(self) -> EventSeal:
        """The seal of events."""
        return EventSeal(self.keys)

    @cached_property
    def header_tag(self) -> HeaderTag:
        """The tag of batch headers."""
        return HeaderTag(self.keys)

    def opens(self, path: str) -> bool:
        """Whether no key is lacking to open a field, or the fields of a pattern."""
        rule = self._rule(path)
        return rule is None or not rule.is_keyed or self.keys.grants(rule.keyspace or path)

    def field(self, path: str) -> FieldPlan | None:
        """What to do with a visible field; None if the cloud does not see this path.

        Raises:
            GrantError: the keys are those of a reader ring that does not open it.
        """
        try:
            return self._fields[path]
        except KeyError:
            field = None if self.at(path).is_dropped else self._visible(path)
        if len(self._fields) < _REMEMBERED and len(path) <= MAX_FIELD_PATH:
            self._fields[path] = field
        return field

    def require(self, path: str) -> None:
        """Stop here if a reader ring might leave a value of this path out of an event.

        Raises:
            GrantError: it might.
        """
        field = self.field(path)
        if field is None:
            if not (self.opens_hidden or self.at(path).is_dropped):
                raise not_granted(labels.EVENT_KEYSPACE)
        elif not field.is_whole:
            raise not_granted(field.keyspace or path)

    def at(self, path: str) -> Place:
        """What the profile says of a path."""
        if (place := self._places.get(path)) is None:
            # a rule fits paths of as many segments as it has, so longer ones need no look
            above = islice(prefixes(path), self._depth)
            is_dropped = any(self._is_dropped(prefix) for prefix in above)
            is_branch = path in self._branches or self._patterns.leads_to(path)
            place = Place(is_branch, is_dropped)
            if len(self._places) < _REMEMBERED and len(path) <= MAX_FIELD_PATH:
                self._places[path] = place
        return place

    def shows(self, path: str) -> bool:
        """Whether some rule shows values at a path; patterns show no more than so many."""
        rule = self._rule(path)
        return rule is not None and rule.is_visible

    def shown(self) -> list[str]:
        """The paths and patterns of the fields that the cloud sees, sorted."""
        return sorted(path for path, rule in self.profile.fields.items() if rule.is_visible)

    def withheld(self) -> list[str]:
        """What of them a reader ring leaves out of events, for people to read."""
        left_out = []
        for path in self.shown():
            rule = self.profile.fields[path]
            if rule.has_keys and not self.keys.grants(rule.keyspace or path):
                left_out.append(path if rule.is_keyed else f"{path} where it is no {rule.kind}")
        return left_out

    def askable(self) -> list[str]:
        """Those of them that a reader ring can be asked for."""
        return [path for path in self.shown() if self.opens(path)]

    @property
    def opens_hidden(self) -> bool:
        """Whether the keys open what events hide."""
        return self.keys.grants(labels.EVENT_KEYSPACE)

    def _visible(self, path: str) -> FieldPlan | None:
        rule = self._rule(path)
        if rule is None or not rule.is_visible:
            return None
        if path in self.profile.fields:
            return self._maker.make(path, rule)
        if (field := self._by_pattern.get(path)) is None:
            limit = self._max_pattern_fields
            if limit is not None and len(self._by_pattern) >= limit:
                return None
            # the sender chose the key: it may be no name that a profile could have listed
            if not 0 < len(path) <= MAX_FIELD_PATH or path.startswith(labels.RESERVED_PREFIX):
                return None
            field = self._by_pattern[path] = self._maker.make(path, rule)
        return field

    def _is_dropped(self, path: str) -> bool:
        rule = self._rule(path)
        return rule is not None and rule.scheme == "drop"

    def _rule(self, path: str) -> FieldRule | None:
        if (rule := self.profile.fields.get(path)) is not None:
            return rule
        pattern = self._patterns.match(path)
        return None if pattern is None else self.profile.fields[pattern]


def seal_profile(keys: EpochKeys, profile: Profile) -> str:
    """The whole profile as a det envelope, for the header's `edge`."""
    return _profile_sealer(keys).seal(b"s" + profile.normalised(), labels.PROFILE_KEYSPACE.encode())


def open_profile(keys: EpochKeys, edge: str) -> Profile:
    """The profile in a header's `edge`.

    Raises:
        IntegrityError: see `Sealer.open`.
        ProfileError: a newer release wrote it.
    """
    plaintext = _profile_sealer(keys).open(edge, labels.PROFILE_KEYSPACE.encode())
    try:
        return Profile.from_normalised(plaintext[1:])
    except ValueError:
        raise ProfileError(
            "the batch was encrypted under a profile of a newer release",
            "use the release of zt-analytics that encrypted it, or a newer one",
        ) from None


def _profile_sealer(keys: EpochKeys) -> Sealer:
    key = keys.keyspace(labels.PROFILE_KEYSPACE)
    return Sealer(key.subkey(labels.DET, KEY_SIZE), keys.kid)
