"""fmt as a command: files, folders, standard input, and exit codes that a CI job can trust."""

from __future__ import annotations

import pytest

from esnode.cli.main import main
from tests.cli.run import esnode

UNTIDY = "kind: EfficiencyProfile\napiVersion: v1\npolicies:   []   # none\nmetadata: {name: 'a', version: '1'}\n"
TIDY = 'apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: a, version: "1"}\npolicies: []  # none\n'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.es").write_text(UNTIDY)
    (tmp_path / "b.esnode.yaml").write_text(TIDY.replace("name: a", "name: b"))
    (tmp_path / "other.yaml").write_text("untouched:   1\n")
    return tmp_path


def test_without_a_name_the_profiles_here_are_formatted(folder, capsys):
    assert main(["fmt"]) == 0
    assert capsys.readouterr().out == "a.es\n"
    assert (folder / "a.es").read_text() == TIDY
    assert (folder / "other.yaml").read_text() == "untouched:   1\n"
    assert main(["fmt"]) == 0
    assert capsys.readouterr().out == ""


def test_check_writes_nothing_and_ends_with_3(folder, capsys):
    assert main(["fmt", "-check"]) == 3
    assert (folder / "a.es").read_text() == UNTIDY
    assert main(["fmt", "-check", "b.esnode.yaml"]) == 0
    assert main(["fmt", "-check", "-list=false"]) == 3
    assert capsys.readouterr().out == "a.es\n"


def test_diff_shows_what_would_change(folder, capsys):
    assert main(["fmt", "-diff", "-write=false", "-list=false", "."]) == 0
    out = capsys.readouterr().out
    assert out.startswith("--- old/a.es\n+++ new/a.es\n@@ ")
    assert "-policies:   []   # none\n" in out
    assert "+policies: []  # none\n" in out
    assert (folder / "a.es").read_text() == UNTIDY


def test_a_broken_file_is_left_alone_and_the_others_are_formatted(folder, capsys):
    (folder / "0.es").write_text("a: [\n")
    assert main(["fmt"]) == 1
    seen = capsys.readouterr()
    assert "on 0.es line 1, column" in seen.err
    assert "1 file of 3 could not be formatted." in seen.err
    assert (folder / "0.es").read_text() == "a: [\n"
    assert (folder / "a.es").read_text() == TIDY


def test_a_file_of_somebody_else_is_refused(folder, capsys):
    assert main(["fmt", "other.yaml"]) == 1
    assert "none of esnode's files" in capsys.readouterr().err
    assert main(["fmt", "absent.es"]) == 1
    assert main(["fmt", "-", "a.es"]) == 1


def test_mode_and_links_are_kept(folder):
    (folder / "a.es").chmod(0o640)
    (folder / "link.es").symlink_to("a.es")
    assert main(["fmt", "link.es"]) == 0
    assert (folder / "link.es").is_symlink()
    assert (folder / "a.es").stat().st_mode & 0o777 == 0o640
    assert (folder / "a.es").read_text() == TIDY
    assert sorted(path.name for path in folder.iterdir()) == ["a.es", "b.esnode.yaml", "link.es", "other.yaml"]


def test_folders_inside_folders_only_when_asked_for(folder, capsys):
    (folder / "sub").mkdir()
    (folder / "sub" / "c.es").write_text(UNTIDY)
    assert main(["fmt", "-check"]) == 3
    assert capsys.readouterr().out == "a.es\n"
    assert main(["fmt", "-check", "-recursive"]) == 3
    assert capsys.readouterr().out == "a.es\nsub/c.es\n"


def test_no_profile_at_all_is_an_error(tmp_path):
    result = esnode("fmt", cwd=tmp_path)
    assert result.code == 1
    assert "no profile in the working directory" in result.err


def test_standard_input_is_written_to_standard_output(tmp_path):
    import subprocess
    import sys

    def run(text: str, *options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "esnode", "fmt", *options, "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=tmp_path)
        return done.returncode, done.stdout

    assert run(UNTIDY) == (0, TIDY)
    assert run(UNTIDY, "-check") == (3, "<stdin>\n")
    assert run("a: [\n") == (1, "")
