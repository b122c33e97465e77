"""esnode diff: a gate on what a plan decides."""

from tests.e2e.test_story import CAP


def test_the_same_decision_on_another_day_is_no_difference(lab):
    lab.write_profile(CAP)
    lab.plan()
    (lab.folder / "plan.json").rename(lab.folder / "approved.json")
    lab.set("all", "gpu_temp_celsius=50")
    lab.set("clock=+1h")
    lab.plan()
    same = lab.run("diff", "approved.json", "plan.json", "-detailed-exitcode")
    assert same.code == 0
    assert "Both plans do the same" in same.out


def test_another_decision_is_exit_2_and_named(lab):
    lab.write_profile(CAP)
    lab.plan()
    (lab.folder / "plan.json").rename(lab.folder / "approved.json")
    lab.write_profile("settings: {power_limit_watts: 500}\npolicies: []\n")
    lab.plan()
    other = lab.run("diff", "approved.json", "plan.json", "-detailed-exitcode")
    assert other.code == 2
    assert "after.power_limit_watts" in other.out
    lines = lab.run("diff", "-json", "approved.json", "plan.json").lines()
    assert [line["type"] for line in lines] == ["version", *["difference"] * 3, "diff_summary"]
