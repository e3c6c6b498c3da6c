"""Finding profiles: presets by name, files by path."""

from __future__ import annotations

from zt.configuration import Presets
from zt.errors import ProfileError
from zt.profile.model import Profile

DEFAULT_PRESET = "sip-balanced"

PRESETS = Presets("zt.profile", "presets", Profile, ProfileError, "profile")

load_profile = PRESETS.load
preset_names = PRESETS.names
