"""Alert and recording rules: promtool proves them, and every alert says what to do."""

from __future__ import annotations

import re
import subprocess

import pytest
from ruamel.yaml import YAML

from tests.deploy.contract import FOREIGN, LABELS, METRICS, TARGET_LABELS
from tests.deploy.files import KUBERNETES, OPERATIONS, PROMETHEUS, anchors, metrics_in, rules, yaml_of

ALERTS = [rule for rule in rules() if "alert" in rule]
PROOFS = yaml_of(PROMETHEUS / "esnode.rules.test.yaml")["tests"]


def promtool(*args, cwd=PROMETHEUS):
    done = subprocess.run(["promtool", *args], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.lane("prometheus")
def test_promtool_proves_the_rules():
    assert "SUCCESS" in promtool("test", "rules", "esnode.rules.test.yaml")


@pytest.mark.lane("prometheus")
def test_the_scrape_configuration_is_valid():
    assert "1 rule files found" in promtool("check", "config", "prometheus.yaml")


@pytest.mark.lane("prometheus")
def test_the_scrape_configuration_of_a_cluster_is_valid_but_for_the_discovery(tmp_path):
    """Debian's Prometheus is built without Kubernetes, so its targets are written out here instead."""
    config = yaml_of(PROMETHEUS / "pods.yaml")
    (job,) = config["scrape_configs"]
    assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["esnode"]}}]
    with (tmp_path / "prometheus.yaml").open("w") as file:
        YAML(typ="safe").dump(config, file)
    promtool("check", "config", "prometheus.yaml", cwd=tmp_path)


def test_a_cluster_finds_the_pods_of_the_daemonset():
    pod = yaml_of(KUBERNETES / "daemonset.yaml")["spec"]["template"]
    (port,) = pod["spec"]["containers"][0]["ports"]
    (job,) = yaml_of(PROMETHEUS / "pods.yaml")["scrape_configs"]
    assert job["relabel_configs"][0]["regex"] == f"{pod['metadata']['labels']['app.kubernetes.io/name']};{port['name']}"
    monitor = yaml_of(KUBERNETES / "podmonitor.yaml")["spec"]
    assert monitor["selector"]["matchLabels"] == pod["metadata"]["labels"]
    assert [endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]] == [port["name"]]
    assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(port["containerPort"])


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_names_only_metrics_and_labels_that_exist(rule):
    assert metrics_in(rule["expr"]) - METRICS - FOREIGN - {"up"} == set()
    known = TARGET_LABELS | {label for labels in LABELS.values() for label in labels} | {"name", "state"}
    listed = re.findall(r"(?:by|on) \(([^)]*)\)", rule["expr"]) + re.findall(r"(\w+)=~?\"", rule["expr"])
    named = {label.strip() for labels in listed for label in labels.split(",")}
    assert named - known == set()


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_a_part_of_the_manual_that_is_there(rule):
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/operations.md"
    assert anchor in anchors()
    assert rule["alert"] in OPERATIONS.read_text()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert") or rule["record"])
def test_a_rule_has_a_proof_that_it_fires_and_that_it_does_not(rule):
    if "record" in rule:
        assert rule["record"] in {case["expr"] for proof in PROOFS for case in proof.get("promql_expr_test", ())}
        return
    cases = [
        case for proof in PROOFS for case in proof.get("alert_rule_test", ()) if case["alertname"] == rule["alert"]
    ]
    assert any(case["exp_alerts"] for case in cases)
    assert any(not case["exp_alerts"] for case in cases)
