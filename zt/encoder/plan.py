"""A profile compiled for one epoch: what to do with each path, and the keys to do it with."""

from __future__ import annotations

from dataclasses import dataclass

from analytics.wire import Column, ValueRecord
from keys import EpochKeys, labels
from zt.crypto.siv import KEY_SIZE, Sealer
from zt.encoder.seal import EventSeal, HeaderTag, ValueTag
from zt.errors import ProfileError
from zt.profile import Profile
from zt.profile.model import FieldRule
from zt.schemes.base import Scheme
from zt.schemes.clear import CLEAR
from zt.schemes.det import Det
from zt.schemes.opaque import OpaqueBlob
from zt.schemes.search import SearchTokens


@dataclass(frozen=True)
class Dictionary:
    """Makes and checks the value records of one keyspace."""

    keyspace: str
    kid: str
    search: SearchTokens
    tag: ValueTag

    def record(self, scheme: str, ct: str, tokens: tuple[int, ...]) -> ValueRecord:
        """The tagged record of a ciphertext."""
        return ValueRecord.model_construct(
            kind="value",
            keyspace=self.keyspace,
            kid=self.kid,
            scheme=scheme,
            search=self.search.id,
            ct=ct,
            tokens=tokens,
            tag=self.tag.compute(scheme, self.search.id, ct, tokens),
        )


@dataclass(frozen=True)
class FieldPlan:
    """What to do with a visible field."""

    path: str
    rule: FieldRule
    scheme: Scheme
    keyspace: str | None
    dictionary: Dictionary | None

    @property
    def column(self) -> Column:
        """What the batch header says of the field."""
        search = self.dictionary.search.id if self.dictionary else None
        return Column(path=self.path, kind=self.rule.kind, keyspace=self.keyspace, search=search)


class Plan:
    """A profile with the keys of one epoch.

    Attributes:
        visible: the fields that stay in the event, by path.
        dropped: the paths that leave it, with all that is below them.
        branches: every proper prefix of a listed path; what is neither listed nor a branch
            goes into the opaque blob whole.
    """

    def __init__(self, profile: Profile, keys: EpochKeys, profile_id: str) -> None:
        self.profile = profile
        self.profile_id = profile_id
        self.kid = keys.kid.hex()
        self.keys = keys
        self.blob = OpaqueBlob(keys.keyspace(labels.EVENT_KEYSPACE))
        self.seal = EventSeal(keys)
        self.header_tag = HeaderTag(keys)
        self.visible: dict[str, FieldPlan] = {}
        self.dropped: set[str] = set()
        self.branches: set[str] = set()
        self.dictionaries: dict[str, Dictionary] = {}
        self._det: dict[str, Det] = {}
        for path, rule in profile.fields.items():
            self._add(path, rule)

    def _add(self, path: str, rule: FieldRule) -> None:
        segments = path.split(".")
        self.branches.update(".".join(segments[:n]) for n in range(1, len(segments)))
        match rule.scheme:
            case "clear":
                self.visible[path] = FieldPlan(path, rule, CLEAR, None, None)
            case "det":
                keyspace = rule.keyspace or path
                self.visible[path] = FieldPlan(
                    path, rule, self._scheme(keyspace), keyspace, self._dictionary(keyspace, rule)
                )
            case "drop":
                self.dropped.add(path)
            case "opaque":
                pass  # what is not visible is opaque

    def _scheme(self, keyspace: str) -> Det:
        if keyspace not in self._det:
            self._det[keyspace] = Det(self.keys.keyspace(keyspace))
        return self._det[keyspace]

    def _dictionary(self, keyspace: str, rule: FieldRule) -> Dictionary | None:
        if not rule.search:
            return None
        if keyspace not in self.dictionaries:
            key = self.keys.keyspace(keyspace)
            self.dictionaries[keyspace] = Dictionary(
                keyspace, self.kid, SearchTokens(rule.search, key), ValueTag(key)
            )
        return self.dictionaries[keyspace]


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
