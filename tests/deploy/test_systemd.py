"""The units of examples/systemd, as systemd itself reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.files import SYSTEMD

INSTALLED = "/opt/esnode/bin/esnode"
UNITS = sorted(path.name for path in SYSTEMD.glob("esnode*.*"))

# What PR_SET_MDWE refuses is what MemoryDenyWriteExecute= does: memory that is writable and executable, and
# memory that becomes executable. It stays for the program that is started.
CONFINED = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0:
    sys.exit(77)
os.execv(sys.argv[1], sys.argv[1:])
"""
CALLBACKS = """
import ctypes, mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    raise SystemExit("such memory is to be had here")
except OSError:
    pass
print(ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 7)())
"""


@pytest.fixture
def installed(tmp_path):
    """The units on a machine whose esnode is the one under test."""
    folder = tmp_path / "etc" / "systemd" / "system"
    shutil.copytree(SYSTEMD, folder)
    for path in folder.glob("*.service"):
        text = path.read_text()
        assert INSTALLED in text
        path.write_text(text.replace(INSTALLED, str(Path(sys.executable).parent / "esnode")))
    return folder


def analyze(*words):
    return subprocess.run(["systemd-analyze", *map(str, words)], capture_output=True, text=True, check=False)


def exposure(folder, unit):
    """From 0, nothing to be gained by taking it over, to 10, everything."""
    done = analyze("security", "--offline=true", "--no-pager", folder / unit)
    return float(re.findall(r"exposure level for \S+: ([\d.]+)", done.stdout)[0])


def directives(path):
    """All values of each directive, in their order."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.lane("systemd")
def test_systemd_understands_every_unit(installed):
    assert UNITS == ["esnode-scan.service", "esnode-scan.timer", "esnode.service", "esnode.service.d"]
    done = analyze("verify", "--man=no", *[installed / name for name in UNITS if not name.endswith(".d")])
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.lane("systemd")
def test_a_directive_that_does_not_exist_would_be_noticed(installed):
    unit = installed / "esnode.service"
    unit.write_text(unit.read_text().replace("ProtectClock=", "ProtectClocks="))
    assert "ProtectClocks" in analyze("verify", "--man=no", unit).stderr


@pytest.mark.lane("systemd")
def test_what_a_taken_over_service_could_do_is_bounded_and_less_where_it_must_not_kill(installed):
    without_killing = exposure(installed, "esnode.service")
    shutil.rmtree(installed / "esnode.service.d")
    assert without_killing <= 2.3 < exposure(installed, "esnode.service") <= 2.9
    assert exposure(installed, "esnode-scan.service") <= 2.1


@pytest.mark.skipif(sys.platform != "linux", reason="a rule of the Linux kernel")
@pytest.mark.parametrize("what", [["-c", CALLBACKS], ["-m", "esnode", "plan", "-f", "cap.es", "-no-color"]])
def test_python_runs_without_memory_that_is_writable_and_executable(what, lab):
    from tests.places import EXAMPLES

    (lab.folder / "cap.es").write_bytes((EXAMPLES / "profiles" / "power-cap.es").read_bytes())
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, sys.executable, *what],
        cwd=lab.folder,
        env={"PATH": "/usr/bin:/bin", "ESNODE_SIMULATE": "world.yaml"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("a kernel before 6.3 does not have the rule")
    assert done.returncode == 0, done.stderr
    assert "7" in done.stdout or "2 to change" in done.stdout


def test_the_claims_outlive_the_service():
    for name in ("esnode.service", "esnode-scan.service"):
        assert directives(SYSTEMD / name)["RuntimeDirectoryPreserve"] == ["yes"]


def test_the_state_and_the_secrets_are_the_same_for_loop_and_scan():
    loop, scan = directives(SYSTEMD / "esnode.service"), directives(SYSTEMD / "esnode-scan.service")
    for name in ("Environment", "EnvironmentFile", "StateDirectory", "StateDirectoryMode", "DeviceAllow", "UMask"):
        assert loop[name] == scan[name], name


def test_a_scan_could_not_write_a_setting_if_it_wanted_to():
    assert directives(SYSTEMD / "esnode-scan.service")["CapabilityBoundingSet"] == [""]


def test_drift_is_a_failed_unit():
    assert "SuccessExitStatus" not in directives(SYSTEMD / "esnode-scan.service")
