"""What holds for every profile, every reading and every order of events."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esnode.model.plan import Mode
from esnode.model.profile import LockClock, ThrottlePower
from esnode.model.settings import ClockRange, Percent
from tests.builders import a_gpu, a_policy, a_profile
from tests.unit.engine.machine import FakeMachine

watts = st.integers(100, 900).map(float)
clocks = st.integers(100, 2200)
ranges = st.tuples(clocks, clocks).map(lambda ends: ClockRange(min=min(ends), max=max(ends)))
base_layers = st.fixed_dictionaries(
    {},
    optional={
        "power_limit_watts": watts | st.integers(10, 120).map(lambda share: Percent(percent=float(share))),
        "graphics_clock_mhz": clocks.map(float) | ranges,
        "memory_clock_mhz": clocks.map(float),
        "persistence_mode": st.booleans(),
        "compute_mode": st.sampled_from(["default", "exclusive_process", "prohibited"]),
    },
)
actions = st.one_of(
    st.builds(ThrottlePower, step_watts=st.integers(1, 300).map(float), min_watts=watts),
    st.builds(LockClock, frequency_mhz=clocks.map(float)),
)
policies = st.lists(st.tuples(st.sampled_from([">", "<", ">=", "<="]), st.integers(1, 100), actions), max_size=4)


def profile_of(layer, rules):
    made = [
        a_policy(f"p{number}", condition=f"{op} {limit}", action=action)
        for number, (op, limit, action) in enumerate(rules)
    ]
    return a_profile(*made, settings=layer)


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(base_layers, policies, watts, st.booleans(), st.integers(20, 100))
def test_plan_apply_plan_leaves_nothing(layer, rules, limit, persistent, temperature):
    limit = min(max(limit, 200.0), 700.0)
    machine = FakeMachine(
        a_gpu(
            settings={"power_limit_watts": limit, "persistence_mode": persistent},
            metrics={"gpu_temp_celsius": float(temperature)},
        )
    )
    profile = profile_of(layer, rules)
    plan = machine.plan(profile)
    if plan.changes:
        assert machine.apply(plan).is_complete
    assert not machine.plan(profile).changes


@quick
@given(
    st.lists(st.tuples(base_layers, policies, st.integers(20, 100), st.integers(0, 400)), min_size=1, max_size=5), watts
)
def test_destroy_brings_back_what_was_there_before_the_first_write(passes, limit):
    limit = min(max(limit, 200.0), 700.0)
    machine = FakeMachine(a_gpu(settings={"power_limit_watts": limit, "persistence_mode": False}))
    before = dict(next(iter(machine.gpus.values())).settings)
    for layer, rules, temperature, seconds in passes:
        machine.set_metric("gpu_temp_celsius", float(temperature))
        machine.pass_time(seconds)
        plan = machine.plan(profile_of(layer, rules))
        if plan.changes:
            assert machine.apply(plan).is_complete
    back = machine.plan([], mode=Mode.DESTROY)
    if back.changes:
        assert machine.apply(back).is_complete
    assert next(iter(machine.gpus.values())).settings == before
    assert all(value is None for value in machine.locks.values())
    assert not machine.state.managed.gpus


@quick
@given(base_layers, policies, watts)
def test_nothing_leaves_the_boards_limits(layer, rules, limit):
    machine = FakeMachine(a_gpu(settings={"power_limit_watts": min(max(limit, 200.0), 700.0)}))
    for change in machine.plan(profile_of(layer, rules)).changes:
        power = change.after.get("power_limit_watts", 700.0)
        assert isinstance(power, float | int)
        assert 200 <= power <= 700


@quick
@given(base_layers, policies)
def test_the_same_inputs_give_the_same_bytes(layer, rules):
    from esnode.records import replace
    from esnode.storage.plans import plan_bytes

    profile = profile_of(layer, rules)
    one, other = FakeMachine().plan(profile), FakeMachine().plan(profile)
    assert plan_bytes(one) == plan_bytes(replace(other))
