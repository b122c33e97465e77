"""Every view, word for word. `make golden` writes the files anew; the difference is to be reviewed."""

from __future__ import annotations

import json

import pytest

from esnode import __version__
from esnode.engine.describe import describe
from esnode.model.metrics import THROTTLE_REASONS
from esnode.model.plan import Mode
from esnode.model.profile import Alert, LockClock, Selector, Severity
from esnode.model.readings import NOT_READ, Missing, MissingReason
from esnode.model.settings import ClockRange
from esnode.records import replace
from esnode.storage.plans import plan_document
from esnode.storage.profiles.write import ProfileDraft, SettingLine, profiles_text
from esnode.views.apply import step_in_words, tally
from esnode.views.junit import plan_junit
from esnode.views.plan_html import plan_html
from esnode.views.plan_markdown import plan_markdown
from esnode.views.plan_text import next_steps, plan_text
from esnode.views.sarif import plan_sarif
from esnode.views.scan import next_steps as scan_steps
from esnode.views.scan import scan_text
from esnode.views.state import resource_text, state_text
from esnode.views.text import Paint, diagnostic_box
from tests.builders import a_gpu, a_policy, a_profile, a_state, an_observation, plan_of
from tests.places import GOLDEN
from tests.unit.engine.machine import FakeMachine

THERMAL = a_policy(condition="> 82", line=19)
IDLE = a_policy(
    "idle-power-save",
    target="gpu_utilization",
    condition="< 5%",
    duration="5m",
    action=LockClock(frequency_mhz=210),
    line=30,
)
TRAIN = a_profile(THERMAL, IDLE, path="training.es")


def _specification():
    gpu = a_gpu(metrics={"gpu_temp_celsius": 78.0, "gpu_power_watts": 650.0, "gpu_utilization": 99.0})
    return plan_of(TRAIN, an_observation(gpu))


def _hot():
    gpus = [a_gpu(index, metrics={"gpu_temp_celsius": 84.0 if index == 3 else 60.0 + index}) for index in range(8)]
    return plan_of(TRAIN, an_observation(*gpus))


def _several_hot():
    """The same change for different readings, a GPU that differs, an alert of several GPUs."""
    tell = a_policy("tell", condition="> 80", action=Alert(channel="ops"), severity=Severity.CRITICAL, line=41)
    profile = a_profile(THERMAL, tell, path="training.es")
    hot = {0: 84.0, 1: 86.5, 2: 60.0, 5: 91.0}
    gpus = [
        a_gpu(index, metrics={"gpu_temp_celsius": hot.get(index, 71.0)}, settings={"power_limit_watts": limit})
        for index, limit in enumerate([700.0, 700.0, 700.0, 700.0, 700.0, 650.0])
    ]
    return plan_of(profile, an_observation(*gpus))


def _folded():
    profile = a_profile(settings={"power_limit_watts": 560.0, "persistence_mode": True})
    gpus = [a_gpu(index, settings={"persistence_mode": False}) for index in range(8)]
    return plan_of(profile, an_observation(*gpus))


def _drifted():
    machine = FakeMachine(a_gpu(0), a_gpu(1))
    profile = a_profile(settings={"power_limit_watts": 600.0})
    machine.plan_and_apply(profile)
    machine.set_setting("power_limit_watts", 680.0, index=1)
    return machine.plan(profile)


def _destroyed():
    machine = FakeMachine()
    machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0, "graphics_clock_mhz": 1200.0}))
    return machine.plan([], mode=Mode.DESTROY)


def _mixed():
    lost = Missing(missing=MissingReason.GPU_LOST)
    picky = a_profile(name="picky", selector=Selector(tags={"gpu_model": ("A100",), "cluster_zone": ("us-east-1",)}))
    alerting = a_profile(a_policy("tell", condition="> 50", action=Alert(channel="ops"), line=9), name="alerting")
    gpus = [a_gpu(0), a_gpu(1, failure=lost, settings={}, metrics={})]
    return plan_of([picky, alerting], an_observation(*gpus))


def _a_machine_with_everything():
    """A foreign limit, a limiter outside, a lock that holds, one that drifted, one that nobody can verify."""
    reasons = {f"throttle_reason_{name}": 0.0 for name in THROTTLE_REASONS}
    clocks = (345.0, 1200.0, 1980.0)
    gpus = [a_gpu(index, metrics={**reasons, "gpu_sm_clock_mhz": clock}) for index, clock in enumerate(clocks)]
    machine = FakeMachine(*gpus)
    settings = {"power_limit_watts": 600.0, "graphics_clock_mhz": ClockRange(min=345, max=1200)}
    machine.plan_and_apply(a_profile(settings=settings))
    machine.pass_time(60)
    machine.set_setting("power_limit_watts", 680.0, index=1)
    uuid, gpu = next(iter(machine.gpus.items()))
    machine.gpus[uuid] = replace(gpu, limits=replace(gpu.limits, power_enforced_watts=500.0))
    return machine


def _scanned():
    return _a_machine_with_everything().plan([], mode=Mode.CORRECT)


def _accepted():
    return _a_machine_with_everything().plan([], mode=Mode.REFRESH_ONLY)


PLANS = {
    "scanned": _scanned,
    "accepted": _accepted,
    "specification": _specification,
    "hot": _hot,
    "several_hot": _several_hot,
    "folded": _folded,
    "drifted": _drifted,
    "destroyed": _destroyed,
    "mixed": _mixed,
}


@pytest.mark.parametrize("name", PLANS)
def test_the_human_plan(name, request):
    plan = PLANS[name]()
    parts = [
        plan_text(plan, Paint()),
        next_steps(plan, None),
        *(diagnostic_box(diagnostic, Paint()) for diagnostic in plan.diagnostics),
    ]
    agree(f"plan_{name}.txt", "\n\n".join(parts) + "\n", request)


@pytest.mark.parametrize("name", PLANS)
def test_the_plan_file(name, request):
    text = json.dumps(plan_document(PLANS[name]()), indent=2, sort_keys=True)
    agree(f"plan_{name}.json", text + "\n", request)


@pytest.mark.parametrize("name", ["several_hot", "scanned"])
def test_the_other_faces(name, request):
    plan = PLANS[name]()
    agree(f"plan_{name}.md", plan_markdown(plan, source="plan.json", digest="d" * 64), request)
    agree(f"plan_{name}.html", plan_html(plan, digest="d" * 64), request)
    agree(f"plan_{name}.xml", plan_junit(plan), request)
    agree(f"plan_{name}.sarif", plan_sarif(plan).replace(__version__, "VERSION"), request)


def test_the_scan(request):
    plan = _scanned()
    agree("scan.txt", f"{scan_text(plan, Paint())}\n\n{scan_steps(plan, None)}\n", request)


def test_the_imported_profile(request):
    gpus = [a_gpu(0), a_gpu(1, settings={"power_limit_watts": 555.5, "compute_mode": NOT_READ})]
    found = describe(an_observation(*gpus), a_state())
    drafts = [
        ProfileDraft(
            name=part.name,
            description=part.gpus,
            selector=part.selector,
            settings=[
                SettingLine(setting=entry.setting, value=entry.value, is_wanted=entry.is_wanted, remark=entry.remark)
                for entry in part.entries
            ],
        )
        for part in found
    ]
    agree("imported.es", profiles_text(drafts, ["A heading."]), request)


def test_the_state(request):
    machine = FakeMachine(*(a_gpu(index, metrics={"gpu_temp_celsius": 84.0}) for index in range(2)))
    machine.plan_and_apply(a_profile(THERMAL, settings={"graphics_clock_mhz": 1200.0}))
    record = next(iter(machine.state.managed.gpus.values()))
    agree("state.txt", f"{state_text(machine.state)}\n\n{resource_text(record)}\n", request)


def test_the_tally(request):
    machine = FakeMachine(*(a_gpu(index) for index in range(3)))
    machine.faults = {(0, "power_limit_watts"): "refuses", (1, "power_limit_watts"): "lies"}
    report = machine.plan_and_apply(a_profile(settings={"power_limit_watts": 600.0}))
    lines = [step_in_words(step).partition(" (")[0] for step in report.steps]
    agree("apply.txt", "\n".join([*lines, tally(report)]) + "\n", request)


def agree(name: str, text: str, request: pytest.FixtureRequest) -> None:
    path = GOLDEN / "expected" / name
    if request.config.getoption("--regenerate"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert path.read_text() == text
