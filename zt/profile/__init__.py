"""Profiles: what is encrypted, field by field."""

from zt.profile.load import DEFAULT_PRESET, load_profile, preset_names
from zt.profile.model import FieldRule, Profile

__all__ = ["DEFAULT_PRESET", "FieldRule", "Profile", "load_profile", "preset_names"]
