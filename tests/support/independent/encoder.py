"""Section 8 of docs/formats.md from the other side: what an event becomes."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .conventions import Json, fields
from .envelopes import is_scalar, type_and_bytes
from .grammars import (
    DAY,
    MAX_TEXT,
    SECOND,
    WHITE,
    parse_address,
    parse_time,
    parse_uri,
    spell_address,
    unmapped,
)
from .keys import Epoch
from .profiles import MAX_PATH, Profile
from .schemes import HIDDEN, SHOWN_AS_IS, Field, HiddenValueError

MAX_PATTERN_FIELDS = 1000
UNKNOWN_PARTS = ("country", "national")
"""Parts that only the library `phonenumbers` knows."""

_DOMAIN = re.compile(rf"(?:(?!{WHITE})[^@<>]){{1,256}}@([A-Za-z0-9.-]+)")


class Encoded(NamedTuple):
    """An event without `zt`, and what its blob holds."""

    body: Json
    hidden: list[Any]
    originals: list[Any]


class EventEncoder:
    """The events of a stream under a profile."""

    def __init__(self, epoch: Epoch, profile: Profile) -> None:
        self.epoch, self.profile = epoch, profile
        self.pattern_paths: set[str] = set()

    def encode(self, event: Json, known: Json) -> Encoded:
        """Raises ValueError for a reject; `known`: derived fields that can't be computed here."""
        derive = self.profile.derive
        for path, _ in fields(event):
            if any(path == d or path.startswith(d + ".") for d in derive):
                raise ValueError("something stands where a derived field would")
        self.hidden: list[Any] = []
        self.originals: list[Any] = []
        body = self._branch(event, [])
        for path, derivation in derive.items():
            if derivation["part"] in UNKNOWN_PARTS:
                if path in known:
                    body[path] = known[path]
            else:
                self._derive(body, event, path, derivation)
        return Encoded(body, self.hidden, self.originals)

    def _branch(self, branch: Json, above: list[str]) -> Json:
        kept: Json = {}
        for key, value in branch.items():
            keys = [*above, key]
            path = ".".join(keys)
            if self.profile.is_dropped(path):
                continue
            if isinstance(value, dict) and value:
                if not self.profile.is_entered(path):
                    self.hidden.append([keys, value])
                elif below := self._branch(value, keys):
                    kept[key] = below
                continue
            try:
                kept[key] = self._shown(keys, path, value)
            except HiddenValueError:
                self.hidden.append([keys, value])
        return kept

    def _shown(self, keys: list[str], path: str, value: Any) -> Any:
        field = self._field(path)
        if field.scheme in SHOWN_AS_IS and not isinstance(value, list):
            return value  # a scalar or {}
        is_array = isinstance(value, list)
        items = value if is_array else [value]
        if not all(map(is_scalar, items)):
            raise HiddenValueError("an array holds containers, or an empty object")
        if field.scheme not in SHOWN_AS_IS and value in (None, []):
            raise HiddenValueError("null or an empty array")
        made = [item if item is None else field.protect(item) for item in items]
        for index, (item, one) in enumerate(zip(items, made, strict=True)):
            if one is not None and type_and_bytes(one.canonical) != type_and_bytes(item):
                self.originals.append([keys, index if is_array else None, item])
        shown = [None if one is None else one.ciphertext for one in made]
        return shown if is_array else shown[0]

    def _field(self, path: str) -> Field:
        key = self.profile.key_of(path)
        if key is None:
            raise HiddenValueError("no rule")
        rule = self.profile.fields[key]
        if rule["scheme"] in HIDDEN:
            raise HiddenValueError("opaque")
        if key != path:
            if not path or len(path) > MAX_PATH or path.startswith("zt:"):
                raise HiddenValueError("no path for a pattern")
            self.pattern_paths.add(path)
            if len(self.pattern_paths) > MAX_PATTERN_FIELDS:
                self.pattern_paths.remove(path)
                raise HiddenValueError("too many fields of patterns")
        return Field(self.epoch, path, rule)

    def _derive(self, body: Json, event: Json, path: str, derivation: Json) -> None:
        source = dict(fields(event)).get(derivation["from"])
        items = source if isinstance(source, list) else [source]
        parts = [part for item in items if (part := part_of(item, derivation)) is not None]
        field = Field(self.epoch, path, self.profile.fields[path])
        try:
            made = [field.protect(part).ciphertext for part in parts]
        except HiddenValueError:
            return
        if made:
            body[path] = made if isinstance(source, list) else made[0]


def part_of(value: Any, derivation: Json) -> str | None:
    """The part of a source, of which there may be none."""
    if type(value) is int and len(str(value)) <= 32:
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return None
    match derivation["part"]:
        case "scheme" | "host" | "user" as part:
            return _uri_part(value, part)
        case "subnet":
            return _subnet(value, derivation.get("v4", 24), derivation.get("v6", 48))
        case "domain":
            text = re.sub(rf"\A{WHITE}+|{WHITE}+\Z", "", value)
            match = _DOMAIN.fullmatch(text)
            domain = match[1].removesuffix(".").lower() if match else ""
            is_domain = 1 <= len(domain) <= 254 and not {domain[0], domain[-1]} & {".", "-"}
            return domain if is_domain else None
        case "hour":
            moment = parse_time(value)
            return None if moment is None else f"{moment % DAY // (3600 * SECOND):02}"
    raise ValueError("a part that only phonenumbers knows")


def _uri_part(text: str, part: str) -> str | None:
    uri = parse_uri(text)
    if uri is None:
        return None
    if part == "user":
        return uri.number or uri.user
    return (uri.scheme if part == "scheme" else uri.host) or None


def _subnet(text: str, v4: int, v6: int) -> str | None:
    address = parse_address(text)
    if address is None:
        return None
    address = unmapped(address)
    length = v4 if len(address) == 4 else v6
    host_bits = 8 * len(address) - length
    network = int.from_bytes(address, "big") >> host_bits << host_bits
    return f"{spell_address(network.to_bytes(len(address), 'big'))}/{length}"
