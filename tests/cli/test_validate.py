"""validate: the line itself beneath every warning, boards, and files of other kinds."""

from __future__ import annotations

import json

import pytest

from esnode.cli.main import main
from tests.places import EXAMPLES, SPECIFICATION_PROFILE

HEAD = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n"
POLICY = """\
policies:
  - name: hot
    target: {target}
    condition: "{condition}"
    action: {action}
"""
THROTTLE = "{type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}"


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    """Validate a text. Returns the exit code and the JSON lines, or what people see."""
    monkeypatch.chdir(tmp_path)

    def run(body: str, *options: str, name: str = "lab.es", head: str = HEAD):
        (tmp_path / name).write_text(head + body)
        code = main(["validate", *options, name])
        seen = capsys.readouterr()
        if "-json" in options:
            return code, [json.loads(line) for line in seen.out.splitlines()]
        return code, seen.out + seen.err

    return run


def policy(target: str = "gpu_temp_celsius", condition: str = "> 80", action: str = THROTTLE) -> str:
    return POLICY.format(target=target, condition=condition, action=action)


def test_a_warning_shows_its_line_underlined(check):
    code, seen = check("settings: {power_limit_watts: 250}\n" + policy())
    assert code == 0
    assert "     9:     action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}" in seen
    line = next(line for line in seen.splitlines() if "^^^" in line)
    assert line.index("^") == seen.splitlines()[seen.splitlines().index(line) - 1].index("min_watts")
    assert line.count("^") == len("min_watts: 300")


def test_problems_are_json_lines_with_their_place(check):
    code, lines = check("polices: []\npolicies: [{}]\n", "-json")
    assert code == 1
    assert [line["type"] for line in lines][:2] == ["version", "diagnostic"]
    first = lines[1]["diagnostic"]
    assert first["range"] == {
        "filename": "lab.es", "line": 4, "column": 1, "end_column": 8, "source": "polices: []",
    }  # fmt: skip
    assert lines[-1]["valid"] is False
    assert lines[-1]["error_count"] == len(lines) - 2


@pytest.mark.parametrize(
    ("body", "board", "found"),
    [
        ("settings: {power_limit_watts: 800}\npolicies: []\n", "H100-SXM", "800 W is above this board's maximum"),
        ("settings: {power_limit_watts: 100}\npolicies: []\n", "H100-SXM", "100 W is below this board's minimum"),
        ('settings: {power_limit_watts: "150%"}\npolicies: []\n', "H100-SXM", "150% (1050 W) is above"),
        ("settings: {memory_clock_mhz: 5001}\npolicies: []\n", "T4", "cannot lock its memory clock"),
        (policy(), "T4", "min_watts 300 W leaves nothing to throttle: this board begins at 70 W"),
        (policy(condition="> 96"), "H100-SXM", "96 C is never seen: this board shuts down at 95 C"),
        (policy(condition="> 90"), "H100-SXM", "at 90 C the hardware slows down by itself"),
        (policy(target="gpu_memory_temp_celsius"), "L40S", "is not measured on this board"),
        (policy(target="ecc_uncorrected_errors"), "RTX4090", "it has no ECC"),
    ],
)
def test_what_does_not_work_on_a_board_is_an_error(check, body, board, found):
    code, seen = check(body, "-board", board)
    assert code == 1
    assert f"Error: {board}: " in seen
    assert found in seen
    assert "^^^" in seen


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (policy(action="{type: lock_clock, parameters: {frequency_mhz: 210}}"), "the nearest is 345 MHz"),
        ("settings: {graphics_clock_mhz: 1000}\npolicies: []\n", "the nearest is 1005 MHz"),
        ("settings: {memory_clock_mhz: 2600}\npolicies: []\n", "the nearest is 2619 MHz"),
        ('settings: {power_limit_watts: "80%"}\npolicies: []\n', "80% of the default is 560 W"),
        (policy(action=THROTTLE.replace("300", "150")), "the floor is 200 W"),
        (policy(action=THROTTLE.replace("50,", "900,")), "in one step"),
        (policy(condition="> 88"), "the hardware slows down by itself"),
        (policy(condition="> 92", action="{type: alert, channel: x}"), "the hardware slows down by itself"),
        (policy(target="gpu_power_watts", condition="> 750"), "750 W is never drawn"),
    ],
)
def test_what_a_board_makes_of_a_value_is_a_note(check, body, found):
    code, seen = check(body, "-board", "H100-SXM")
    assert code == 0, seen
    assert found in seen
    assert "fits, with" in seen


def test_a_profile_for_one_board_is_not_judged_on_another(check):
    body = "selectors: {matchTags: {gpu_model: H100, cluster_zone: a}}\n" + policy()
    code, lines = check(body, "-json", "-board", "T4", "-board", "h100-sxm")
    assert code == 0
    other, fits = [line for line in lines if line["type"] == "board"]
    assert other["@message"].startswith('T4: profile "lab" is not for this board: tag gpu_model is "T4"')
    assert fits["@message"] == 'H100-SXM: profile "lab" fits (where cluster_zone matches).'
    assert fits["judgement"]["assumed"] == ["cluster_zone"]


def test_a_board_that_nobody_knows_is_an_error_with_all_names(capsys):
    assert main(["validate", "-board", "H900", str(SPECIFICATION_PROFILE)]) == 1
    assert "Known boards: A100-SXM-40GB" in capsys.readouterr().err


def test_node_files_and_worlds_are_checked_as_what_they_are(capsys):
    machines = [str(path) for path in sorted((EXAMPLES / "machines").iterdir())]
    assert main(["validate", str(EXAMPLES / "node.yaml"), *machines, str(SPECIFICATION_PROFILE)]) == 0
    assert "1 profile with 3 policies and 5 other files are valid." in capsys.readouterr().out


def test_a_mistake_in_a_world_shows_its_line(check):
    world = "apiVersion: v1\nkind: SimulatedMachine\ngpus:\n  - {board: H1000-SXM}\n"
    code, seen = check(world, name="world.yaml", head="")
    assert code == 1
    assert 'there is no board "H1000-SXM"' in seen
    assert "on world.yaml line 4" in seen
    assert "- {board: H1000-SXM}" in seen


def test_a_mistake_in_a_node_file_names_its_place_and_shows_no_secret(check):
    code, seen = check("tags: {a: b}\nchanels: {x: 'https://hooks.example/secret'}\n", name="node.yaml", head="")
    assert code == 1
    assert "on node.yaml line 2" in seen
    assert "secret" not in seen
