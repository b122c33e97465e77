"""Programs that other people wrote for Terraform's plans read ours as they are, and report what apply will do."""

from __future__ import annotations

import json
import re

import pytest

from tests.ecosystem.places import run
from tests.ecosystem.readers import READERS

pytestmark = pytest.mark.lane("ecosystem")

COUNTED = {
    "changes": "Plan: 1 to add, 2 to change, 1 to destroy",
    "ends": "Plan: 0 to add, 2 to change, 1 to destroy",
    "drift": "Plan: 0 to add, 1 to change, 0 to destroy",
    "accepted": "Plan: 0 to add, 1 to change, 0 to destroy",
    "forgets": "Plan: 0 to add, 0 to change, 0 to destroy",
    "nothing": "Plan: 0 to add, 0 to change, 0 to destroy",
}
"""Each plan, and how its changes are counted."""

KNOW_FORGET = sorted(READERS.keys() - {"tf-peek"})
"""Terraform has `forget` since 1.7; tf-peek 1.3.0 ends with an error on any plan that has one."""


@pytest.mark.parametrize("plan", ["changes", "ends", "drift", "nothing"])
@pytest.mark.parametrize("reader", READERS)
def test_it_names_each_change_and_what_happens_to_it(reader, plan, plans, tmp_path):
    saved = plans[plan]
    assert READERS[reader](saved.path, tmp_path) == saved.changes()


@pytest.mark.parametrize("reader", KNOW_FORGET)
def test_what_is_forgotten_is_no_deletion(reader, plans, tmp_path):
    said = READERS[reader](plans["forgets"].path, tmp_path)
    assert set(said.values()) & {"create", "update", "delete"} == set()


@pytest.mark.parametrize("plan", COUNTED)
def test_terraform_unidiff_counts_as_our_command_does(plan, plans, tmp_path):
    saved = plans[plan]
    done = run("terraform-unidiff", saved.path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == COUNTED[plan]
    assert re.findall(r"^Index: (.+)$", done.stdout, re.MULTILINE) == list(saved.changes())
    if plan in ("changes", "ends", "drift"):
        assert saved.summary == f"{COUNTED[plan]}."


def test_terraform_unidiff_shows_the_values(plans, tmp_path):
    done = run("terraform-unidiff", plans["drift"].path, cwd=tmp_path)
    assert "-power_limit_watts: 680\n+power_limit_watts: 600\n" in done.stdout


@pytest.mark.parametrize(("plan", "kind"), [("changes", "process"), ("ends", "alert")])
def test_terrasafe_stops_a_deletion_until_it_is_allowed(plan, kind, plans, tmp_path):
    saved = plans[plan]
    refused = run("terrasafe", cwd=tmp_path, stdin=saved.path.read_text())
    assert refused.returncode == 1
    assert re.findall(r"^ - (.+)$", refused.stdout, re.MULTILINE) == saved.addresses(kind)
    (tmp_path / "allowed.json").write_text(json.dumps({"ignore_deletion": [f"{kind}*"]}))
    allowed = run("terrasafe", "--config", "allowed.json", cwd=tmp_path, stdin=saved.path.read_text())
    assert (allowed.returncode, "0 unauthorized deletion" in allowed.stdout) == (0, True)


@pytest.mark.parametrize("plan", ["drift", "forgets", "nothing"])
def test_terrasafe_lets_everything_else_pass(plan, plans, tmp_path):
    assert run("terrasafe", cwd=tmp_path, stdin=plans[plan].path.read_text()).returncode == 0


@pytest.mark.parametrize(("plan", "code"), [("changes", 2), ("drift", 0)])
def test_readtheplan_is_a_gate_for_what_cannot_be_undone(plan, code, plans, tmp_path):
    gate = run("readtheplan", "analyze", "--fail-on", "irreversible", plans[plan].path, cwd=tmp_path)
    assert gate.returncode == code, gate.stdout


@pytest.mark.parametrize(("plan", "code"), [("changes", 3), ("drift", 0)])
def test_tf_peek_is_a_gate_for_what_is_called_critical(plan, code, plans, tmp_path):
    (tmp_path / "peek.toml").write_text('[[resources]]\nmatch_type = "process"\ntier = "critical"\n')
    gate = run("tf-peek", "--config", "peek.toml", "--fail-on-critical", plans[plan].path, cwd=tmp_path)
    assert gate.returncode == code, gate.stderr
