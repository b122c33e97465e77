"""The pictures of terminals show what the commands print today."""

import subprocess
import sys

from tests.docs.pages import DOCS
from tests.places import PROJECT

PICTURES = DOCS / "pictures"


def test_every_picture_is_current(tmp_path):
    """The script leaves a picture alone whose text would be the same, so copies of it that change are out of date."""
    site = tmp_path / "docs" / "site"
    site.mkdir(parents=True)
    for name in ("pictures.py", "terminal.py"):
        (site / name).write_bytes((DOCS / "site" / name).read_bytes())
    (tmp_path / "docs" / "quick-start.md").write_bytes((DOCS / "quick-start.md").read_bytes())
    made = tmp_path / "docs" / "pictures"
    made.mkdir()
    for path in PICTURES.glob("*.svg"):
        (made / path.name).write_bytes(path.read_bytes())
    subprocess.run([sys.executable, site / "pictures.py"], cwd=PROJECT, check=True, timeout=120)
    shown = {path.name for path in PICTURES.glob("*.svg")}
    assert {path.name for path in made.iterdir()} == shown == {"first-plan.svg", "plan.svg", "scan.svg", "top.svg"}
    stale = [name for name in shown if (made / name).read_bytes() != (PICTURES / name).read_bytes()]
    assert stale == [], "make pictures draws them anew"


def test_pictures_are_small_and_need_nothing_from_elsewhere():
    for path in PICTURES.glob("*.svg"):
        text = path.read_text()
        assert path.stat().st_size < 20_000
        assert text.count("http") == 1, "the namespace of SVG, and no font or style of another host"
        assert "<script" not in text
