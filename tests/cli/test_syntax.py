"""Terraform's spelling of options, and exit codes that CI can trust."""

import pytest

from esnode.cli.main import main
from tests.cli.run import esnode
from tests.places import SPECIFICATION_PROFILE


@pytest.mark.parametrize(
    "args", [["plan", "-nonsense"], ["plan", "--nonsense"], ["nonsense"], ["apply"], ["plan", "-f"]]
)
def test_a_usage_error_is_exit_1_and_never_2(args, capsys):
    assert main(args) == 1
    assert "Error:" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-force", "-lock=perhaps", "-out", "-valid-for=soon"])
def test_a_single_dash_word_is_one_whole_option(word, capsys):
    assert main(["plan", word]) == 1
    assert word.partition("=")[0].lstrip("-") in capsys.readouterr().err


@pytest.mark.parametrize("spelling", [["-json"], ["--json"], ["-json=true"], ["--json=true"], ["-no-color", "-json"]])
def test_switches_have_many_spellings(spelling, capsys):
    assert main(["validate", *spelling, str(SPECIFICATION_PROFILE)]) == 0
    assert capsys.readouterr().out.startswith('{"@level"')


def test_a_switch_never_swallows_the_next_word(capsys):
    assert main(["validate", "-json", str(SPECIFICATION_PROFILE)]) == 0
    assert main(["validate", "-json=false", str(SPECIFICATION_PROFILE)]) == 0
    assert "Success!" in capsys.readouterr().out


def test_help_is_printed_in_terraforms_spelling(capsys):
    assert main(["plan", "-help"]) == 0
    out = capsys.readouterr().out
    assert "-out FILE" in out
    assert "--out" not in out


def test_errors_are_json_lines_too_when_asked_for(tmp_path):
    result = esnode("plan", "-json", "-f", "absent.es", cwd=tmp_path)
    assert result.code == 1
    assert [line["type"] for line in result.lines()] == ["version", "diagnostic"]


def test_chdir_goes_before_everything_else(tmp_path, capsys):
    from pathlib import Path

    here = Path.cwd()
    try:
        assert main([f"-chdir={tmp_path}", "validate"]) == 1
    finally:
        __import__("os").chdir(here)
    assert "profile" in capsys.readouterr().err


def test_a_plan_without_any_profile_says_so(tmp_path):
    result = esnode("plan", cwd=tmp_path)
    assert result.code == 1
    assert "no profile" in result.err.lower()
