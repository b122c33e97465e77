"""Files of esnode's, formatted one by one: what is wrong with one keeps no other from being formatted."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from esnode.errors import BadInvocation, EsnodeError, FormatRefused, NoProfile
from esnode.model.formatting import FormattedFile
from esnode.storage.files import read_file, replace_file
from esnode.storage.formatting import formatted
from esnode.storage.yaml.source import MAX_BYTES

STDIN = "<stdin>"
_ENDINGS = (".es", ".esnode.yaml")


def find_files(given: Sequence[str], *, recursive: bool) -> list[Path]:
    """The files that were named, and `*.es` and `*.esnode.yaml` of the folders; without any, of this folder.

    Raises NoProfile when that is none at all, BadInvocation for "-" beside others.
    """
    if "-" in given:
        raise BadInvocation('"-" stands for standard input and cannot be given with other files')
    found: dict[str, Path] = {}
    for path in [Path(name) for name in given] or [Path()]:
        for file in sorted(_in_folder(path, recursive=recursive)) if path.is_dir() else [path]:
            found.setdefault(os.path.realpath(file), file)
    if not found:
        where = ", ".join(given) or "the working directory"
        raise NoProfile(f"no profile in {where} (*.es, *.esnode.yaml)", next_step="Name a file.")
    return list(found.values())


def format_files(paths: Sequence[Path], *, write: bool) -> list[FormattedFile]:
    """What each file is and would be. With `write`, those that differ are replaced, mode and owner kept."""
    results = []
    for path in paths:
        try:
            before = read_file(path, "file")
            after = formatted(before, str(path))
            if write and after != before:
                # A link stays a link: what it leads to is replaced.
                replace_file(Path(os.path.realpath(path)), after)
            results.append(FormattedFile(path=str(path), before=before, after=after))
        except EsnodeError as wrong:
            results.append(FormattedFile(path=str(path), failure=wrong))
    return results


def format_stream(data: bytes, *, is_shown: bool) -> FormattedFile:
    """Standard input, formatted. Raises FormatRefused."""
    if len(data) > MAX_BYTES:
        raise FormatRefused(f"{STDIN} has more than {MAX_BYTES:,} bytes", ())
    return FormattedFile(path=STDIN, before=data, after=formatted(data, STDIN), is_shown=is_shown)


def _in_folder(folder: Path, *, recursive: bool) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir())
    except OSError as wrong:
        raise NoProfile(f"cannot look for profiles in {folder}: {wrong.strerror}") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _in_folder(entry, recursive=True) if recursive and not entry.is_symlink() else ()
        elif entry.name.endswith(_ENDINGS):
            yield entry
