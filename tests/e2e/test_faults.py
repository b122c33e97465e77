"""Bad luck: lying setters, lost GPUs, refusals, a driver that restarts."""

from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.e2e.test_story import CAP


def test_a_setter_that_lies_is_caught(lab):
    lab.write_profile(CAP)
    lab.plan()
    lab.set(0, "fault=lying_setter")
    failed = lab.apply()
    assert failed.code == 4
    assert 'the driver answered "success" for a power limit of 600 W on GPU-0' in failed.out
    assert "1 applied, 1 failed, 0 not started" in failed.out
    lab.plan()
    assert lab.changed() == [0]


def test_eight_gpus_with_one_that_refuses(tmp_path):
    lab = Lab(tmp_path, count=8)
    lab.write_profile(CAP)
    lab.plan()
    lab.set(3, "fault=no_permission")
    failed = lab.apply()
    assert failed.code == 4
    assert "7 applied, 1 failed, 0 not started" in failed.out
    assert lab.limits() == [600, 600, 600, 700, 600, 600, 600, 600]
    lab.plan()
    assert lab.changed() == [3]


def test_a_lost_gpu_is_isolated_and_its_record_kept(lab):
    lab.write_profile(CAP)
    lab.plan_and_apply()
    lab.set(0, "fault=gpu_lost")
    lab.set(1, "power_limit_watts=650")
    planned = lab.plan()
    assert lab.changed() == [1]
    assert "GPU-0 (H100) State: could not be read: the GPU is lost" in planned.out
    assert lab.document()["complete"] is False
    assert lab.apply().code == 0
    assert len(lab.state()["managed"]["gpus"]) == 2


def test_a_gpu_lost_between_plan_and_apply_refuses_the_plan(lab):
    lab.write_profile(CAP)
    lab.plan()
    lab.set(0, "fault=gpu_lost")
    assert lab.apply().code == 3
    assert lab.limits()[1] == 700


def test_a_metric_that_fails_is_unknown_and_nothing_is_done(lab):
    lab.write_profile(
        "policies:\n"
        "  - {name: idle, target: gpu_utilization, condition: '< 5%',\n"
        "     action: {type: lock_clock, parameters: {frequency_mhz: 210}}}\n"
    )
    lab.set(0, "fault=sensor_error:nvmlDeviceGetUtilizationRates")
    planned = lab.plan()
    assert "gpu_utilization is missing" in planned.out
    assert "Status: UNKNOWN" in planned.out
    assert "No changes." in planned.out


def test_a_driver_restart_between_plan_and_apply_refuses_the_plan(lab):
    lab.write_profile(CAP)
    lab.set("clock=+10m")
    lab.plan()
    lab.set("world", "driver=restart")
    refused = lab.apply()
    assert refused.code == 3
    assert "was restarted since the plan was made" in refused.err


def test_after_a_reboot_a_volatile_limit_is_planned_again_with_that_cause(lab):
    lab.write_profile(CAP)
    lab.plan_and_apply()
    lab.set("world", "boot=new")
    planned = lab.plan()
    assert "has changed (reload)" in planned.out
    assert lab.changed() == [0, 1]


def test_a_limit_without_persistence_is_gone_with_the_last_client_and_the_plan_warned(lab):
    lab.set("all", "persistence_mode=off")
    lab.write_profile(CAP)
    assert "Persistence mode of GPU-0, GPU-1 is off" in lab.plan().err
    lab.apply()
    assert "has changed (not_persistent)" in lab.plan().out


def test_an_out_of_band_cap_is_no_drift(lab):
    lab.write_profile(CAP)
    lab.plan_and_apply()
    lab.set("all", "out_of_band_limit_watts=500")
    assert "No changes." in lab.plan().out


def test_old_and_new_drivers_both_work(tmp_path):
    for version in ("535.309.01", "550.163.01", "580.105.08", "595.91.07", "615.10"):
        folder = tmp_path / version
        folder.mkdir()
        lab = Lab(folder, driver=version)
        lab.write_profile(CAP)
        assert lab.plan_and_apply().code == 0, version
        assert "No changes." in lab.plan().out
        assert "gpu_temp_celsius" not in lab.plan().err


def test_a_locked_state_is_exit_5_and_a_plan_goes_on(lab):
    from esnode.storage.locks import locked

    lab.write_profile(CAP)
    lab.plan()
    with locked(lab.folder / "esnode.state.json", "test"):
        refused = lab.apply("-lock-timeout=100ms")
        assert refused.code == 5
        assert "Held by" in refused.err
        assert "The readings were not stored" in lab.plan("-lock-timeout=0s").err


def test_a_state_that_cannot_be_written_touches_nothing(lab):
    lab.write_profile(CAP)
    lab.plan()
    state = lab.folder / "esnode.state.json"
    lab.run("plan", "-f", "profile.es", "-out", "plan.json", "-state", "gone/esnode.state.json")
    refused = esnode(
        "apply",
        "-state",
        "gone/esnode.state.json",
        "plan.json",
        cwd=lab.folder,
        env={"ESNODE_SIMULATE": "world.yaml"},
    )
    assert refused.code == 3
    assert "Nothing was touched" in refused.err
    assert state.exists()
    assert lab.limits() == [700, 700]
