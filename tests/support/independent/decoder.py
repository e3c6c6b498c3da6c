"""The end of section 12 of docs/formats.md: reading wire lines with keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from .conventions import Json, is_ambiguous, places, unb64
from .envelopes import apply_original, open_blob, open_envelope, put_back
from .keys import Epoch, Keys, profile_id
from .profiles import Profile, parse_profile
from .schemes import HIDDEN, SHOWN_AS_IS, Field
from .tokens import search_id, tokens, value_tag
from .wire import event_seal, header_tag, parse

_WITHOUT_RECORDS = (*SHOWN_AS_IS, "coarsen")


class Record(NamedTuple):
    """A value record by what it is about."""

    keyspace: str
    scheme: str
    search: str | None
    ct: str


class Batch:
    """A header, the records behind it, and what its events ask for."""

    def __init__(self, header: Json, profile: Profile) -> None:
        self.header, self.profile = header, profile
        self.records: list[Record] = []
        self.needed: set[Record] = set()
        self.columns: dict[str, Json] = {}

    def check_complete(self) -> None:
        """All columns and records of the events, and no others; rejects may leave others."""
        if self.header["columns"] != [self.columns[path] for path in sorted(self.columns)]:
            raise ValueError("columns are missing, too many, or not sorted")
        if sorted(self.records, key=repr) != sorted(self.needed, key=repr):
            raise ValueError("records are missing, too many, or there twice")


def column(profile: Profile, path: str) -> Json:
    """The column of a path."""
    rule = profile.rule_of(path)
    assert rule is not None
    scheme = rule["scheme"]
    found: Json = {"path": path, "kind": rule.get("kind", "keyword")}
    if scheme == "ip":
        found["kind"] = "ip"
    if scheme not in SHOWN_AS_IS:
        found["keyspace"] = rule.get("keyspace", path)
    if rule.get("search"):
        found["search"] = search_id(rule["search"])
    return found


class Decoder:
    """Opens wire lines of a ring; verifies all that can be verified."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        self.profiles: dict[tuple[str, str], Profile] = {}
        self.batches: list[Batch] = []
        self.records: list[Json] = []
        self.ids: list[str] = []

    @property
    def headers(self) -> list[Json]:
        return [batch.header for batch in self.batches]

    def decrypt(self, lines: Iterable[bytes]) -> Iterator[Json]:
        for line in lines:
            if raw := line.rstrip(b"\r\n"):
                kind, zt, body = parse(raw)
                if kind == "batch":
                    self.header(zt)
                elif kind == "value":
                    self.value(zt)
                else:
                    yield self.event(zt, body)
        for record in self.records:
            self._check_value(record)

    # --- headers ---

    def header(self, zt: Json) -> None:
        epoch = self.keys.epochs[zt["kid"]]
        if unb64(zt["kcv"]) != epoch.kcv or zt["tenant"] != self.keys.tenant:
            raise ValueError("another key or tenant")
        if header_tag(epoch, zt) != zt["tag"]:
            raise ValueError("a header's tag is wrong")
        key = epoch.subkey("zt:profile", b"det", 64)
        text = open_envelope(epoch, key, [b"zt:profile"], zt["edge"])
        if text[:1] != b"s":
            raise ValueError("no text in edge")
        profile = parse_profile(text[1:])
        if profile_id(self.keys, text[1:].decode()) != zt["profile"]:
            raise ValueError("a profile has another id")
        self._check_columns(zt, profile)
        self.profiles[zt["kid"], zt["profile"]] = profile
        self.batches.append(Batch(zt, profile))

    @staticmethod
    def _check_columns(zt: Json, profile: Profile) -> None:
        if zt.get("time") != profile.time:
            raise ValueError("a header names another time")
        for found in zt["columns"]:
            named = {key: value for key, value in found.items() if value is not None}
            shown = profile.is_shown(found["path"])
            if not shown or named != column(profile, found["path"]):
                raise ValueError("a column is not as its profile says")

    # --- value records ---

    def value(self, zt: Json) -> None:
        epoch = self.keys.epochs[zt["kid"]]
        if value_tag(epoch, zt) != zt["tag"]:
            raise ValueError("a value record's tag is wrong")
        self.records.append(zt)
        if self.batches:
            record = Record(zt["keyspace"], zt["scheme"], zt.get("search"), zt["ct"])
            self.batches[-1].records.append(record)

    def _check_value(self, record: Json) -> None:
        """One of the profiles must have a field that makes this record."""
        keyspace = record["keyspace"]
        for (kid, _), profile in self.profiles.items():
            for path, rule in profile.fields.items():
                own = rule.get("keyspace", path)
                if profile.key_of(keyspace) == path and "keyspace" not in rule:
                    own = keyspace  # a path that fits a pattern
                if (kid, keyspace) == (record["kid"], own) and self._is_made_by(record, rule):
                    return
        raise ValueError("a value record of no field")

    def _is_made_by(self, record: Json, rule: Json) -> bool:
        field = Field(self.keys.epochs[record["kid"]], record["keyspace"], rule)
        kinds = rule.get("search", [])
        if record.get("search") != (search_id(kinds) if kinds else None):
            return False
        if not has_record(rule, record["scheme"]):
            return False
        try:
            scheme, opened = field.open(record["ct"])
        except ValueError:
            return False
        right = tokens(field.epoch, field.keyspace, kinds, opened)
        return bool((scheme, right) == (record["scheme"], record.get("tokens") or []))

    # --- events ---

    def event(self, zt: Json, body: Json) -> Json:
        epoch = self.keys.epochs[zt["kid"]]
        profile = self.profiles[zt["kid"], zt["profile"]]
        if is_ambiguous(body):
            raise ValueError("a path stands twice")
        if event_seal(epoch, body, zt) != zt["seal"]:
            raise ValueError("an event's seal is wrong")
        event = self._reveal(epoch, profile, body)
        self._remove_derived(profile, event)
        entries, originals = open_blob(epoch, zt["id"], zt["opaque"])
        for original in originals:
            apply_original(event, original)
        for entry in entries:
            put_back(event, entry)
        self.ids.append(zt["id"])
        return event

    def _reveal(self, epoch: Epoch, profile: Profile, branch: Json, above: str = "") -> Json:
        event: Json = {}
        for key, value in branch.items():
            path = above + key
            if isinstance(value, dict) and value:
                event[key] = self._reveal(epoch, profile, value, path + ".")
            else:
                event[key] = self._open_field(epoch, profile, path, value)
        return event

    def _open_field(self, epoch: Epoch, profile: Profile, path: str, value: Any) -> Any:
        rule = profile.rule_of(path)
        if rule is None or not profile.is_shown(path):
            raise ValueError("a field shows that its profile hides")
        field = Field(epoch, path, rule)
        batch = self._batch_of(epoch, profile)
        batch.columns[path] = column(profile, path)
        if rule["scheme"] in SHOWN_AS_IS:
            return value
        if not isinstance(value, list) or not value:
            return self._open_scalar(batch, field, value)
        return [None if item is None else self._open_scalar(batch, field, item) for item in value]

    def _batch_of(self, epoch: Epoch, profile: Profile) -> Batch:
        """The last batch that the event can belong to."""
        return next(
            batch
            for batch in reversed(self.batches)
            if batch.profile.content == profile.content
            if batch.header["kid"] == epoch.kid.hex()
        )

    @staticmethod
    def _open_scalar(batch: Batch, field: Field, shown: Any) -> Any:
        scheme, opened = field.open(shown)
        if has_record(field.rule, scheme):
            kinds = field.rule.get("search")
            search = search_id(kinds) if kinds else None
            batch.needed.add(Record(field.keyspace, scheme, search, shown))
        return opened

    @staticmethod
    def _remove_derived(profile: Profile, event: Json) -> None:
        """Remove the keys at the top; nothing may stand below them, or at their paths elsewhere."""
        for keys, _ in places(event):
            path = ".".join(keys)
            is_derived = path in profile.derive and len(keys) == 1
            if not is_derived and any(
                path == d or (path.startswith(d + ".") and profile.key_of(path) != path)
                for d in profile.derive
            ):
                raise ValueError("something stands elsewhere, or below a derived field")
        for path in profile.derive:
            event.pop(path, None)


def has_record(rule: Json, scheme: str) -> bool:
    """The table of section 9: whether a ciphertext that `scheme` made has a record."""
    if rule["scheme"] in (*_WITHOUT_RECORDS, *HIDDEN):
        return False
    return bool(rule.get("search")) or scheme.partition(":")[0] in ("fpe", "ip", "pfx")
