"""apply -revert-after: undone by itself unless esnode confirm comes in time."""

import contextlib
import os
import signal
import time
from pathlib import Path

from tests.e2e.test_story import CAP


def on_probation(lab):
    lab.write_profile(CAP)
    lab.plan()
    applied = lab.apply("-revert-after=10m")
    assert applied.code == 0, applied.err
    assert lab.limits() == [600, 600]


def until(said, what):
    """Wait for another process, as long as it takes within a minute."""
    deadline = time.monotonic() + 60
    while not said():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def watcher(lab):
    """The PID of the waiting process."""
    option = f"--state={lab.folder / 'esnode.state.json'}"
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_text().split("\0")
            if "revert" in words and option in words:
                return int(process.name)
    return None


def test_what_nobody_confirms_is_undone_by_itself(lab):
    on_probation(lab)
    assert "is undone in 10m unless it is confirmed" in lab.plan().err
    lab.set("clock=+10m")
    until(lambda: lab.limits() == [700, 700], "it was not undone")
    until(lambda: watcher(lab) is None, "the waiting process stayed")
    assert lab.state()["managed"]["gpus"] == {}
    assert lab.run("confirm").code == 1


def test_what_is_confirmed_stays(lab):
    on_probation(lab)
    confirmed = lab.run("confirm")
    assert confirmed.code == 0
    assert "Confirmed" in confirmed.out
    lab.set("clock=+1h")
    until(lambda: watcher(lab) is None, "the waiting process stayed")
    assert lab.limits() == [600, 600]


def test_a_killed_watcher_is_replaced_when_esnode_runs_again(lab):
    on_probation(lab)
    first = watcher(lab)
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: watcher(lab) is None, "it lives")
    lab.set("clock=+11m")
    assert lab.limits() == [600, 600]
    lab.plan()
    until(lambda: lab.limits() == [700, 700], "it was not undone")


def test_nothing_else_is_applied_meanwhile_but_its_rollback(lab):
    on_probation(lab)
    lab.write_profile("settings: {power_limit_watts: 500}\npolicies: []\n")
    lab.plan()
    refused = lab.apply()
    assert refused.code == 3
    assert "waits for its confirmation" in refused.err
    assert lab.run("rollback", "-out", "plan.json").code == 0
    assert lab.apply().code == 0
    assert lab.limits() == [700, 700]


def test_a_rollback_through_the_command_line(lab):
    lab.write_profile(CAP)
    assert lab.run("rollback").code == 1
    lab.plan_and_apply()
    planned = lab.run("rollback", "-out", "plan.json")
    assert "Undoes the apply of" in planned.out
    assert lab.apply().code == 0
    assert lab.limits() == [700, 700]


def test_max_changes_refuses_a_plan_that_touches_more(lab):
    lab.write_profile(CAP)
    lab.plan()
    refused = lab.apply("-max-changes=1")
    assert refused.code == 3
    assert "touches 2 resources, -max-changes allows 1" in refused.err
    assert lab.apply("-max-changes=2").code == 0
