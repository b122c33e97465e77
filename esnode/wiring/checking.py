"""The files that validate was given: profiles, node files and world files, told apart by what they say they are."""

from __future__ import annotations

from pathlib import Path

from esnode.diagnostics import Diagnostic
from esnode.errors import DocumentInvalid, EsnodeError, FileUnreadable, WorldInvalid
from esnode.model.profile import Profile
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What was right: profiles, and how many node files and worlds."""

    profiles: tuple[Profile, ...]
    node_files: tuple[str, ...] = ()
    worlds: tuple[str, ...] = ()


def check_files(paths: tuple[Path, ...]) -> Checked:
    """Read every file as what it is. Raises DocumentInvalid with the problems of all of them, and FileUnreadable."""
    from esnode.storage.kinds import DocumentKind, kind_of_file
    from esnode.storage.profiles.read import find_profiles, profile_files, read_profiles

    files = profile_files(paths) if paths else find_profiles(Path())
    kinds = {file: kind_of_file(Path(file)) for file in files}
    profiles = [file for file, kind in kinds.items() if kind not in (DocumentKind.NODE, DocumentKind.WORLD)]
    node_files = tuple(file for file, kind in kinds.items() if kind is DocumentKind.NODE)
    worlds = tuple(file for file, kind in kinds.items() if kind is DocumentKind.WORLD)
    problems: list[Diagnostic] = []
    read: tuple[Profile, ...] = ()
    try:
        read = read_profiles(profiles) if profiles else ()
    except DocumentInvalid as invalid:
        problems += invalid.problems
    for file in node_files:
        problems += _node_problems(Path(file))
    for file in worlds:
        problems += _world_problems(Path(file))
    if problems:
        raise DocumentInvalid(f"{len(problems)} errors", tuple(problems), next_step="Correct the files.")
    return Checked(profiles=read, node_files=node_files, worlds=worlds)


def _node_problems(path: Path) -> tuple[Diagnostic, ...]:
    from esnode.storage.node_files.read import read_node_file

    try:
        read_node_file(path)
    except DocumentInvalid as invalid:
        return invalid.problems
    return ()


def _world_problems(path: Path) -> tuple[Diagnostic, ...]:
    from esnode.diagnostics import error
    from esnode.simulator.manifest import read_manifest

    try:
        read_manifest(path, path.read_bytes())
    except WorldInvalid as invalid:
        return (invalid.problem or error(invalid.summary, invalid.next_step),)
    except OSError as failure:
        raise FileUnreadable(f"cannot read {path}: {failure.strerror}") from None
    except EsnodeError as wrong:
        return (error(wrong.summary, " ".join(part for part in (wrong.detail, wrong.next_step) if part)),)
    return ()
