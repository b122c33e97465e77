"""docs/operations.md: its commands are those of the program, and its ways through the state work."""

from __future__ import annotations

import re

from tests.deploy.files import OPERATIONS, SYSTEMD, anchors
from tests.places import EXAMPLES

TEXT = OPERATIONS.read_text()


def block(heading):
    """The commands of the first block of code below a heading that begin with `esnode`, as lists of words."""
    section = re.split(r"^#", TEXT.partition(f"# {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    return [line.split()[1:] for line in lines if line.startswith("esnode ")]


def apply_the_cap(lab):
    (lab.folder / "cap.es").write_bytes((EXAMPLES / "profiles" / "power-cap.es").read_bytes())
    assert lab.run("plan", "-f", "cap.es", "-out", "plan.json").code == 0
    assert lab.run("apply", "plan.json").code == 0


def test_uninstalling_gives_everything_back(lab):
    before = lab.limits()
    apply_the_cap(lab)
    assert lab.limits() != before
    commands = block("Uninstall")
    assert [command[0] for command in commands] == ["destroy", "apply", "state"]
    results = [lab.run(*command) for command in commands]
    assert [result.code for result in results] == [0, 0, 0], results[-1].err
    assert lab.limits() == before
    assert "GPU-" not in results[-1].out


def test_a_scan_that_found_drift_is_mended(lab):
    apply_the_cap(lab)
    capped = lab.limits()
    assert lab.run("sim", "set", "0", "power_limit_watts=690").code == 0
    scan, repair = block("A scan found drift")
    assert lab.run(*scan).code == 2
    assert lab.run(*repair).code == 0
    assert lab.limits() == capped


def test_the_options_of_the_service_that_the_page_shows_begin_as_the_units_do():
    unit = (SYSTEMD / "esnode.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    assert f"ExecStart={start} --notify" in TEXT


def test_every_link_into_the_page_itself_leads_somewhere():
    named = set(re.findall(r"\(#([a-z0-9-]+)\)", TEXT))
    assert named - anchors() == set()
    assert len(named) >= 5
