"""Every command's help: short, with examples that its own parser takes, and the manual page made from it."""

import re
import shlex
import subprocess

import click
import pytest

from esnode.cli.main import cli, main
from esnode.cli.pages import all_commands, all_pages, examples_of
from esnode.cli.syntax import LazyGroup
from esnode.views.manual import page_text
from tests.places import PROJECT

COMMANDS = {ctx.command_path: command for ctx, command in all_commands(cli)}
PAGES = {page.name: page for page in all_pages(cli)}


def parsed(root: click.Command, words: list[str]) -> None:
    """Parse a command line to its end, as it would be parsed to be run, and run nothing."""
    command = root
    name: str | None = "esnode"
    parent = None
    while isinstance(command, LazyGroup):
        ctx = command.make_context(name, words, parent=parent)
        rest = [*ctx._protected_args, *ctx.args]
        name, found, words = command.resolve_command(ctx, rest)
        assert found is not None
        command, parent = found, ctx
    command.make_context(name, list(words), parent=parent)


def command_lines(line: str) -> list[list[str]]:
    """The esnode commands of a line for a shell, without what the shell itself takes; one in $(...) is one, too."""
    inner = re.findall(r"\$\(([^()]*)\)", line)
    return [words for part in (re.sub(r"\$\([^()]*\)", "X", line), *inner) for words in _commands(part)]


def _commands(line: str) -> list[list[str]]:
    split = shlex.shlex(line, posix=True, punctuation_chars="|<>&")
    split.whitespace_split = True
    lines: list[list[str]] = [[]]
    for word in split:
        if word in ("|", "&&", "||"):
            lines.append([])
        elif word in ("<", ">"):
            next(split)
        else:
            lines[-1].append(word)
    return [words[1:] for words in lines if words and words[0] == "esnode"]


@pytest.mark.parametrize("path", COMMANDS)
def test_help_fits_a_terminal(path, capsys):
    assert main([*path.split()[1:], "-help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"Usage: {path}")
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 46


@pytest.mark.parametrize("path", COMMANDS)
def test_help_has_examples_that_the_parser_takes(path):
    examples = examples_of(COMMANDS[path])
    found = [words for line in examples for words in command_lines(line)]
    assert found, f"{path} has no Examples:"
    for words in found:
        parsed(cli, words)


@pytest.mark.parametrize("name", ["profile-tools.md", "editor.md"])
def test_the_documents_commands_are_taken_by_the_parser(name):
    typed = re.findall(r"^ {4}(esnode .*?)(?:   .*)?$", (PROJECT / "docs" / name).read_text(), re.MULTILINE)
    assert typed
    for words in (words for line in typed for words in command_lines(line)):
        parsed(cli, words)


def test_an_example_with_a_mistake_would_be_found():
    with pytest.raises(click.UsageError):
        parsed(cli, ["plan", "-nonsense"])
    with pytest.raises(click.UsageError):
        parsed(cli, ["state", "show"])


def test_the_committed_pages_are_those_of_the_commands():
    written = {path.stem: path.read_text() for path in (PROJECT / "man").glob("*.1")}
    assert written == {name: page_text(page) for name, page in PAGES.items()}, "make man writes them anew"


def test_a_page_is_printed_or_written_with_the_others(tmp_path, capsys):
    assert main(["man", "state", "mv"]) == 0
    assert capsys.readouterr().out.startswith('.TH "ESNODE\\-STATE\\-MV" 1')
    assert main(["man", "-out", str(tmp_path / "man1")]) == 0
    assert len(list((tmp_path / "man1").iterdir())) == len(COMMANDS)
    assert main(["man", "nonsense"]) == 1
    assert main(["man", "-out", str(tmp_path), "plan"]) == 1


@pytest.mark.parametrize("section", ["EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"])
def test_every_page_has_the_sections_that_people_look_for(section):
    assert all(f".SH {section}\n" in page_text(page) for page in PAGES.values())


@pytest.mark.lane("roff")
@pytest.mark.parametrize(
    "tool", [["groff", "-ww", "-man", "-Tutf8"], ["man", "--warnings", "-l"], ["mandoc", "-Tlint"]]
)
def test_the_pages_are_set_without_a_warning(tool):
    pages = sorted(map(str, (PROJECT / "man").glob("*.1")))
    runs = [[*tool, page] for page in pages[:3]] if tool[0] == "man" else [[*tool, *pages]]
    said = ""
    for run in runs:
        done = subprocess.run(run, capture_output=True, text=True, check=False, env=None)
        said += done.stdout if tool[0] == "mandoc" else done.stderr
    # A page has no date: the same commands give the same bytes. Long lines and spaces are a matter of style.
    warned = [line for line in said.splitlines() if not re.search(r"STYLE|missing date", line)]
    assert warned == []
