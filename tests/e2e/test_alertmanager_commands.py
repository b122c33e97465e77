"""An alert from plan to resolution, through the installed command and a real Alertmanager."""

import json
import subprocess

import pytest

from tests.cli.run import esnode

pytestmark = pytest.mark.lane("alertmanager")

PROFILE = """apiVersion: v1
kind: EfficiencyProfile
metadata: {name: lab, version: '1'}
policies:
  - name: hot
    target: gpu_power_watts
    condition: "> 500"
    action: {type: alert, channel: oncall}
    severity: critical
"""


def test_an_alert_is_listed_while_it_fires_and_not_when_it_is_resolved(tmp_path, alertmanager):
    (tmp_path / "profile.es").write_text(PROFILE)
    (tmp_path / "node.yaml").write_text(f'channels:\n  oncall: {{alertmanager: "{alertmanager.url}"}}\n')
    (tmp_path / "world.yaml").write_text(
        "apiVersion: v1\nkind: SimulatedMachine\nname: lab\nspeed: 0\n"
        "gpus:\n  - {board: H100-SXM, workload: {utilization: 99}}\n"
    )

    def run(*words):
        done = esnode(*words, cwd=tmp_path, env={"ESNODE_SIMULATE": "world.yaml", "ESNODE_NODE": "node.yaml"})
        assert done.code == 0, done.out + done.err
        return done

    def listed():
        command = ["amtool", f"--alertmanager.url={alertmanager.url}", "alert", "query", "-o", "json"]
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [alert["labels"]["policy"] for alert in json.loads(found)]

    run("plan", "-f", "profile.es", "-out", "plan.json")
    run("apply", "plan.json")
    assert listed() == ["hot"]
    assert "fires to oncall" in run("show").out
    run("destroy", "-out", "plan.json")
    run("apply", "plan.json")
    assert listed() == []
    assert "Nothing is managed" in run("show").out
