"""Finding profiles: presets by name, files by path."""

from __future__ import annotations

from functools import cache

from zt.configuration import Presets
from zt.errors import ProfileError
from zt.profile.model import UNPROTECTED, Profile, wrong_field
from zt.profile.patterns import is_pattern, overlap

DEFAULT_PRESET = "sip-balanced"


def check_clear_fields(profile: Profile) -> None:
    """Refuse `clear` for a field that some preset protects: it must be `unsafe-clear`.

    So nobody shows the cloud by an oversight what the makers of the presets thought worth
    hiding.

    Raises:
        ValidationError: names the field.
    """
    presets = [load_preset(name) for name in PRESETS.names()]
    for path, rule in profile.fields.items():
        if rule.scheme != "clear":
            continue
        origin = profile.derive.get(path)
        for preset in presets:
            scheme = _protection(profile, path, preset)
            if origin is not None and scheme is None:  # a part of what is hidden is no less hidden
                scheme = _protection(profile, origin.source, preset)
            if scheme is not None:
                reason = (
                    f"the preset {preset.name} protects this field by {scheme}; "
                    "to show it to the cloud all the same, write scheme: unsafe-clear"
                )
                raise wrong_field(reason, path)


def protecting_preset(path: str) -> tuple[str, str] | None:
    """The first preset that protects a field, and its scheme; None if it may be clear for all."""
    for name in PRESETS.names():
        rule = load_preset(name).rule_for(path)
        if rule is not None and rule.scheme not in UNPROTECTED:
            return name, rule.scheme
    return None


@cache
def load_preset(name: str) -> Profile:
    """A preset, read once."""
    return PRESETS.load(name)


def _protection(profile: Profile, path: str, preset: Profile) -> str | None:
    """The scheme by which a preset protects fields that a clear rule of a profile is for."""
    if not is_pattern(path):
        rule = preset.rule_for(path)
        return None if rule is None or rule.scheme in UNPROTECTED else rule.scheme
    for known, rule in preset.fields.items():
        if rule.scheme in UNPROTECTED or not overlap(path, known):
            continue
        if is_pattern(known) or profile.rule_for(known) is profile.fields[path]:
            return rule.scheme
    return None


PRESETS = Presets("zt.profile", "presets", Profile, ProfileError, "profile", check_clear_fields)

load_profile = PRESETS.load
preset_names = PRESETS.names
