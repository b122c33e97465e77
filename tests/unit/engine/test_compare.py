"""What one plan does that another does not."""

from esnode.engine.compare import compare
from esnode.storage.plans import read_plan, write_plan
from esnode.storage.profiles.read import read_profiles
from esnode.views.diff import differences_text
from esnode.views.text import Paint
from tests.builders import a_gpu, a_profile, an_observation, plan_of, uuid_of
from tests.places import EXAMPLES


def capped(watts, *gpus, at=0):
    return plan_of(a_profile(settings={"power_limit_watts": watts}), an_observation(*gpus, at=at))


def test_times_and_readings_are_no_difference():
    later = capped(600.0, a_gpu(metrics={"gpu_temp_celsius": 50.0}), at=600)
    assert compare(capped(600.0), later) == ()


def test_a_plan_just_made_and_the_same_one_from_its_file_do_not_differ(tmp_path):
    plan = plan_of(read_profiles([str(EXAMPLES / "profiles" / "power-cap.es")]), an_observation())
    write_plan(plan, tmp_path / "plan.json")
    assert compare(read_plan(tmp_path / "plan.json")[0], plan) == ()


def test_another_value_is_one_difference():
    (found,) = compare(capped(600.0), capped(500.0))
    assert (found.subject, found.path) == (f'gpu["{uuid_of(0)}"]', ("after", "power_limit_watts"))
    assert (found.old, found.new) == (600.0, 500.0)


def test_a_resource_that_only_one_plan_changes_is_one_difference():
    (found,) = compare(capped(600.0), capped(600.0, a_gpu(0), a_gpu(1)))
    assert found.subject == f'gpu["{uuid_of(1)}"]'
    assert found.side == "new"


def test_a_lock_that_was_none_before_is_a_change_of_both():
    idle = a_profile(settings={"graphics_clock_mhz": 345.0})
    other = a_profile(settings={"graphics_clock_mhz": 360.0})
    (found,) = {item.path[:2] for item in compare(plan_of(idle, an_observation()), plan_of(other, an_observation()))}
    assert found == ("after", "graphics_clock_mhz")


def test_the_difference_reads_well():
    text = differences_text(compare(capped(600.0), capped(500.0)), Paint())
    assert "  ~ after.power_limit_watts = 600 -> 500" in text
    assert text.endswith("The plans differ in 1 place of 1 resource.")
