"""The faces of a plan through the command line."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from esnode.cli.main import main

PROFILE = """apiVersion: v1
kind: EfficiencyProfile
metadata: {name: lab, version: '1'}
settings: {power_limit_watts: 500}
policies:
  - {name: heat, target: gpu_temp_celsius, condition: "> 20", action: {type: alert, channel: ops}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A machine, a profile and its saved plan."""
    folder = tmp_path_factory.mktemp("faces")
    (folder / "profile.es").write_text(PROFILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("ESNODE_SIMULATE", "world.yaml")
        assert main(["sim", "init", "-speed", "0", "-count", "2", "world.yaml"]) == 0
        words = ["plan", "-f", "profile.es", "-out", "plan.json", "-junit", "plan.xml", "-sarif", "plan.sarif"]
        assert main(words) == 0
    return folder


@pytest.fixture(autouse=True)
def _there(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ESNODE_SIMULATE", "world.yaml")


def test_plan_and_show_write_the_same_reports(folder, capsys):
    assert main(["show", "-junit", "again.xml", "-sarif", "again.sarif", "plan.json"]) == 0
    assert capsys.readouterr().out == "Wrote again.xml.\nWrote again.sarif.\n"
    for ending in ("xml", "sarif"):
        assert (folder / f"again.{ending}").read_text() == (folder / f"plan.{ending}").read_text()
    failures = [it.attrib["type"] for it in ElementTree.parse(folder / "plan.xml").iter("failure")]
    assert failures == ["change"] * 4 + ["warning"]
    results = json.loads((folder / "plan.sarif").read_text())["runs"][0]["results"]
    lines = [it["locations"][0]["physicalLocation"]["region"]["startLine"] for it in results if it["ruleIndex"] == 0]
    assert lines == [4, 4, 6, 6]


def test_reports_can_be_read_by_a_viewer_that_is_another_user(folder):
    assert (folder / "plan.xml").stat().st_mode & 0o777 == 0o644
    assert (folder / "plan.json").stat().st_mode & 0o777 == 0o600


def test_show_markdown(capsys):
    assert main(["show", "-markdown", "plan.json"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("**esnode plan** for <code>")
    assert "2 to add, 2 to change, 0 to destroy" in said.out
    assert "SIMULATED" in said.out
    assert said.err == ""


def test_show_html(folder, capsys):
    assert main(["show", "-html", "plan.html", "plan.json"]) == 0
    assert capsys.readouterr().out == "Wrote plan.html.\n"
    page = (folder / "plan.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "SIMULATED" in page
    assert "http" not in page.replace('http-equiv="', "")


def test_with_json_the_plan_is_still_printed(folder, capsys):
    assert main(["show", "-json", "-html", "plan.html", "plan.json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((folder / "plan.json").read_bytes())


@pytest.mark.parametrize("option", [["-markdown"], ["-html=x.html"], ["-junit=x.xml"], ["-sarif=x.sarif"]])
def test_a_state_has_no_such_face(option, folder, capsys):
    for words in (["show", *option], ["show", *option, "esnode.state.json"]):
        assert main(words) == 1
        said = capsys.readouterr()
        assert "is no plan" in said.err
        assert "esnode plan -out plan.json" in said.err
    assert not list(folder.glob("x.*"))


def test_markdown_and_json_exclude_each_other(capsys):
    assert main(["show", "-json", "-markdown", "plan.json"]) == 1
    assert "cannot be given together" in capsys.readouterr().out


def test_a_report_that_cannot_be_written(capsys):
    assert main(["show", "-html", "nowhere/plan.html", "plan.json"]) == 1
    assert "nowhere" in capsys.readouterr().err


def test_validate_reports_what_is_wrong_at_its_line(folder, capsys):
    (folder / "broken.es").write_text(PROFILE.replace("condition", "conditoin"))
    assert main(["validate", "-sarif", "v.sarif", "-junit", "v.xml", "broken.es"]) == 1
    (result, *_) = json.loads((folder / "v.sarif").read_text())["runs"][0]["results"]
    assert result["level"] == "error"
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "broken.es"
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 6
    assert [it.attrib["name"] for it in ElementTree.parse(folder / "v.xml").iter("testcase")] == ["broken.es"]
    assert main(["validate", "-sarif", "v.sarif", "-junit", "v.xml", "profile.es"]) == 0
    assert not list(ElementTree.parse(folder / "v.xml").iter("failure"))
