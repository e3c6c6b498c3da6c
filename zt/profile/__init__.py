"""Profiles: what is encrypted, field by field."""

from zt.profile.load import DEFAULT_PRESET, load_profile, preset_names
from zt.profile.model import Derivation, FieldRule, Profile

__all__ = ["DEFAULT_PRESET", "Derivation", "FieldRule", "Profile", "load_profile", "preset_names"]
