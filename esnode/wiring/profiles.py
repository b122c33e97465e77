"""The profiles that a command was given."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from esnode.diagnostics import Diagnostic, warning
from esnode.errors import FileUntrusted
from esnode.model.node_file import NO_NODE_FILE, NodeFile
from esnode.model.profile import Profile


def read_given(paths: tuple[Path, ...]) -> tuple[Profile, ...]:
    """The profiles of -f, else those of the working directory. Raises ProfileInvalid, with every error of all."""
    from esnode.storage.profiles.read import find_profiles, read_profiles

    return read_profiles([str(path) for path in paths] or find_profiles(Path()))


def distrusted(profiles: Iterable[Profile], node_file: NodeFile = NO_NODE_FILE) -> list[Diagnostic]:
    """A warning for each file that others could have written. Plans are reviewed, so it is no error."""
    from esnode.storage.trust import check_trust

    found = []
    inputs = [(path, "profile") for path in dict.fromkeys(profile.path for profile in profiles)]
    inputs += [(node_file.path, "node file")] if node_file.path else []
    for path, what in inputs:
        try:
            check_trust(Path(path), what, is_shared=what == "profile")
        except FileUntrusted as reason:
            found.append(warning(reason.summary, reason.next_step))
    return found
