"""Two state files on one machine, through the installed command."""

import pytest

CAP = "settings: {power_limit_watts: 600}\npolicies: []\n"
LOWER = "settings: {power_limit_watts: 500}\npolicies: []\n"


@pytest.fixture
def claimed(lab):
    """theirs.json brought both GPUs from 700 to 600 W; our profile asks for 500 W."""
    lab.write_profile(CAP)
    lab.run("plan", "-f", "profile.es", "-out", "plan.json", "-state", "theirs.json")
    assert lab.run("apply", "plan.json", "-state", "theirs.json").code == 0
    lab.write_profile(LOWER)
    return lab


def test_another_states_gpu_is_a_warning_at_plan_and_a_refusal_at_apply(claimed):
    assert "GPU-0 is managed by another state" in claimed.plan().err
    refused = claimed.apply()
    assert (refused.code, claimed.limits()) == (3, [600, 600])
    assert "theirs.json" in refused.err
    assert "-take-over" in refused.err


def test_a_gpu_that_is_taken_over_goes_back_to_where_it_was_before_the_other(claimed):
    claimed.plan()
    taken = claimed.apply("-take-over")
    assert "Baselines copied: power_limit_watts" in taken.err
    assert claimed.limits() == [500, 500]
    claimed.run("destroy", "-out", "plan.json")
    assert claimed.apply().code == 0
    assert claimed.limits() == [700, 700]


def test_the_state_that_lost_its_gpus_is_told(claimed):
    claimed.plan()
    claimed.apply("-take-over")
    planned = claimed.run("destroy", "-state", "theirs.json", "-out", "plan.json")
    assert "is managed by another state" in planned.err
    assert claimed.run("apply", "plan.json", "-state", "theirs.json").code == 3


def test_where_the_other_state_is_gone_what_is_there_counts(claimed):
    (claimed.folder / "theirs.json").unlink()
    claimed.plan()
    refused = claimed.apply()
    assert refused.code == 3
    assert "That state is gone" in refused.err
    assert "which is gone" in claimed.apply("-take-over").err
    assert claimed.state()["managed"]["gpus"].popitem()[1]["settings"]["power_limit_watts"]["baseline"] == 600


def test_a_gpu_that_was_given_back_is_free(claimed):
    claimed.run("destroy", "-state", "theirs.json", "-out", "plan.json")
    claimed.run("apply", "plan.json", "-state", "theirs.json")
    assert "another state" not in claimed.plan().err
    assert claimed.apply().code == 0


def test_a_stale_claim_is_mentioned_and_replaced(claimed):
    kept = {path: path.read_bytes() for path in (claimed.folder / "world.run").glob("*.claim")}
    claimed.run("state", "rm", "gpu[0]", "gpu[1]", "-state", "theirs.json")
    for path, data in kept.items():
        path.write_bytes(data)
    assert "stale claim" in claimed.plan().err
    assert claimed.apply().code == 0


def test_where_claims_cannot_be_written_nothing_is_touched(lab):
    (lab.folder / "world.run").write_text("a file")
    lab.write_profile(CAP)
    assert lab.plan().code == 0
    refused = lab.apply()
    assert (refused.code, lab.limits()) == (3, [700, 700])
    assert "world.run" in refused.err
    assert "ESNODE_RUNTIME_DIR" in refused.err
    elsewhere = {"ESNODE_RUNTIME_DIR": str(lab.folder / "run")}
    assert lab.run("apply", "plan.json", env=elsewhere).code == 0
    assert len(list((lab.folder / "run").glob("*.claim"))) == 2


def test_two_simulated_machines_in_one_folder_keep_their_claims_apart(lab):
    lab.run("sim", "init", "-count", 1, "-speed", 0, "second.yaml")
    lab.write_profile(CAP)
    lab.plan_and_apply()
    second = {"ESNODE_SIMULATE": "second.yaml", "ESNODE_STATE": "second.json"}
    lab.run("plan", "-f", "profile.es", "-out", "plan.json", env=second)
    assert lab.run("apply", "plan.json", env=second).code == 0
    assert len(list(lab.folder.glob("*.run/*.claim"))) == 3
