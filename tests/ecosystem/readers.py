"""What each program says that a plan does, taken from what it prints or writes for its users."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.ecosystem.conftest import Changes
from tests.ecosystem.places import run

_REPORT = Path(__file__).parent / "report.cjs"


def tf_peek(plan: Path, folder: Path) -> Changes:
    """A Markdown report for a pull request: a table of numbers, then the resources under a heading for each action."""
    done = run("tf-peek", plan, cwd=folder)
    assert done.returncode == 0, done.stderr
    numbers, _, details = done.stdout.partition("## 🔍 Resource Details")
    found: Changes = {}
    for section in re.split(r"^### ", details, flags=re.MULTILINE)[1:]:
        action = section.partition("\n")[0].split()[-1].lower()
        found |= dict.fromkeys(re.findall(r"^\*`(.+)`\*$", section, re.MULTILINE), action)
    counted = re.findall(r"^\| \S+ (Delete|Update|Create) .*\*\*(\d+)\*\* \|$", numbers, re.MULTILINE)
    assert {action.lower(): int(number) for action, number in counted} == _numbers(found)
    return found


def readtheplan(plan: Path, folder: Path) -> Changes:
    """Each change with a risk; `--fail-on` makes it a gate."""
    done = run("readtheplan", "analyze", "--format", "json", plan, cwd=folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    found = {change["address"]: "+".join(change["actions"]) for change in said["changes"]}
    assert said["actions"] == _numbers(found)
    return found


def tfsumpy(plan: Path, folder: Path) -> Changes:
    """A summary with numbers."""
    done = run("tfsumpy", "--output", "json", plan, cwd=folder)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout[done.stdout.index("{") :])
    found = {entry["identifier"]: entry["action"] for entry in said["resources"]}
    words = {"create": "resources_to_add", "update": "resources_to_change", "delete": "resources_to_destroy"}
    assert {word: said["summary"][name] for word, name in words.items()} == dict.fromkeys(words, 0) | {
        word: number for word, number in _numbers(found).items() if word in words
    }
    return found


def tofui(plan: Path, folder: Path) -> Changes:
    """A page for a browser."""
    done = run("tofui", "--build-name", "page", plan, cwd=folder)
    assert done.returncode == 0, done.stderr
    page = (folder / "page.html").read_text(encoding="utf-8")
    found = re.findall(r'<div class="resource-change[^>]* data-action="([^"]+)" data-address="([^"]+)"', page)
    return {html.unescape(address): action for action, address in found}


def terraform_visual(plan: Path, folder: Path) -> Changes:
    """A page with a graph; the page's own code says what it makes of the plan."""
    done = run("terraform-visual", "--plan", plan, cwd=folder)
    assert "Report generated successfully" in done.stdout, done.stdout + done.stderr
    said = run("node", _REPORT, folder / "terraform-visual-report", cwd=folder)
    assert said.returncode == 0, said.stderr
    entries: list[dict[str, Any]] = json.loads(said.stdout)
    return {entry["address"]: entry["action"] for entry in entries}


READERS: dict[str, Callable[[Path, Path], Changes]] = {
    "tf-peek": tf_peek,
    "readtheplan": readtheplan,
    "tfsumpy": tfsumpy,
    "tofui": tofui,
    "terraform-visual": terraform_visual,
}
"""Programs that name each change and what happens to it."""


def _numbers(found: Changes) -> dict[str, int]:
    actions = list(found.values())
    return {action: actions.count(action) for action in actions}
