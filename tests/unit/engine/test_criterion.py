"""What is worked out once for all GPUs is the same as what would be worked out for each."""

import gc
import operator

from hypothesis import given, settings
from hypothesis import strategies as st

from esnode.engine.criterion import NEAR_LIMIT, criterion_of
from esnode.garbage import collector_paused
from esnode.model.metrics import metric
from esnode.model.profile import Condition, LockClock, Operator, Policy, Selector, ThrottlePower
from esnode.model.readings import NOT_READ, UNSUPPORTED
from esnode.model.verdict import Status
from esnode.records import replace
from tests.builders import a_gpu, a_profile, an_observation, plan_of

MEANING = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
TARGETS = ("gpu_temp_celsius", "gpu_utilization", "gpu_power_watts", "xid_error")

numbers = st.one_of(st.integers(-5, 120).map(float), st.floats(allow_nan=True, allow_infinity=False, width=32))
conditions = st.builds(Condition, op=st.sampled_from(list(Operator)), limit=st.integers(0, 100).map(float))
actions = st.sampled_from([ThrottlePower(step_watts=50, min_watts=300), LockClock(frequency_mhz=345)])
policies = st.lists(
    st.builds(
        Policy,
        name=st.uuids().map(str),
        target=st.sampled_from(TARGETS),
        condition=conditions,
        action=actions,
        duration_seconds=st.sampled_from([0.0, 60.0]),
    ),
    min_size=1,
    max_size=4,
)
selectors = st.sampled_from(
    [Selector(), Selector(tags={"gpu_index": ("0", "2")}), Selector(tags={"gpu_model": ("H*",), "zone": ("a",)})]
)
readings = st.one_of(st.integers(0, 110).map(float), st.sampled_from([UNSUPPORTED, NOT_READ]))
boards = st.lists(st.fixed_dictionaries(dict.fromkeys(TARGETS, readings)), min_size=2, max_size=5)


@given(conditions, numbers)
def test_a_condition_means_what_its_operator_means(condition, value):
    assert condition.is_true(value) is MEANING[condition.op](value, condition.limit)


@given(conditions, st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_a_policy_at_rest_is_monitored_near_its_limit_alone(condition, value):
    policy = Policy(name="p", target="gpu_temp_celsius", condition=condition, action=LockClock(frequency_mhz=345))
    status, reason = criterion_of(a_profile(policy), policy).at_rest(value)
    is_one_sided, limit = condition.op.value not in ("==", "!="), condition.limit
    is_near = is_one_sided and limit != 0 and abs(value - limit) <= NEAR_LIMIT * abs(limit)
    assert status is (Status.MONITORING if is_near else Status.SKIPPED)
    assert f"({metric(policy.target).show(value)})" in reason


@settings(max_examples=60, deadline=None)
@given(policies, selectors, boards)
def test_gpus_are_judged_together_as_each_would_be_alone(given_policies, selector, metrics):
    gpus = [a_gpu(index, metrics=shown) for index, shown in enumerate(metrics)]
    profile = a_profile(*given_policies, selector=selector)
    together = plan_of(profile, an_observation(*gpus))
    alone = [plan_of(profile, an_observation(gpu)) for gpu in gpus]
    assert together.verdicts == tuple(verdict for plan in alone for verdict in plan.verdicts)
    assert together.selections == tuple(selection for plan in alone for selection in plan.selections)
    changes = [change for plan in alone for change in plan.changes]
    assert together.changes == tuple(replace(change, order=order) for order, change in enumerate(changes, 1))


def test_the_collector_rests_inside_and_goes_on_as_it_was():
    @collector_paused()
    def inside():
        return gc.isenabled()

    assert gc.isenabled()
    assert (inside(), gc.isenabled()) == (False, True)
    with collector_paused(), collector_paused():
        assert not inside()
    assert gc.isenabled()
