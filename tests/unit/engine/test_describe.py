"""The hardware as a profile would have it."""

from esnode.engine.describe import describe
from esnode.model.profile import Selector
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import ClockRange
from tests.builders import a_gpu, a_profile, a_state, an_observation
from tests.unit.engine.machine import FakeMachine

LOCK = ClockRange(min=345, max=1200)


def wanted(description):
    return {entry.setting: entry.value for entry in description.entries if entry.is_wanted}


def of_model(index, model, **members):
    return a_gpu(index, tags={"gpu_model": model}, **members)


def test_only_what_differs_from_default_is_wanted():
    (found,) = describe(an_observation(a_gpu(settings={"power_limit_watts": 600.0})), a_state())
    assert wanted(found) == {"persistence_mode": True, "power_limit_watts": 600.0}
    assert {entry.remark for entry in found.entries if entry.setting == "compute_mode"} == {"the default"}


def test_everything_is_wanted_when_asked_for():
    (found,) = describe(an_observation(), a_state(), everything=True)
    assert wanted(found) == {"persistence_mode": True, "power_limit_watts": 700.0, "compute_mode": "default"}


def test_gpus_that_are_set_alike_share_one_profile_for_all():
    (found,) = describe(an_observation(a_gpu(0), a_gpu(1)), a_state())
    assert (found.gpus, found.selector) == ("GPU-0, GPU-1", Selector())


def test_models_that_are_set_apart_are_selected_by_model():
    gpus = [of_model(0, "H100"), of_model(1, "T4", settings={"power_limit_watts": 60.0}), of_model(2, "H100")]
    first, second = describe(an_observation(*gpus), a_state())
    assert (first.name, first.selector.tags) == ("imported-h100", {"gpu_model": ("H100",)})
    assert (second.name, second.selector.tags) == ("imported-t4", {"gpu_model": ("T4",)})


def test_one_model_set_in_two_ways_is_selected_by_uuid():
    gpus = [of_model(0, "H100"), of_model(1, "H100", settings={"power_limit_watts": 600.0})]
    first, second = describe(an_observation(*gpus), a_state())
    assert first.selector.tags == {"gpu_uuid": (gpus[0].identity.uuid,)}
    assert (second.name, second.selector.tags) == ("imported-h100-2", {"gpu_uuid": (gpus[1].identity.uuid,)})


def test_a_lock_is_known_from_the_state_alone():
    machine = FakeMachine()
    assert "graphics_clock_mhz" not in wanted(describe(machine.observe(), machine.state)[0])
    machine.plan_and_apply(a_profile(settings={"graphics_clock_mhz": LOCK}))
    assert wanted(describe(machine.observe(), machine.state)[0])["graphics_clock_mhz"] == LOCK


def test_what_esnode_manages_is_wanted_even_at_its_default():
    machine = FakeMachine(a_gpu(settings={"power_limit_watts": 600.0}))
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 700.0}))
    assert wanted(describe(machine.observe(), machine.state)[0])["power_limit_watts"] == 700.0


def test_a_gpu_that_cannot_be_read_is_left_out():
    lost = a_gpu(1, failure=Missing(missing=MissingReason.GPU_LOST))
    (found,) = describe(an_observation(a_gpu(0), lost), a_state())
    assert found.gpus == "GPU-0"
    assert found.selector.tags == {"gpu_uuid": (a_gpu(0).identity.uuid,)}
