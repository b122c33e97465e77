"""docs/commands.md is made from the commands themselves."""

import re

from esnode.cli.main import COMMANDS
from esnode.cli.reference import PAGE, content
from tests.cli.run import esnode


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == content(), "make man writes it anew"


def test_it_has_every_command_and_what_help_says(tmp_path):
    page = content()
    headings = set(re.findall(r"^##+ esnode (.*)$", page, re.MULTILINE))
    assert COMMANDS.keys() <= headings
    assert {"state list", "sim init"} <= headings
    section = page.partition("## esnode plan\n")[2].partition("\n## ")[0]
    said = esnode("plan", "-help", cwd=tmp_path).out
    options = re.findall(r"^  (-[a-z-]+)", said, re.MULTILINE)
    assert len(options) > 15
    assert [option for option in options if option != "-h" and f"| `{option}" not in section] == []
    assert "esnode plan -f training.es -out plan.json" in section
