"""What a control loop says of itself survives JSON, its plan included."""

import json

import pytest

from esnode.errors import BadValue
from esnode.records import replace
from esnode.storage.loop_status import read_status, status_document
from tests.golden.scenes import SCENES
from tests.golden.test_golden import PLANS


@pytest.mark.parametrize("name", SCENES)
def test_a_status_survives_json(name):
    status = SCENES[name]()
    read = read_status(json.loads(json.dumps(status_document(status))))
    assert read == replace(status, plan=replace(status.plan, profiles=()) if status.plan else None)


@pytest.mark.parametrize("name", PLANS)
def test_so_does_every_kind_of_plan_in_it(name):
    plan = PLANS[name]()
    status = replace(SCENES["busy"](), plan=plan)
    assert read_status(json.loads(json.dumps(status_document(status)))).plan == replace(plan, profiles=())


@pytest.mark.parametrize("document", [None, [], {}, {"pid": 1}, "ok"])
def test_anything_else_is_an_error(document):
    with pytest.raises(BadValue):
        read_status(document)


def test_a_plan_that_is_none_is_an_error():
    with pytest.raises(BadValue):
        read_status({**status_document(SCENES["busy"]()), "plan": {"gpus": []}})


def test_members_of_a_later_version_are_passed_over():
    status = SCENES["busy"]()
    assert read_status({**status_document(status), "mood": "fine"}).pid == status.pid
