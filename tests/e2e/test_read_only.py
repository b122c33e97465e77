"""What reads never reaches a setter: every symbol that a command takes from the driver library is recorded."""

import re
from collections.abc import Callable

import pytest

from esnode.cli.main import main
from esnode.simulator.library import Library
from tests.e2e.lab import Lab

WRITES = re.compile(
    r"nvml\w*?(Set|Reset|Clear|Create|Destroy|Remove|Modify|Update|Activate|Freeze|Write)(?!tings)[A-Z_]"
)


@pytest.fixture
def taken(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Says which symbols commands of this process and its children have taken from the library."""
    record = lab.folder / "symbols"
    record.touch()
    original = Library.__getattr__

    def recording(library: Library, symbol: str) -> object:
        with record.open("a") as file:
            file.write(f"{symbol}\n")
        return original(library, symbol)

    lab.write_profile("settings: {power_limit_watts: 600, graphics_clock_mhz: 1200}\npolicies: []\n")
    lab.plan_and_apply()
    lab.set(0, "power_limit_watts=680")
    monkeypatch.setattr(Library, "__getattr__", recording)
    monkeypatch.setenv("ESNODE_SIMULATE", "world.yaml")
    monkeypatch.chdir(lab.folder)
    return lambda: record.read_text().split()


@pytest.mark.parametrize(
    "command",
    [
        "scan",
        "scan -json -f profile.es -out fix.json",
        "plan -f profile.es -out again.json",
        "plan -f profile.es -reassert",
        "plan -refresh-only",
        "plan -destroy",
        "destroy",
        "import",
    ],
)
def test_commands_that_read_the_hardware_take_no_setter(taken, command):
    assert main(command.split()) in (0, 2)
    assert len(taken()) > 20
    assert [symbol for symbol in taken() if WRITES.match(symbol)] == []


@pytest.mark.parametrize("command", ["validate profile.es", "show plan.json", "show", "schema plan", "state list"])
def test_commands_that_read_files_do_not_open_the_driver(taken, command):
    assert main(command.split()) == 0
    assert taken() == []


def test_the_proof_would_see_a_setter(taken):
    main(["scan", "-out", "fix.json"])
    main(["apply", "fix.json"])
    assert "nvmlDeviceSetPowerManagementLimit" in taken()
    assert WRITES.match("nvmlDeviceResetGpuLockedClocks")
