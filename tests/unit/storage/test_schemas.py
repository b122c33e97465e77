"""The public schemas are what the code writes."""

import json

import pytest
from jsonschema import Draft202012Validator

from esnode.storage.document_schemas import plan_schema, state_schema
from esnode.storage.generate import generated_files
from esnode.storage.plans import plan_document
from esnode.storage.states import StateFile
from tests.builders import a_profile, an_observation, plan_of
from tests.unit.engine.machine import FakeMachine


@pytest.mark.parametrize(("path", "content"), list(generated_files()), ids=lambda value: getattr(value, "name", ""))
def test_what_is_committed_is_what_is_generated(path, content):
    assert path.read_bytes() == content, "make schemas writes it anew"


@pytest.mark.parametrize("schema", [plan_schema(), state_schema()])
def test_the_schemas_are_schemas(schema):
    Draft202012Validator.check_schema(schema)


def test_a_plan_is_valid():
    document = plan_document(plan_of(a_profile(settings={"power_limit_watts": 600.0}), an_observation()))
    Draft202012Validator(plan_schema()).validate(document)


def test_a_state_is_valid(tmp_path):
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0, "graphics_clock_mhz": 1200.0}))
    StateFile(tmp_path / "s").save(machine.state)
    Draft202012Validator(state_schema()).validate(json.loads((tmp_path / "s").read_bytes()))
