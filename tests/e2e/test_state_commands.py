"""The commands on the state, through the installed command on a simulated machine."""

import json

import pytest

from tests.cli.run import esnode
from tests.e2e.lab import Lab

CAP = "settings: {power_limit_watts: 600}\npolicies: []\n"
THERMAL = """
policies:
  - name: thermal
    target: gpu_temp_celsius
    condition: "> 82"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
"""


@pytest.fixture
def capped(lab):
    """Both GPUs were brought from 700 to 600 W."""
    lab.write_profile(CAP)
    assert lab.plan_and_apply().code == 0
    return lab


def claims(lab):
    return sorted(path.name for path in (lab.folder / "world.run").glob("*.claim"))


def test_history_lists_runs_and_restore_puts_one_back(capped):
    capped.run("state", "rm", "gpu[0]", "gpu[1]")
    history = json.loads(capped.run("state", "history", "-json").out)
    assert [(entry["serial"], entry["operation"]) for entry in history["entries"]] == [
        (3, "state rm"),
        (2, "apply"),
        (0, "before apply"),
    ]
    restored = capped.run("state", "restore", 2)
    assert "Serial 2 (apply by" in restored.out
    assert "esnode plan shows what differs" in restored.out
    assert "No changes." in capped.plan().out
    assert capped.state()["serial"] == 4


def test_a_damaged_state_is_restored_and_every_setting_goes_back(capped):
    path = capped.folder / "esnode.state.json"
    path.write_bytes(path.read_bytes()[:500])
    refused = capped.plan()
    assert refused.code == 1
    assert "esnode state restore" in refused.err
    restored = capped.run("state", "restore", "2")
    assert "The damaged file is kept as esnode.state.json.damaged" in restored.out
    capped.run("destroy", "-out", "plan.json")
    assert capped.apply().code == 0
    assert capped.limits() == [700, 700]


def test_rm_forgets_without_touching_and_gives_up_the_claim(capped):
    assert "Would forget GPU-0" in capped.run("state", "rm", "-dry-run", "gpu[0]").out
    assert len(claims(capped)) == 2
    forgotten = capped.run("state", "rm", "gpu[0]")
    assert "power limit 600 W (baseline 700 W)" in forgotten.out
    assert capped.limits() == [600, 600]
    assert len(claims(capped)) == 1
    assert len(capped.state()["managed"]["gpus"]) == 1
    assert capped.run("state", "rm", "gpu[0]").code == 1


def test_a_renamed_policy_is_no_change(lab):
    lab.write_profile(THERMAL)
    lab.set("all", "gpu_temp_celsius=84")
    lab.plan_and_apply()
    moved = lab.run("state", "mv", "lab/thermal", "lab/heat")
    assert "Moved lab/thermal to lab/heat: 2 holds, 2 settings, 2 clocks." in moved.out
    lab.write_profile(THERMAL.replace("name: thermal", "name: heat"))
    assert "No changes." in lab.plan().out


def test_adopt_shows_both_machines_and_needs_a_yes(capped, tmp_path):
    (tmp_path / "other").mkdir()
    other = Lab(tmp_path / "other")
    (other.folder / "esnode.state.json").write_bytes((capped.folder / "esnode.state.json").read_bytes())
    assert "esnode state adopt" in other.run("plan", "-f", capped.folder / "profile.es").err
    unasked = other.run("state", "adopt", "-json")
    assert (unasked.code, other.state()["serial"]) == (1, 2)
    shown = other.run("state", "adopt", "-yes")
    for lab in (capped, other):
        assert json.loads((lab.folder / "world.registers.json").read_bytes())["machine"]["machine_id"] in shown.out
    assert "not in this machine" in shown.out
    assert other.state()["serial"] == 3
    assert other.run("plan", "-f", capped.folder / "profile.es").code == 0
    assert "Nothing to do" in other.run("state", "adopt").out


def test_pull_prints_the_file_as_it_is(capped):
    assert capped.run("state", "pull").out == (capped.folder / "esnode.state.json").read_text()


def test_a_lock_that_nobody_left_cannot_be_cleared(capped):
    refused = capped.run("force-unlock", "1234")
    assert refused.code == 1
    assert "is not locked" in refused.err


@pytest.mark.parametrize("words", [("rm", "gpu[0]"), ("mv", "lab", "new"), ("restore", "2"), ("adopt", "-yes")])
def test_commands_that_change_the_state_take_its_lock(capped, words):
    from esnode.storage.locks import locked

    if words[0] == "adopt":
        state = capped.folder / "esnode.state.json"
        (capped.folder / "other").mkdir()
        capped = Lab(capped.folder / "other")
        (capped.folder / "esnode.state.json").write_bytes(state.read_bytes())
    with locked(capped.folder / "esnode.state.json", "test"):
        refused = capped.run("state", *words, "-lock-timeout=0s")
    assert refused.code == 5
    assert "test since" in refused.err
    assert capped.state()["serial"] == 2


@pytest.mark.parametrize(
    "words", [("rm", "gpu[7]"), ("rm",), ("mv", "lab"), ("mv", "nobody", "new"), ("restore", "99")]
)
def test_what_cannot_be_done_is_said_and_changes_nothing(capped, words):
    before = (capped.folder / "esnode.state.json").read_bytes()
    assert capped.run("state", *words).code == 1
    assert (capped.folder / "esnode.state.json").read_bytes() == before


def test_json_is_json_lines(capped):
    assert [line["type"] for line in capped.run("state", "rm", "-json", "gpu[0]").lines()] == [
        "version",
        "state_forgotten",
        "state_changed",
    ]
    assert capped.run("state", "mv", "-json", "lab", "new").lines()[1]["moved"]["setting"] == 1
    assert capped.run("state", "restore", "-json", "2").lines()[1]["serial"] == 5


@pytest.mark.parametrize("name", ["history", "restore", "rm", "mv", "adopt", "pull", "list", "show"])
def test_every_command_has_an_example(tmp_path, name):
    shown = esnode("state", name, "-help", cwd=tmp_path).out
    assert f"esnode state {name}" in shown.partition("Examples:")[2]
