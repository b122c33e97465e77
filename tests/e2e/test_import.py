"""A profile of the hardware as it is: valid, and planning it changes nothing."""

import pytest

from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.places import CAPTURES


def imported(lab: Lab, *flags: object) -> str:
    result = lab.run("import", "-out", "found.es", *flags)
    assert result.code == 0, result.err
    return (lab.folder / "found.es").read_text()


def assert_it_asks_for_nothing(lab: Lab) -> None:
    valid = lab.run("validate", "found.es")
    assert (valid.code, valid.err) == (0, "")
    planned = lab.run("plan", "-f", "found.es", "-detailed-exitcode")
    assert planned.code == 0, planned.out
    assert "No changes." in planned.out


def test_a_machine_with_mixed_settings_becomes_several_profiles(lab):
    lab.set(0, "power_limit_watts=555.5")
    lab.set(1, "compute_mode=exclusive_process")
    text = imported(lab)
    assert text.count("kind: EfficiencyProfile") == 2
    assert "power_limit_watts: 555.5\n" in text
    assert "# power_limit_watts: 700  # the default" in text
    assert "# graphics_clock_mhz: no driver can tell whether it is locked" in text
    assert_it_asks_for_nothing(lab)


@pytest.mark.parametrize("flags", [[], ["-all"]])
def test_a_machine_that_nobody_touched_asks_for_nothing(lab, flags):
    text = imported(lab, *flags)
    assert ("\n  power_limit_watts: 700" in text) is bool(flags)
    assert text.count("kind: EfficiencyProfile") == 1
    assert "selectors" not in text
    assert_it_asks_for_nothing(lab)


def test_what_esnode_manages_is_in_it_clock_locks_too(lab):
    lab.write_profile("settings: {power_limit_watts: 600, graphics_clock_mhz: {min: 345, max: 1200}}\npolicies: []\n")
    lab.plan_and_apply()
    assert "graphics_clock_mhz: {min: 345, max: 1200}  # as esnode applied it" in imported(lab)
    assert_it_asks_for_nothing(lab)


def test_it_is_printed_without_out_and_never_overwrites_a_file(lab):
    printed = lab.run("import")
    assert printed.out == imported(lab)
    refused = lab.run("import", "-out", "found.es")
    assert (refused.code, "is there already" in refused.err) == (1, True)


def test_a_gpu_that_cannot_be_read_is_named(lab):
    lab.set(1, "fault=gpu_lost")
    result = lab.run("import")
    assert "GPU-1 could not be read" in result.err
    assert "gpu_uuid" in result.out


@pytest.mark.lane("captures")
@pytest.mark.parametrize("capture", sorted(CAPTURES.glob("*.xml")), ids=lambda path: path.name)
def test_a_capture_becomes_a_valid_profile_that_its_machine_already_has(capture, tmp_path):
    assert esnode("import", "-capture", capture, "-all", "-out", "found.es", cwd=tmp_path).code == 0
    assert esnode("validate", "found.es", cwd=tmp_path).code == 0
    planned = esnode("plan", "-capture", capture, "-f", "found.es", "-detailed-exitcode", cwd=tmp_path)
    assert planned.code == 0, planned.out
