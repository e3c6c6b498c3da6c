"""Suggesting a profile as `zt profile suggest` does, and encrypting the sample under it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from keys import Ring
from zt.configuration import parse_yaml
from zt.encoder import Decoder, Encoder
from zt.encoder.decrypt import DecryptReject
from zt.encoder.encrypt import Reject
from zt.errors import ProfileError
from zt.profile import FieldRule, Profile
from zt.profile.load import check_clear_fields
from zt.survey import read_sample, suggest, write_profile

Event = dict[str, Any]


def lines_of(events: Iterable[Event]) -> list[bytes]:
    """Events as lines of JSON."""
    return [msgspec.json.encode(event) + b"\n" for event in events]


def suggested_text(lines: Iterable[bytes]) -> str:
    """The YAML text that is suggested for lines of events."""
    sample = read_sample(lines)
    return write_profile(sample, suggest(sample))


def loaded(text: str) -> Profile:
    """The profile that a YAML file with this text gives, checked as `load_profile` checks it."""
    return parse_yaml(text.encode(), "test", Profile, ProfileError, check_clear_fields)


def suggested_profile(events: Iterable[Event]) -> Profile:
    """The profile that is suggested for events."""
    return loaded(suggested_text(lines_of(events)))


class Passed(NamedTuple):
    """What came of encrypting lines and decrypting them again."""

    wire: bytes
    events: list[Event]
    rejected: list[Reject]


def pass_through(ring: Ring, profile: Profile, lines: Iterable[bytes]) -> Passed:
    """Encrypt and decrypt lines under a profile; nothing may fail to decrypt."""
    rejected: list[Reject] = []
    wire = list(Encoder(ring, profile, stream="s", on_reject=rejected.append).encrypt(lines))
    refused: list[DecryptReject] = []
    events = list(Decoder(ring, on_reject=refused.append).decrypt(wire))
    assert refused == []
    return Passed(b"".join(wire), events, rejected)


def judgement(profile: Profile, paths: Iterable[str]) -> dict[str, str]:
    """What is done with fields, as short words: `det host gram`, `clear time`, `opaque`."""
    return {path: _words(profile.rule_for(path)) for path in paths}


def _words(rule: FieldRule | None) -> str:
    if rule is None:
        return "opaque"
    return " ".join(_parts(rule))


def _parts(rule: FieldRule) -> Iterator[str]:
    yield rule.scheme
    if rule.is_keyed and rule.keyspace:
        yield rule.keyspace
    yield from rule.search
    if not rule.is_keyed and rule.kind != "keyword":
        yield rule.kind
