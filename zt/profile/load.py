"""Finding profiles: presets by name, files by path."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from zt.errors import ProfileError
from zt.profile.model import Profile
from zt.profile.yaml import parse_yaml, read_yaml

DEFAULT_PRESET = "sip-balanced"


def preset_names() -> list[str]:
    """The names of the presets that come with this release."""
    folder = files("zt.profile").joinpath("presets")
    return sorted(
        entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name[-5:] == ".yaml"
    )


def load_profile(name: str) -> Profile:
    """A preset by its name, or a profile from a YAML file.

    Raises:
        ProfileError: no such preset or file, or it is wrong; names the line.
    """
    if name in preset_names():
        resource = files("zt.profile").joinpath("presets", f"{name}.yaml")
        return parse_yaml(resource.read_bytes(), name, Profile, ProfileError)
    path = Path(name)
    if not path.exists():
        raise ProfileError(
            f"there is no profile {name}",
            f"give a YAML file, or one of the presets: {', '.join(preset_names())}",
        )
    return read_yaml(path, Profile, ProfileError)
