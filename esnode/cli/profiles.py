"""The profiles that a command was given."""

from __future__ import annotations

from pathlib import Path

from esnode.model.profile import Profile


def read_given(paths: tuple[Path, ...]) -> tuple[Profile, ...]:
    """The profiles of -f, else those of the working directory. Raises ProfileInvalid, with every error of all."""
    from esnode.storage.profiles.read import find_profiles, read_profiles

    return read_profiles([str(path) for path in paths] or find_profiles(Path()))
