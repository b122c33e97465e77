"""docs/commands.md: `python -m esnode.cli.reference` (`make man`) writes it anew, in a checkout."""

from __future__ import annotations

from pathlib import Path

from esnode.cli.main import cli
from esnode.cli.pages import all_pages
from esnode.views.commands_page import commands_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "commands.md"


def content() -> str:
    """What the page should hold."""
    return commands_page(all_pages(cli))


if __name__ == "__main__":
    PAGE.write_text(content(), encoding="utf-8")
