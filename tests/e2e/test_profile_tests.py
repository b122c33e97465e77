"""`esnode test` as a user runs it: examples, exit codes, reports, and what docs/testing-profiles.md shows."""

import re
import time
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest

from esnode import web
from tests.cli.run import esnode
from tests.places import EXAMPLES, PROJECT
from tests.prometheus_server import prometheus

DOCUMENT = (PROJECT / "docs" / "testing-profiles.md").read_text()
FIRST = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", DOCUMENT, re.DOTALL))


@pytest.fixture
def first(tmp_path):
    """The folder that a reader of the document has after five minutes."""
    for name, text in FIRST.items():
        (tmp_path / name).write_text(f"# {name}\n{text}")
    return tmp_path


def break_it(folder):
    path = folder / "idle.test.yaml"
    path.write_text(path.read_text().replace("after: 345", "after: 210"))


def test_every_example_passes(tmp_path):
    result = esnode("test", EXAMPLES / "tests", cwd=tmp_path, timeout=300)
    assert result.code == 0, result.out
    assert re.search(r"=\s\d+ passed in 35 stories", result.out)
    assert list(tmp_path.iterdir()) == []


def test_the_first_test_of_the_document_passes_and_leaves_nothing(first):
    result = esnode("test", cwd=first)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("idle.test.yaml ....\n")
    assert sorted(path.name for path in first.iterdir()) == ["idle.es", "idle.test.yaml"]


def test_a_wrong_expectation_fails_as_the_document_shows(first):
    break_it(first)
    result = esnode("test", cwd=first)
    assert result.code == 1
    shown = DOCUMENT.partition("    idle.test.yaml:14: ")[2].partition("\n\n")[0]
    for line in shown.splitlines()[1:]:
        assert line.removeprefix("    ") in result.out
    assert "1 failed" in result.out


def test_verbose_and_keyword(first):
    told = esnode("test", "-v", "-k", "IDLE MINUTES", cwd=first)
    assert told.out.count(" PASSED\n") == 4
    none = esnode("test", "-k", "nothing like it", cwd=first)
    assert none.code == 1
    assert 'no story has "nothing like it"' in none.err


def test_junit_counts_what_failed(first):
    break_it(first)
    assert esnode("test", "-junit", "report.xml", cwd=first).code == 1
    root = ElementTree.parse(first / "report.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("4", "1", "0")
    (failure,) = root.iter("failure")
    assert "graphics clock lock unlocked -> 345 MHz" in (failure.text or "")


def test_json_lines(first):
    break_it(first)
    lines = esnode("test", "-json", cwd=first).lines()
    assert [line["type"] for line in lines] == ["version", *["test_result"] * 4, "test_summary"]
    assert [line["outcome"]["passed"] for line in lines[1:5]] == [True, False, True, True]
    assert lines[-1]["passed"] is False
    assert lines[-1]["tally"]["failed"] == 1


def test_a_file_that_is_wrong_stops_no_other(first):
    (first / "a.test.yaml").write_text("apiVersion: v1\nkind: ProfileTest\nprofiles: idle.es\nstorys: []\n")
    result = esnode("test", "-junit", "report.xml", cwd=first)
    assert result.code == 1
    assert "a.test.yaml E\nidle.test.yaml ....\n" in result.out
    assert "on a.test.yaml line 4, column 1" in result.out
    assert 'Did you mean "stories"?' in result.out
    assert ElementTree.parse(first / "report.xml").getroot().get("errors") == "1"


def test_without_any_test_it_says_where_it_looked(tmp_path):
    result = esnode("test", cwd=tmp_path)
    assert result.code == 1
    assert "no test of a profile in the working directory" in result.err


def test_the_schema_is_printed(tmp_path):
    assert '"$id": "urn:esnode:test:v1"' in esnode("schema", "test", cwd=tmp_path).out


@pytest.mark.lane("prometheus")
def test_what_prometheus_answers_to_the_documents_query_is_a_trace(first):
    """A real server with two nodes' history of a quarter of an hour; the query is the document's."""
    start = int(time.time()) - 3600
    lines = []
    for name, show in (("DCGM_FI_DEV_GPU_UTIL", lambda minute: 0 if minute else 90), ("DCGM_FI_DEV_XID_ERRORS", int)):
        lines.append(f"# TYPE {name} gauge")
        for node in ("node-7", "node-8"):
            labels = f'gpu="0",UUID="GPU-{node}",Hostname="{node}"'
            lines += [f"{name}{{{labels}}} {show(minute)} {start + 60 * minute}" for minute in range(10)]
    (query,) = re.findall(r"--data-urlencode 'query=(.*?)'", DOCUMENT)
    words = {"query": query, "start": start, "end": start + 540, "step": "15s"}
    with prometheus(first, history="\n".join([*lines, "# EOF", ""])) as server:
        answer = web.fetch(f"{server.url}/api/v1/query_range?{urlencode(words)}").body
    (first / "tuesday.json").write_bytes(answer)
    (first / "tuesday.test.yaml").write_text(
        "apiVersion: v1\nkind: ProfileTest\nprofiles: idle.es\nstories:\n  - name: last Tuesday\n    board: H100-SXM\n"
        "    trace: tuesday.json\n    expect:\n      - {at: 5m55s, policy: save, status: PENDING}\n"
        "      - {change: graphics_clock_mhz, at: 6m, after: 345}\n"
    )
    result = esnode("test", "tuesday.test.yaml", cwd=first)
    assert result.code == 0, result.out
