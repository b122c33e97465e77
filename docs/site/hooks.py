"""What MkDocs is told beside mkdocs.yml: files outside docs/ that pages link to become pages of the site.

A link such as `../examples/systemd/esnode.service` leads somewhere both where the repository is read and on the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).resolve().parents[2]
EXAMPLES = PROJECT / "examples"

DOCUMENTS = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}

LONGEST = 400
"""Lines of an example that are shown; what is longer is for programs."""

LANGUAGES = {
    ".yaml": "yaml",
    ".es": "yaml",
    ".json": "json",
    ".xml": "xml",
    ".sh": "sh",
    ".service": "ini",
    ".timer": "ini",
    ".conf": "ini",
}

_TITLES = {"ci": "CI", "systemd": "systemd"}

_LINK = re.compile(r"(\]\()(\.\./)?((?:examples|docs)/[^)#\s]*|CONTRIBUTING\.md|CHANGELOG\.md)((?:#[^)\s]*)?\))")


def on_files(files: Files, config: Any) -> Files:
    """One page for each folder of examples, and the documents at the top level."""
    for folder in _folders():
        name = _page_of(folder)
        files.append(File.generated(config, name, content=_listing(folder)))
    for source, name in DOCUMENTS.items():
        files.append(File.generated(config, name, content=(PROJECT / source).read_text(encoding="utf-8")))
    return files


def on_config(config: Any) -> Any:
    config["nav"][-1] = {"Examples": [{_title(folder): _page_of(folder)} for folder in _folders()]}
    return config


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    return _LINK.sub(lambda link: link[1] + _target(link[3], page.file.src_uri) + link[4], markdown)


def _folders() -> list[Path]:
    inside = (path for path in sorted(EXAMPLES.iterdir()) if path.is_dir() and any(_files(path)))
    return [*inside, EXAMPLES]


def _files(folder: Path) -> Iterable[Path]:
    found = folder.iterdir() if folder == EXAMPLES else folder.rglob("*")
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _title(folder: Path) -> str:
    return "Others" if folder == EXAMPLES else _TITLES.get(folder.name, folder.name.capitalize())


def _page_of(folder: Path) -> str:
    return f"examples/{'index' if folder == EXAMPLES else folder.name}.md"


def _listing(folder: Path) -> str:
    parts = [f"# Examples: {_title(folder)}", f"The files of `{folder.relative_to(PROJECT)}/`."]
    for path in _files(folder):
        name = path.relative_to(folder).as_posix()
        parts += [f"## {name} {{ #{_anchor(name)} }}", _shown(path)]
    return "\n\n".join(parts) + "\n"


def _shown(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > LONGEST:
        return f"{lines} lines, in `{path.relative_to(PROJECT)}`."
    return f"`````{LANGUAGES.get(path.suffix, 'text')}\n{text.rstrip()}\n`````"


def _anchor(name: str) -> str:
    return re.sub(r"[^\w.-]", "-", name).lower()


def _target(path: str, page: str) -> str:
    """Where a link to a path of the repository leads, from a page of the site."""
    up = "../" * page.count("/")
    if path in DOCUMENTS:
        return up + DOCUMENTS[path]
    if path.startswith("docs/"):
        return up + path.removeprefix("docs/")
    folder, _, name = path.removeprefix("examples/").rstrip("/").partition("/")
    if (EXAMPLES / folder).is_dir():
        anchor = f"#{_anchor(name)}" if name and (EXAMPLES / folder / name).is_file() else ""
        return f"{up}{_page_of(EXAMPLES / folder) if folder else 'examples/index.md'}{anchor}"
    return f"{up}examples/index.md#{_anchor(folder)}"
