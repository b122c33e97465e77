"""Profiles that were found good before: the same text need not be read as YAML and held against its schema again.

Each file in the cache is named by a digest of the text, the schema, esnode's version and the stamps of the modules that
judge, so nothing in it goes out of date, not even for whoever works on those. It is believed only where nobody but this
user could have written it, when it says of which text it is, and when its own digest is right; else it is as if it were
not there. A cache that cannot be had costs 15 ms, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from esnode import __version__, wire
from esnode.errors import EsnodeError
from esnode.model.profile import Position, Profile
from esnode.storage.files import replace_file
from esnode.storage.profiles.build import build
from esnode.storage.schema_files import PROFILE_SCHEMA, schema_text

_PACKAGE: Final = Path(__file__).parents[2]

_MOST: Final = 200
"""Texts that are remembered; when there are more, the oldest are forgotten."""

_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


class KnownProfiles:
    """The cache of this user, in $XDG_CACHE_HOME/esnode or ~/.cache/esnode. Never raises."""

    def __init__(self) -> None:
        self._folder = _folder()
        self._judge = f"{__version__}\n{_stamps()}\n{schema_text(PROFILE_SCHEMA)}\n".encode()

    def find(self, text: bytes, path: str) -> tuple[Profile, ...] | None:
        """The profiles of a text that is known, as those of the file `path`; None for any other text."""
        if self._folder is None:
            return None
        key = self._key(text)
        with contextlib.suppress(OSError, EsnodeError, LookupError, TypeError, ValueError):
            heading, _, body = _read_private(self._folder / key).partition(b"\n")
            if heading == _heading(key, body):
                content = wire.parse(body)
                return tuple(_profile(item, content["lines"], path) for item in content["profiles"])
        return None

    def keep(self, text: bytes, profiles: Sequence[Profile]) -> None:
        """Remember the profiles that stand in a text without any mistake."""
        if self._folder is None:
            return
        key = self._key(text)
        lines = sorted({at.source for profile in profiles for at in profile.positions.values()})
        numbers = {line: number for number, line in enumerate(lines)}
        content = {"lines": lines, "profiles": [_plain(profile, numbers) for profile in profiles]}
        with contextlib.suppress(OSError, EsnodeError):
            body = json.dumps(content, separators=(",", ":")).encode()
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._folder / key, _heading(key, body) + b"\n" + body)
            _forget_old(self._folder)

    def _key(self, text: bytes) -> str:
        return hashlib.sha256(self._judge + text).hexdigest()


def _stamps() -> list[tuple[str, int, int]]:
    """Size and time of each module that has a say in what is a good profile."""
    folders = (
        _PACKAGE,
        _PACKAGE / "model",
        _PACKAGE / "storage",
        _PACKAGE / "storage/yaml",
        _PACKAGE / "storage/profiles",
    )
    modules = [entry for folder in folders for entry in os.scandir(folder) if entry.name.endswith(".py")]
    return sorted((entry.path, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in modules)


def _heading(key: str, body: bytes) -> bytes:
    return f"{key} {hashlib.sha256(body).hexdigest()}".encode()


def _folder() -> Path | None:
    """Where the cache is, or may be made: in a folder that is the user's own. Root has none in another's home."""
    named, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    base, cache = (Path(named), Path(named)) if named else (Path(home), Path(home, ".cache"))
    try:
        is_own = base.is_absolute() and base.stat().st_uid == os.geteuid()
    except OSError:
        return None
    return cache / "esnode" / "profiles" if is_own else None


def _read_private(path: Path) -> bytes:
    """Raises PermissionError for a file that somebody else could have written, or put there."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        for info in (os.fstat(handle), path.parent.lstat()):
            if info.st_uid != os.geteuid() or info.st_mode & _OTHERS_MAY_WRITE:
                raise PermissionError
        return file.read()


def _plain(profile: Profile, lines: dict[str, int]) -> dict[str, Any]:
    places = [
        [list(path), at.line, at.column, at.end_column, lines[at.source]] for path, at in profile.positions.items()
    ]
    return {"document": profile.document, "places": places}


def _profile(kept: dict[str, Any], lines: list[str], path: str) -> Profile:
    positions = {
        tuple(place): Position(line=line, column=column, end_column=end, source=lines[source])
        for place, line, column, end, source in kept["places"]
    }
    return build(kept["document"], path, positions)


def _forget_old(folder: Path) -> None:
    newest_first = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in newest_first[_MOST:]:
        file.unlink()
