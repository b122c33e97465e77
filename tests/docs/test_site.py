"""The site of the documentation: no warning, every link leads somewhere, and no other host is asked for anything."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.places import PROJECT


class Page(HTMLParser):
    """The anchors of a page, where it leads, and what a browser fetches to show it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = {""}
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[name] or "" for name in ("id", "name") if name in given}
        if tag == "a":
            self.links.add(given.get("href") or "")
        elif tag == "link" and "stylesheet" in (given.get("rel") or ""):
            self.fetched.add(given.get("href") or "")
        else:
            self.fetched.add(given.get("src") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(folder)],
        cwd=PROJECT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path.resolve(): Page(path) for path in site.rglob("*.html") if path.name != "404.html"}


def test_every_page_of_the_documents_is_in_it(site):
    assert {path.stem for path in (PROJECT / "docs").glob("*.md")} <= {path.stem for path in site.glob("*.html")}


def test_every_link_and_every_anchor_leads_somewhere(pages):
    assert sum(len(page.links) for page in pages.values()) > 500
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{path.name}: {link}"
            if target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, f"{path.name}: {link}"


def test_reading_it_asks_no_other_host_for_anything(site, pages):
    fetched = {urlsplit(address) for page in pages.values() for address in page.fetched}
    assert [parts for parts in fetched if parts.scheme not in ("", "data") or parts.netloc] == []
    for path in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import\s*)[\"']?(?:https?:)?//[^)\"']*", path.read_text()) == []


def test_pictures_are_where_pages_show_them(pages):
    shown = [(path, address) for path, page in pages.items() for address in page.fetched if address.endswith(".svg")]
    assert {Path(address).name for _, address in shown} >= {"plan.svg", "scan.svg", "first-plan.svg"}
    assert all((path.parent / address).exists() for path, address in shown)


def test_no_table_is_left_as_text(site):
    for path in site.rglob("*.html"):
        assert "| ---" not in re.sub(r"<code>.*?</code>|<pre.*?</pre>", "", path.read_text(), flags=re.DOTALL), (
            path.name
        )
