"""With -json, standard output is JSON lines to the last byte, whatever happens. Help alone is for people."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click
import pytest

from esnode.cli.main import COMMANDS, cli, main
from esnode.cli.syntax import LazyGroup

THE_PROGRAMS_OWN = {("sim", "run")}
"""Standard output belongs to the program that is run, so -json is refused there, as JSON."""

PROFILE = """
apiVersion: v1
kind: EfficiencyProfile
metadata: {name: lab, version: '1'}
settings: {power_limit_watts: 500}
policies: []
"""

TEST = """
apiVersion: v1
kind: ProfileTest
profiles: profile.es
stories:
  - name: it is capped
    board: H100-SXM
    lasts: 1m
    expect: [{settings: {power_limit_watts: 500}}]
"""

STORY = """
sim init -speed 0 -count 2 world.yaml
validate profile.es
plan -f profile.es -out plan.json
show plan.json
apply plan.json
scan
sim set 0 power_limit_watts=650
!2 scan -out fix.json
diff plan.json fix.json
plan -f profile.es
show
import
import -out found.es
destroy -out back.json
rollback
state list
state show gpu[0]
state history
state pull
state mv -dry-run lab other
state rm -dry-run gpu[0]
state adopt
state restore SERIAL
!1 confirm
revert
!1 force-unlock none
sim show
schema
version
fmt profile.es
!1 fmt plan.json
completion bash
completion candidates
man plan
test profile.test.yaml
enforce -f profile.es -once
top -f profile.es -once
!1 plan -f nowhere.es
!1 apply profile.es
validate world.yaml
!1 validate nowhere.es
!1 show nowhere.json
!1 state show gpu[9]
!1 state restore 99
!1 sim set 9 power_limit_watts=1
"""


def commands(group: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that is no group, with the words that lead to it."""
    context = click.Context(group)
    assert isinstance(group, LazyGroup)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name), command


def arguments_of(command: click.Command) -> list[str]:
    """A word for each argument that must be given."""
    needed = [param for param in command.params if isinstance(param, click.Argument) and param.required]
    return [param.type.choices[0] if isinstance(param.type, click.Choice) else "x" for param in needed]


EVERY = dict(commands())
JSON = [path for path in EVERY if path not in THE_PROGRAMS_OWN]


def json_lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    said = capfd.readouterr()
    assert said.out.endswith("\n")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert all(isinstance(line, dict) for line in lines)
    assert said.err.strip() == ""
    return lines


def test_every_command_of_the_table_is_looked_at():
    assert {path[0] for path in EVERY} == set(COMMANDS)


def test_every_command_takes_json():
    without = {path for path, command in EVERY.items() if not any(param.name == "json" for param in command.params)}
    assert without == THE_PROGRAMS_OWN


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_an_option_that_does_not_exist(path, capfd):
    assert main([*path, "-json", "-no-such-option"]) == 1
    (line,) = json_lines(capfd)
    assert (line["type"], line["@level"]) == ("diagnostic", "error")


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_an_argument_too_many(path, capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main([*path, "-json", *["too-many"] * 9])
    types = [line["type"] for line in json_lines(capfd)]
    assert "diagnostic" in types or types[-1] == "test_summary"


@pytest.mark.parametrize("path", JSON, ids=" ".join)
def test_a_crash(path, capfd, monkeypatch):
    def crash(*args: object, **members: object) -> None:
        raise RuntimeError("an accident")

    command = EVERY[path]
    monkeypatch.setattr(command, "callback", crash)
    needed = arguments_of(command)
    assert main([*path, *needed, "-json"]) == 1
    (line,) = json_lines(capfd)
    assert "an accident" in str(line["@message"])


@pytest.mark.parametrize("path", JSON, ids=" ".join)
def test_an_interruption(path, capfd, monkeypatch):
    def interrupt(*args: object, **members: object) -> None:
        raise KeyboardInterrupt

    command = EVERY[path]
    monkeypatch.setattr(command, "callback", interrupt)
    needed = arguments_of(command)
    assert main([*path, *needed, "-json"]) == 130
    assert [line["@message"] for line in json_lines(capfd)] == ["Error: Interrupted"]


@pytest.mark.parametrize(
    "words",
    [
        ["-json"],
        ["-json", "bogus"],
        ["bogus", "-json"],
        ["state", "-json"],
        ["state", "bogus", "--json"],
        ["sim", "-json", "bogus"],
        ["plan", "-json=maybe"],
        ["plan", "-json", "-out"],
        ["plan", "--json=true", "-valid-for=soon"],
        ["-chdir=/nowhere/at/all", "plan", "-json"],
        ["sim", "run", "-json", "--", "true"],
        ["plan", "-json", "-f", "\udcff\x1b[31m.es"],
    ],
    ids=repr,
)
def test_words_that_are_no_command(words, capfd):
    assert main(words) == 1
    assert json_lines(capfd)[-1]["type"] == "diagnostic"


def test_words_after_two_dashes_are_not_ours(capfd):
    assert main(["sim", "run", "--", "program", "-json"]) == 1
    assert capfd.readouterr().out == ""


def test_a_crash_with_debug_has_its_traceback_on_standard_error(capfd, monkeypatch):
    monkeypatch.setenv("ESNODE_LOG", "debug")
    monkeypatch.setattr(EVERY["schema",], "callback", lambda **members: 1 / 0)
    assert main(["schema", "-json"]) == 1
    said = capfd.readouterr()
    assert "ZeroDivisionError" in json.loads(said.out)["@message"]
    assert said.err.startswith("Traceback")


def test_nothing_of_the_input_reaches_a_terminal_raw(capfd):
    main(["plan", "-json", "-f", "\x9b31m\u2028\x7f.es"])
    assert not set("\x9b\u2028\x7f") & set(capfd.readouterr().out)


def test_the_whole_story(capfd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ESNODE_SIMULATE", "world.yaml")
    (tmp_path / "profile.es").write_text(PROFILE)
    (tmp_path / "profile.test.yaml").write_text(TEST)
    walked = set()
    for words in filter(None, STORY.splitlines()):
        code, _, rest = words.rpartition("!")[2].partition(" ") if words.startswith("!") else ("0", "", words)
        if "SERIAL" in rest:
            rest = rest.replace("SERIAL", str(json.loads((tmp_path / "esnode.state.json").read_bytes())["serial"]))
        assert main([*rest.split(), "-json"]) == int(code), (words, capfd.readouterr())
        lines = json_lines(capfd)
        assert lines, words
        walked.add(next(path for path in EVERY if tuple(rest.split()[: len(path)]) == path))
    assert walked == set(JSON)
