"""The example policies refuse what they say they refuse and let the rest pass, in the programs they are written for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from esnode.model.plan import Mode
from esnode.storage.plans import write_plan
from tests.ecosystem.conftest import SavedPlan
from tests.ecosystem.places import run
from tests.places import EXAMPLES, PROJECT
from tests.unit.engine.neighbourhood import a_pod
from tests.unit.engine.test_actions import a_machine, draining, in_a_cluster

pytestmark = pytest.mark.lane("ecosystem")

POLICY = EXAMPLES / "policy"
LIMITS = POLICY / "rego" / "limits.json"
VERDICT = Path(__file__).with_name("rego_verdict.py")


@pytest.fixture(params=["rego-cpp", "regorus"])
def judge(request, tmp_path):
    """What the example says of a plan, with its limits or with others, in a real Rego engine."""

    def judged(plan: Path, limits: Path | str = LIMITS) -> dict[str, list[str]]:
        command = ("python", VERDICT, request.param, POLICY / "rego" / "gpus.rego", limits, plan)
        done = run(*command, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        said: dict[str, list[str]] = json.loads(done.stdout)
        return said

    return judged


@pytest.fixture
def with_limits(tmp_path):
    """The example's limits with some changed, as data for the policy."""

    def written(**changed: object) -> Path:
        limits = json.loads(LIMITS.read_text())["limits"]
        path: Path = tmp_path / "limits.json"
        path.write_text(json.dumps({"limits": limits | changed}))
        return path

    return written


@pytest.mark.parametrize("plan", ["ends", "nothing"])
def test_rego_has_nothing_against_a_harmless_plan(judge, plans, plan):
    assert judge(plans[plan].path)["deny"] == []


def test_rego_denies_to_end_a_process(judge, plans):
    saved = plans["changes"]
    (process,) = saved.addresses("process")
    assert judge(saved.path)["deny"] == [f"{process}: ends the process greedy"]


def test_rego_denies_a_power_limit_below_the_floor(judge, plans):
    saved = plans["low"]
    expected = [f"{address}: 250 W is below the floor of 300 W" for address in saved.addresses("gpu")]
    assert judge(saved.path)["deny"] == expected
    assert len(expected) == 2


def test_rego_denies_to_change_too_many_gpus(judge, plans, with_limits):
    assert judge(plans["ends"].path, with_limits(gpus=1))["deny"] == ["2 GPUs are changed, at most 1 may be at a time"]
    assert judge(plans["drift"].path, with_limits(gpus=1))["deny"] == []


def test_rego_denies_a_profile_that_nobody_approved(judge, plans, with_limits):
    said = judge(plans["ends"].path, with_limits(profiles=["thermal-safety"]))
    assert said["deny"] == ["the profile power-cap is not one of the approved ones"]


def test_rego_denies_to_move_pods_away_and_not_to_give_the_node_back(judge, with_limits, tmp_path):
    machine, profile = in_a_cluster(a_machine(), a_pod()), draining()
    drain = machine.plan(profile)
    machine.apply(drain)
    back = machine.plan([], mode=Mode.DESTROY)
    limits = with_limits(profiles=[profile.name])
    said = []
    for plan in (drain, back):
        write_plan(plan, tmp_path / "plan.json")
        said.append(judge(tmp_path / "plan.json", limits)["deny"])
    assert [change.type.value for change in back.changes] == ["node"]
    assert said == [[f"{drain.changes[0].address}: moves pods away from the node"], []]


def test_rego_warns_of_drift(judge, plans):
    saved = plans["drift"]
    (gpu,) = saved.addresses("gpu")
    assert judge(saved.path) == {"deny": [], "warn": [f"{gpu}: changed outside of esnode (external)"]}


def test_rego_denies_without_limits_and_without_a_plan(judge, plans):
    assert "no limits were given: load limits.json as data" in judge(plans["nothing"].path, "")["deny"]
    assert judge(LIMITS)["deny"] == ["this is not a plan of esnode"]


def test_terraform_compliance_holds_the_power_limit_to_its_floor(plans, tmp_path):
    refused = _complies(plans["low"], tmp_path)
    assert refused.returncode == 1
    failed = re.findall(r"for (gpu\S+) on gpu\. 250 is not more and equal than 300", refused.stdout)
    assert sorted(failed) == plans["low"].addresses("gpu")


def test_terraform_compliance_lets_the_rest_pass(plans, tmp_path):
    passed = _complies(plans["changes"], tmp_path)
    assert passed.returncode == 0, passed.stdout
    assert "2 scenarios (2 passed)" in passed.stdout


def test_checkov_holds_the_power_limit_to_its_floor(plans, tmp_path):
    low, changes = plans["low"], plans["changes"]
    words = ["--framework", "terraform_plan", "--external-checks-dir", POLICY / "checkov", "--check", "CKV2_GPU_1"]
    files = ["--file", low.path, changes.path]
    done = run("checkov", *words, "--skip-download", "--output", "json", *files, cwd=tmp_path)
    said = json.loads(done.stdout)["results"]
    assert done.returncode == 1
    assert _checked(said["failed_checks"]) == [("/low.json", address) for address in low.addresses("gpu")]
    assert _checked(said["passed_checks"]) == [("/changes.json", address) for address in changes.addresses("gpu")]


def test_the_documents_name_the_policies_that_are_there():
    text = (PROJECT / "docs" / "policy-as-code.md").read_text()
    named = set(re.findall(r"examples/policy/[\w./-]*\w", text))
    assert named and all((PROJECT / path).exists() for path in named)


def _complies(plan: SavedPlan, folder: Path):
    features = POLICY / "terraform-compliance"
    return run("terraform-compliance", "--no-ansi", "--features", features, "--planfile", plan.path, cwd=folder)


def _checked(checks: list[dict[str, str]]) -> list[tuple[str, str]]:
    return sorted((check["file_path"], check["resource"]) for check in checks)
