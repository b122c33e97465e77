"""Plans from captures of real boards."""

import json

import pytest

from tests.cli.run import esnode
from tests.places import CAPTURES, EXAMPLES, SPECIFICATION_PROFILE

pytestmark = pytest.mark.lane("captures")

GIVEN = ["-tag", "cluster_zone=us-east-1", "-label", "workload_type=training"]


def test_the_specifications_profile_on_eight_real_h100(tmp_path):
    result = esnode("plan", "-capture", CAPTURES / "qx-h100.xml", "-f", SPECIFICATION_PROFILE, *GIVEN, cwd=tmp_path)
    assert result.code == 0
    assert "GPU-7 (H100) State: Temp=29C, Power=68.1W, Util=0%" in result.out
    assert "Status: PENDING (graphics clock lock would go from unlocked to 345 MHz, 210 MHz asked for)" in result.out
    assert "no serving endpoint was asked" in result.out


def test_without_its_tag_and_label_it_selects_no_gpu_and_says_why(tmp_path):
    result = esnode("plan", "-capture", CAPTURES / "qx-h100.xml", "-f", SPECIFICATION_PROFILE, cwd=tmp_path)
    assert 'tag cluster_zone was not given, the profile wants "us-east-1" (-tag cluster_zone=us-east-1)' in result.out
    assert 'label workload_type was not given, the profile wants "training"' in result.out


@pytest.mark.parametrize(("name", "power"), [("qx-h100.xml", 560), ("qx-b200.xml", 800), ("qx-l40s.xml", 280)])
def test_a_power_cap_in_percent_is_each_boards_own(tmp_path, name, power):
    cap = EXAMPLES / "profiles" / "power-cap.es"
    assert esnode("plan", "-capture", CAPTURES / name, "-f", cap, "-out", "plan.json", cwd=tmp_path).code == 0
    plan = json.loads((tmp_path / "plan.json").read_bytes())
    assert {change["change"]["after"]["power_limit_watts"] for change in plan["resource_changes"]} == {power}
    assert plan["applyable"] is False


def test_a_captures_plan_writes_no_state_and_cannot_be_applied(tmp_path):
    cap = EXAMPLES / "profiles" / "power-cap.es"
    esnode("plan", "-capture", CAPTURES / "qx-h100.xml", "-f", cap, "-out", "plan.json", cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]
    refused = esnode("apply", "plan.json", cwd=tmp_path)
    assert refused.code == 3
    assert "for review only" in refused.err


def test_detailed_exitcode_is_a_gate(tmp_path):
    capture = CAPTURES / "qx-h100.xml"
    cap = EXAMPLES / "profiles" / "power-cap.es"
    gate = ["plan", "-detailed-exitcode", "-capture", capture, "-f"]
    assert esnode(*gate, cap, cwd=tmp_path).code == 2
    assert esnode(*gate, SPECIFICATION_PROFILE, *GIVEN, cwd=tmp_path).code == 0


def test_the_same_capture_gives_the_same_bytes(tmp_path):
    cap = EXAMPLES / "profiles" / "power-cap.es"
    written = []
    for name in ("one.json", "two.json"):
        # Each interpreter has its own order of sets.
        esnode("plan", "-capture", CAPTURES / "qx-h100.xml", "-f", cap, "-out", name, cwd=tmp_path, fresh=True)
        document = json.loads((tmp_path / name).read_bytes())
        # A capture has no state, so each plan of one has a new lineage of none.
        written.append(document)
    assert written[0] == written[1]


def test_plan_json_is_json_lines_to_the_last_byte(tmp_path):
    cap = EXAMPLES / "profiles" / "power-cap.es"
    result = esnode("plan", "-json", "-capture", CAPTURES / "qx-h100.xml", "-f", cap, cwd=tmp_path)
    types = [line["type"] for line in result.lines()]
    assert types[0] == "version"
    assert types[-1] == "change_summary"
    assert types.count("planned_change") == 8
    assert result.lines()[-1]["changes"] == {"add": 0, "change": 8, "remove": 0, "forget": 0, "operation": "plan"}


def test_a_plan_is_valid_by_its_own_schema(tmp_path):
    from jsonschema import Draft202012Validator

    cap = EXAMPLES / "profiles" / "power-cap.es"
    esnode("plan", "-capture", CAPTURES / "qx-b200.xml", "-f", cap, "-out", "plan.json", cwd=tmp_path)
    schema = json.loads(esnode("schema", "plan", cwd=tmp_path).out)
    Draft202012Validator(schema).validate(json.loads((tmp_path / "plan.json").read_bytes()))
