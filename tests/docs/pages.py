"""Pages of docs/ as tests read them: files to write and commands to run, in the order in which they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.places import PROJECT

DOCS = PROJECT / "docs"

_FILE = re.compile(r"```\w+\n# (?P<name>[\w./-]+)\n(?P<body>.*?)```", re.DOTALL)
_BLOCK = re.compile(r"^```[\s\S]*?^```|(?:^ {4}.*\n(?:\n(?= {4}))?)+", re.MULTILINE)
_COMMANDS = ("esnode", "mkdir", "cd", "export", "git", "mv", "cp", "sed", "nvidia-smi", "python3", ".", "pip", "cat")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A fenced block whose first line names it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A line of a shell, the exit code that the page says it has, and what the page shows of its output."""

    line: str
    code: int
    shown: tuple[str, ...] = ()


def steps(page: str) -> list[File | Command]:
    """What a reader does, from the top of the page to its end."""
    text = (DOCS / page).read_text()
    found: list[File | Command] = []
    for block in _BLOCK.findall(text):
        named = _FILE.match(block)
        if named:
            found.append(File(name=named["name"], text=named["body"]))
        elif not block.startswith("```"):
            for line in block.splitlines():
                _add(found, line.strip())
    return found


def _add(found: list[File | Command], line: str) -> None:
    if line.split(" ")[0] in _COMMANDS:
        said = re.search(r"# exit code (\d+)$", line)
        found.append(Command(line=line.partition("  #")[0].strip(), code=int(said[1]) if said else 0))
    elif line and found and isinstance(last := found[-1], Command):
        found[-1] = Command(line=last.line, code=last.code, shown=(*last.shown, line))


def follow(what: Sequence[File | Command], folder: Path, **more: str) -> str:
    """Do all of it in one shell, as a reader would. What was printed; fails at the first command that surprises."""
    script = "\n".join(_lines(what))
    path = f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", **GIT, **more},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout


GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": value
        for who in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "a"), ("EMAIL", "a@b"))
    },
}
"""git without what the person who runs the tests has configured."""


def _lines(what: Sequence[File | Command]) -> Iterator[str]:
    for step in what:
        if isinstance(step, File):
            yield f"cat > {step.name} <<'END OF {step.name}'\n{step.text}END OF {step.name}"
            continue
        yield f"echo {quoted('$ ' + step.line)}\n{step.line}"
        yield f"code=$?; [ $code = {step.code} ] || {{ echo {quoted(step.line)} exited with $code >&2; exit 1; }}"


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def alike(text: str) -> str:
    """The text without what differs from run to run: numbers, and how many signs of equality fill a line."""
    return re.sub(r"=+", "=", re.sub(r"\d[\d,.]*", "0", text)).strip()
