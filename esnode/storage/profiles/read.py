"""Efficiency Profiles from files: what was named, what lies in a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from esnode.errors import NoProfile
from esnode.model.profile import Profile
from esnode.storage.profiles.known import KnownProfiles
from esnode.storage.yaml.source import Source, read_source

FOUND_ENDINGS = (".es", ".esnode.yaml")
FOLDER_ENDINGS = (".es", ".esnode.yaml", ".yaml", ".yml")
TEST_ENDINGS = (".test.yaml", "_test.yaml", ".test.yml", "_test.yml")
"""Tests of profiles: they may lie beside them, and are none."""


def read_profiles(paths: Sequence[str | os.PathLike[str]]) -> tuple[Profile, ...]:
    """The profiles of files and folders, in the order given; a file named twice is read once.

    Raises ProfileInvalid with all problems of all files, FileUnreadable for a file that cannot be read, and
    NoProfile for a folder without profiles.
    """
    sources = [read_source(path) for path in profile_files(paths)]
    cache = KnownProfiles()
    known = [cache.find(source.data, source.path) for source in sources]
    profiles = tuple(chain.from_iterable(found or () for found in known))
    if all(known) and len({profile.name for profile in profiles}) == len(profiles):
        return profiles
    return _parsed(sources, cache)


def _parsed(sources: Sequence[Source], cache: KnownProfiles) -> tuple[Profile, ...]:
    from esnode.storage.profiles.parse import profiles_of
    from esnode.storage.yaml.text import parse_source

    profiles = profiles_of([parse_source(source) for source in sources])
    for source in sources:
        cache.keep(source.data, [profile for profile in profiles if profile.path == source.path])
    return profiles


def find_profiles(directory: str | os.PathLike[str] = ".") -> list[str]:
    """The profiles of a directory (`*.es`, `*.esnode.yaml`), sorted. Raises NoProfile when there are none."""
    return _in_folder(os.fspath(directory), FOUND_ENDINGS)


def profile_files(paths: Sequence[str | os.PathLike[str]]) -> list[str]:
    """The files that were named, and those of the folders; one that is named twice is there once."""
    named: dict[str, str] = {}
    for path in [os.fspath(path) for path in paths]:
        # A folder that was named may hold profiles under any of the endings.
        for file in _in_folder(path, FOLDER_ENDINGS) if _is_folder(path) else [path]:
            named.setdefault(os.path.realpath(file), file)
    return list(named.values())


def _is_folder(path: str) -> bool:
    try:
        return bool(path) and Path(path).is_dir()
    except OSError:
        return False  # opening it will say why


def _in_folder(directory: str, endings: tuple[str, ...]) -> list[str]:
    try:
        names = sorted(file.name for file in Path(directory).iterdir())
    except OSError as wrong:
        raise NoProfile(f"cannot look for profiles in {directory}: {wrong.strerror}") from None
    prefix = "" if directory in ("", ".") else directory
    wanted = [name for name in names if name.endswith(endings) and not name.endswith(TEST_ENDINGS)]
    files = [str(Path(prefix, name)) for name in wanted if not name.startswith(".")]
    if not files:
        where = "the working directory" if not prefix else directory
        globs = ", ".join(f"*{ending}" for ending in endings)
        raise NoProfile(f"no profile in {where} ({globs})", next_step="Give one with -f FILE, or change the directory.")
    return files
