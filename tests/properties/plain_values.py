"""What plaintext events say under a profile, told from docs/formats.md alone.

A question concerns canonical values of fields that the cloud sees. This says which those are, by
the independent grammars of that page, so that nothing of the product decides what is right: of a
field that its rule shows the elements of an array or the one scalar, in canonical form. What is
shown but can't be asked for is absent: null, containers, arrays that hold containers, and in
encrypted fields what is longer than 8 KiB, with the whole array that holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any, NamedTuple

from support.independent.conventions import Json
from support.independent.envelopes import MAX_DET, scalar_text, type_and_bytes
from support.independent.grammars import (
    MAX_TEXT,
    Uri,
    clear_part,
    coarse_number,
    coarse_time,
    digits_of,
    parse_address,
    parse_time,
    parse_uri,
    spell_address,
    unmapped,
)
from support.independent.profiles import Profile
from support.independent.schemes import MAX_HOST, SHOWN_AS_IS, steps

Event = dict[str, Any]

SERIAL = "serial"
"""A field that no profile of these tests names, so it comes back from the opaque blob."""


class Value(NamedTuple):
    """A canonical value as the cloud tells it from others.

    Attributes:
        made: empty for what the field's scheme took, else the JSON type that `det` keeps: a
            protected 1 and "1" are two values of one text, a clear 1 and "1" are one.
        text: what it is grouped, compared and searched by.
    """

    made: str
    text: str


def canonical(rule: Json, value: Any) -> Any:
    """What a rule's scheme makes of a scalar before it protects it; None: it goes to `det`."""
    match rule["scheme"]:
        case "clear" | "unsafe-clear":
            return value
        case "uri":
            uri = _uri(value)
            return None if uri is None or len(uri.host) > MAX_HOST else str(uri)
        case "fpe":
            digits = digits_of(value)
            fits = digits is not None and clear_part(digits, rule.get("keep", 0)) is not None
            return digits if fits else None
        case "ip":
            address = address_of(value)
            return None if address is None else spell_address(address)
        case "coarsen":
            coarse = coarse_time if rule["kind"] == "time" else coarse_number
            return coarse(value, steps(rule["step"]))
    return None


def value_of(rule: Json, scalar: Any) -> tuple[Value, Any]:
    """A scalar but null as the cloud tells it from others, and its canonical form."""
    taken = canonical(rule, scalar)
    if taken is None:
        return Value(type_and_bytes(scalar)[0].decode(), scalar_text(scalar)), scalar
    return Value("", scalar_text(taken)), taken


def address_of(value: Any) -> bytes | None:
    """4 or 16 bytes; an IPv4-mapped address is the IPv4 address."""
    address = parse_address(value) if isinstance(value, str) else None
    return None if address is None else unmapped(address)


class Sent:
    """A plaintext event and the profile that it was encrypted under.

    Attributes:
        serial: its number; sent along in a field that no rule names.
    """

    def __init__(self, serial: int, event: Event, profile: Profile) -> None:
        self.serial = serial
        self.event = event | {SERIAL: serial}
        self.profile = profile
        self._values: dict[str, dict[Value, Any]] = {}

    def values(self, path: str) -> dict[Value, Any]:
        """The distinct values of a field, with their canonical forms."""
        if path not in self._values:
            self._values[path] = dict(self._shown(path))
        return self._values[path]

    def texts(self, path: str) -> set[str]:
        """The distinct texts of a field."""
        return {value.text for value in self.values(path)}

    def measures(self, path: str) -> list[float]:
        """The numbers, or the times in microseconds, of a field of that kind."""
        rule = self.profile.rule_of(path) or {}
        found = (measure(rule, *each) for each in self.values(path).items())
        return [each for each in found if each is not None]

    @cached_property
    def time(self) -> int | None:
        """Microseconds, as the cloud sees it; no array is a time."""
        if self.profile.time is None or isinstance(at(self.event, self.profile.time), list):
            return None
        [*times] = self.measures(self.profile.time)
        return int(times[0]) if times else None

    @cached_property
    def weight(self) -> int:
        """How many events it stands for."""
        path = "rate.ex_diff"
        value = at(self.event, path)
        if type(value) is not int or not self.profile.is_shown(path):
            return 1
        [canonical_form] = self.values(path).values()
        return 1 + canonical_form if 0 <= canonical_form < 2**53 else 1

    def _shown(self, path: str) -> Iterator[tuple[Value, Any]]:
        if not self.profile.is_shown(path):
            return
        rule = self.profile.rule_of(path)
        assert rule is not None
        value = self._derived(path) if path in self.profile.derive else at(self.event, path)
        items = value if isinstance(value, list) else [value]
        if any(isinstance(item, dict | list) for item in items):
            return
        items = [item for item in items if item is not None]
        if rule["scheme"] not in SHOWN_AS_IS and not all(_fits(rule, item) for item in items):
            return
        seen = set()
        for item in items:
            value, form = value_of(rule, item)
            if value not in seen:
                seen.add(value)
                yield value, form

    def _derived(self, path: str) -> Any:
        derivation = self.profile.derive[path]
        source = at(self.event, derivation["from"])
        if isinstance(source, list):
            return [part for item in source if (part := derived(derivation, item)) is not None]
        return derived(derivation, source)


def measure(rule: Json, value: Value, form: Any) -> float | None:
    """What a canonical value measures in a field of numbers or times; None: nothing."""
    if value.made or rule.get("kind") not in ("number", "time"):
        return None
    if rule["kind"] == "time":
        return parse_time(form) if isinstance(form, str) else None
    if type(form) not in (int, float):
        return None
    try:
        return float(form)
    except OverflowError:
        return None


def at(event: Event, path: str) -> Any:
    """The value at a path, found by trying every way of cutting the path; None without one."""
    if path in event:
        return event[path]
    for key, value in event.items():
        if isinstance(value, dict) and path.startswith(key + "."):
            found = at(value, path.removeprefix(key + "."))
            if found is not None:
                return found
    return None


def derived(derivation: Json, value: Any) -> str | None:
    """A part of a scalar; None if it has none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value)
    match derivation["part"]:
        case "scheme" | "host" | "user":
            uri = _uri(text)
            if uri is None:
                return None
            part = uri.number if uri.scheme == "tel" else uri.user
            return {"scheme": uri.scheme, "host": uri.host or None, "user": part}[
                derivation["part"]
            ]
        case "subnet":
            address = address_of(text)
            if address is None:
                return None
            bits = derivation.get("v4", 24) if len(address) == 4 else derivation.get("v6", 48)
            return f"{spell_address(masked(address, bits))}/{bits}"
        case "hour":
            moment = parse_time(text)
            return None if moment is None else f"{moment // 3_600_000_000 % 24:02}"
    raise AssertionError("these tests derive nothing else")


def masked(address: bytes, bits: int) -> bytes:
    """The first bits of an address, and zeros."""
    rest = 8 * len(address) - bits
    return (int.from_bytes(address, "big") >> rest << rest).to_bytes(len(address), "big")


def _uri(value: Any) -> Uri | None:
    return parse_uri(value) if isinstance(value, str) else None


def _fits(rule: Json, item: Any) -> bool:
    """Whether some scheme takes a scalar of an encrypted field."""
    if isinstance(item, str) and len(item) > MAX_TEXT:
        return False
    return canonical(rule, item) is not None or len(type_and_bytes(item)[1]) <= MAX_DET
