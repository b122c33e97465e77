"""What docs/drift.md says of a locked H100, on a simulated one."""

import re

from tests.docs.pages import DOCS
from tests.e2e.lab import Lab


def test_the_lock_of_the_example_is_judged_as_the_page_says(tmp_path):
    rows = re.findall(r"^\| (\d+) MHz.*?\| (\w+) \|", (DOCS / "drift.md").read_text(), re.MULTILINE)
    assert rows == [("1980", "drifted"), ("1200", "consistent"), ("345", "unverifiable")]
    lab = Lab(tmp_path, count=1)
    lab.write_profile("settings: {graphics_clock_mhz: {min: 345, max: 1200}}\npolicies: []\n")
    assert lab.plan_and_apply().code == 0

    def judged():
        lab.set("clock=+10s")
        (lock,) = [line["clock_lock"] for line in lab.run("scan", "-json").lines() if line["type"] == "clock_lock"]
        return re.findall(r"SM clock is (\d+)", lock["reason"])[0], lock["status"]

    assert judged() == rows[1]
    lab.set(0, "gpu_utilization=0")
    assert judged() == rows[2]
    lab.set(0, "gpu_utilization=auto", "graphics_clock_mhz=none")
    assert judged() == rows[0]
