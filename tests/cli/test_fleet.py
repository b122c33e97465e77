"""Many captures in one call: each its own plan, one summary, every gate over all of them."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from esnode.cli.main import main
from esnode.wiring.planning import plan_for
from esnode.wiring.saving import unique_names
from tests.benchmarks.family import children_of
from tests.orphans import until
from tests.unit.sensors.captures import NEW

HEAD = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: cap, version: '1'}\n"


def write_capture(folder, name, *, limit="650", uuid=None):
    uuid = uuid or f"GPU-{abs(hash(name)) % 10**12:012d}"
    text = NEW.replace("GPU-5d1f0000-0000-0000-0000-000000000000", uuid)
    path = folder / f"{name}.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("requested_power_limit>650", f"requested_power_limit>{limit}"))
    return path


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    """Five nodes: three alike, one at another limit, one where there is nothing to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cap.es").write_text(HEAD + "settings: {power_limit_watts: 560}\npolicies: []\n")
    for name in ("node1", "node2", "node3"):
        write_capture(tmp_path / "captures", name)
    write_capture(tmp_path / "captures", "node4", limit="700")
    write_capture(tmp_path / "captures", "node5", limit="560")
    return tmp_path


@pytest.fixture
def run(capsys):
    def run(*words):
        code = main(["plan", "-f", "cap.es", *map(str, words)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_nodes_with_the_same_decision_are_one(fleet, run):
    code, out, _ = run("-capture", "captures/")
    assert code == 0
    assert "3 nodes: node1 to node3\n" in out
    assert "    ~ GPU-0 (H100): power_limit_watts = 650 W -> 560 W (cap/settings)" in out
    assert "1 node: node5\n    No changes." in out
    assert out.splitlines()[-1] == "Plan: 0 to add, 4 to change, 0 to destroy on 4 of 5 nodes."


@pytest.mark.parametrize(
    "words",
    [
        ["-capture", "captures/node1.xml", "-capture", "captures/node2.xml"],
        ["-capture", "captures/node1.xml", "captures/node2.xml"],
        ["-capture=captures/node1.xml", "captures/node2.xml", "captures/node1.xml", "-detailed-exitcode=false"],
    ],
)
def test_captures_are_named_one_by_one_or_as_a_shell_expands_them(fleet, run, words):
    code, out, _ = run(*words)
    assert code == 0
    assert "2 nodes: node1, node2\n" in out


def test_each_plan_is_saved_under_its_nodes_name(fleet, run):
    code, out, _ = run("-capture", "captures", "-out", "plans/")
    assert code == 0
    assert sorted(path.name for path in (fleet / "plans").iterdir()) == [
        f"node{number}.plan.json" for number in range(1, 6)
    ]
    assert "Saved the plans to: plans" in out
    assert json.loads((fleet / "plans" / "node4.plan.json").read_bytes())["applyable"] is False


def test_the_plan_of_one_capture_is_the_same_alone_and_among_many(fleet, run):
    run("-capture", "captures", "-out", "plans/")
    run("-capture", "captures/node4.xml", "-out", "alone/")
    one, many = (fleet / folder / "node4.plan.json" for folder in ("alone", "plans"))
    assert one.read_bytes() == many.read_bytes()


def test_nodes_of_one_name_keep_apart(fleet, run):
    write_capture(fleet / "more", "node1", limit="700")
    code, _, _ = run("-capture", "captures", "-capture", "more/node1.xml", "-out", "plans/")
    assert code == 0
    assert (fleet / "plans" / "node1-2.plan.json").exists()
    assert unique_names(["a", "a-2", "a", "a", "b"]) == ["a", "a-2", "a-3", "a-4", "b"]


def test_a_capture_that_cannot_be_read_stops_no_other(fleet, run):
    (fleet / "captures" / "broken.xml").write_text("<nvidia_smi_log>")
    code, out, err = run("-capture", "captures", "captures/absent.xml", "-out", "plans/", "-deny", "update")
    assert code == 1
    assert "captures/broken.xml:1: " in err
    assert "captures/absent.xml" in err
    assert "-deny update allows none" in err
    assert out.count("2 captures could not be planned.") == 1
    assert len(list((fleet / "plans").iterdir())) == 5


def test_gates_hold_over_all(fleet, run):
    assert run("-capture", "captures", "-detailed-exitcode")[0] == 2
    assert run("-capture", "captures/node5.xml", "-capture", "captures/node5.xml", "-detailed-exitcode")[0] == 0
    code, _, err = run("-capture", "captures", "-max-watts-delta=400", "-max-changes=3", "-detailed-exitcode")
    assert code == 3
    assert "moves power limits by 410 W in all, -max-watts-delta allows 400 W" in err
    assert "touches 4 resources, -max-changes allows 3" in err
    assert "│ node4: gpu[" in err


def test_a_folder_of_approved_plans_holds_each_node_to_its_own(fleet, run):
    run("-capture", "captures", "-out", "approved/")
    assert run("-capture", "captures", "-against", "approved")[0] == 0
    write_capture(fleet / "captures", "node2", limit="640")
    (fleet / "approved" / "node3.plan.json").unlink()
    code, out, err = run("-capture", "captures", "-against", "approved")
    assert code == 3
    assert "node2: its decision is not that of approved/node2.plan.json" in out
    assert "node3: There is no plan file at approved/node3.plan.json" in out
    assert "The plans of 2 nodes do not decide what was approved" in err


def test_the_stream_has_a_line_for_each_node_and_a_summary(fleet, run):
    (fleet / "captures" / "broken.xml").write_text("")
    code, out, _ = run("-capture", "captures", "-json", "-max-changes=3")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    kinds = [line["type"] for line in lines]
    assert kinds == ["version", "node_failed", *["node_plan"] * 5, "fleet_summary", "diagnostic"]
    node, summary = lines[2], lines[-2]
    assert (node["node"], node["changes"]["change"]) == ("node1", 1)
    assert node["resource_changes"][0]["after"] == {"power_limit_watts": 560}
    assert (summary["nodes"], summary["nodes_with_changes"], summary["failed"]) == (5, 4, 1)
    assert summary["decisions"][0]["nodes"] == ["node1", "node2", "node3"]


@pytest.fixture
def cores(monkeypatch):
    """How many processes plan, however few the captures are."""

    def cores(count):
        monkeypatch.setattr("esnode.wiring.fleet._WORTH_A_PROCESS", 1)
        monkeypatch.setattr("esnode.wiring.fleet.cores", lambda: count)

    return cores


@pytest.mark.parametrize(
    "words", [[], ["-json"], ["-deny", "update", "-max-watts-delta=400"], ["-against", "approved"]]
)
def test_what_is_said_and_saved_does_not_depend_on_the_cores(fleet, run, cores, words):
    run("-capture", "captures", "-out", "approved/")
    (fleet / "captures" / "broken.xml").write_text("<nvidia_smi_log>")
    for number in range(20):
        write_capture(fleet / "captures", f"more{number}", limit=str(500 + number % 4 * 50))
    said = {}
    for count in (1, 3):
        cores(count)
        code, out, err = run("-capture", "captures", "-out", "plans/", *words)
        saved = {path.name: path.read_bytes() for path in sorted((fleet / "plans").iterdir())}
        said[count] = (code, re.sub('"@timestamp":"[^"]*"', "", out), err, saved)
    assert said[1] == said[3]
    assert len(said[1][3]) == 25


def test_a_process_that_is_killed_is_an_error_that_names_its_capture(fleet, run, cores, monkeypatch):
    def dies(request, machine=None):
        if request.capture.stem == "node3":
            os.kill(os.getpid(), signal.SIGKILL)
        return plan_for(request, machine)

    monkeypatch.setattr("esnode.wiring.fleet.plan_for", dies)
    cores(2)
    code, out, err = run("-capture", "captures", "-out", "plans/")
    assert code == 1
    assert "captures/node3.xml was not planned: its process died of signal 9" in err
    assert "on 3 of 4 nodes. 1 capture could not be planned." in out
    assert not (fleet / "plans" / "node3.plan.json").exists()
    lines = [json.loads(line) for line in run("-capture", "captures", "-json")[1].splitlines()]
    (failed,) = (line for line in lines if line["type"] == "node_failed")
    assert failed["source"] == "captures/node3.xml"
    assert "when memory runs out" in failed["diagnostic"]["detail"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_plan_that_cannot_be_saved_ends_it(fleet, run, cores, count):
    (fleet / "plans" / "node4.plan.json").mkdir(parents=True)
    cores(count)
    code, _, err = run("-capture", "captures", "-out", "plans/")
    assert code == 1
    assert "node4.plan.json cannot be written" in err


def test_ctrl_c_ends_all_processes(fleet, run, cores, monkeypatch):
    def interrupted(self, *_, **__):
        raise KeyboardInterrupt

    before = children_of(os.getpid())
    monkeypatch.setattr("esnode.views.fleet.TextFleetView.planned", interrupted)
    cores(2)
    code, _, err = run("-capture", "captures", "-out", "plans/")
    assert code == 130
    assert "Interrupted" in err
    assert children_of(os.getpid()) == before
    assert not list((fleet / "plans").glob(".*"))


def test_ctrl_c_ends_a_fleet_that_waits_for_a_file_that_never_ends(fleet):
    for number in range(20):
        write_capture(fleet / "captures", f"more{number}")
    os.mkfifo(fleet / "captures" / "zz.xml")
    words = [sys.executable, "-m", "esnode", "plan", "-f", "cap.es", "-capture", "captures", "-out", "plans/"]
    process = subprocess.Popen(words, cwd=fleet, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until(lambda: len(list((fleet / "plans").glob("*.json"))) == 25, seconds=60)
        family = [process.pid, *children_of(process.pid)]
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Interrupted" in err
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]


def test_one_capture_looks_as_it_always_did(fleet, run):
    code, out, _ = run("-capture", "captures/node1.xml", "-out", "plan.json")
    assert code == 0
    assert out.startswith("Refreshing state...")
    assert (fleet / "plan.json").is_file()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["captures/node1.xml"], "plan takes bare words only after -capture"),
        (["-capture", "captures/node1.xml", "cap.es"], "looks like a profile"),
        (["-capture", "captures", "-out", "plan.json"], "there are several captures"),
        (["-capture", "captures", "-against", "cap.es"], "is not a folder"),
        (["-capture", "captures", "-out", "plans/", "-sign-key", "key.pem"], "are for review"),
        (["-capture", "."], "No capture in ."),
    ],
)
def test_what_cannot_be_meant_is_an_error(fleet, run, words, said):
    code, _, err = run(*words)
    assert code == 1
    assert said in err


def test_hundreds_of_nodes_are_read_in_one_screen(fleet, run):
    for number in range(300):
        write_capture(fleet / "many", f"gpu{number:03d}", limit="700" if number % 3 else "560")
    code, out, _ = run("-capture", "many", "-capture", "captures")
    assert code == 0
    assert "201 nodes: gpu001, gpu002, gpu004, gpu005, gpu007, gpu008, gpu010, gpu011 and 193 more\n" in out
    assert len(out.splitlines()) < 20
