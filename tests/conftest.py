"""Lanes: tests that need a part which is not everywhere are skipped with its reason, or, where every lane is
required (ESNODE_REQUIRE_LANES=1, as in CI), fail."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings

from tests.places import CAPTURES

pytest_plugins = ["tests.receivers"]

# How long an example takes is the machine's business: other work on it must not make a test fail.


def _captures() -> str:
    return "" if (CAPTURES / "qx-h100.xml").exists() else f"no captures of real boards at {CAPTURES}"


def _root() -> str:
    return "" if os.geteuid() == 0 else "needs root, to become another user"


def _peers() -> str:
    absent = [name for name in ("nvitop", "gpustat") if importlib.util.find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def _tmpfs() -> str:
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            return f"no tmpfs can be mounted here, for a disk that is really full: {made.stderr.strip()}"
        subprocess.run(["umount", "-l", folder], check=True)
    return ""


def _prometheus() -> str:
    absent = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (Debian: prometheus)" if absent else ""


def _alertmanager() -> str:
    absent = [name for name in ("prometheus-alertmanager", "amtool") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (Debian: prometheus-alertmanager)" if absent else ""


def _tmux() -> str:
    return "" if shutil.which("tmux") else "not installed: tmux (Debian: tmux)"


def _systemd() -> str:
    return "" if shutil.which("systemd-analyze") else "not installed: systemd-analyze (Debian: systemd)"


def _openssl() -> str:
    return "" if shutil.which("openssl") else "not installed: openssl"


def _shells() -> str:
    absent = [name for name in ("bash", "zsh", "fish") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


def _roff() -> str:
    absent = [name for name in ("man", "groff", "mandoc") if shutil.which(name) is None]
    return f"not installed: {', '.join(absent)} (Debian: man-db, groff, mandoc)" if absent else ""


def _editor() -> str:
    return "" if shutil.which("yaml-language-server") else "not installed: yaml-language-server (npm)"


def _kubernetes() -> str:
    from tests.kubernetes.places import missing_parts

    return missing_parts()


def _ecosystem() -> str:
    from tests.ecosystem.places import missing_parts

    return missing_parts()


def _browser() -> str:
    from tests.browser.places import missing_parts

    return missing_parts()


# A slow machine is nobody's mistake.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


LANES: dict[str, Callable[[], str]] = {
    "captures": _captures,
    "root": _root,
    "peers": _peers,
    "tmpfs": _tmpfs,
    "prometheus": _prometheus,
    "alertmanager": _alertmanager,
    "tmux": _tmux,
    "kubernetes": _kubernetes,
    "systemd": _systemd,
    "ecosystem": _ecosystem,
    "openssl": _openssl,
    "shells": _shells,
    "roff": _roff,
    "editor": _editor,
    "browser": _browser,
}
"""Name of a lane, and a function that says what is absent ("" when nothing is)."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--regenerate", action="store_true", help="write the golden files anew instead of comparing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("lane"):
        absent = LANES[marker.args[0]]()
        if absent and os.environ.get("ESNODE_REQUIRE_LANES"):
            pytest.fail(f"lane {marker.args[0]} is required: {absent}", pytrace=False)
        if absent:
            pytest.skip(f"lane {marker.args[0]}: {absent}")


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What the person who runs the tests has set for esnode must not reach them, nor what esnode keeps for them."""
    for name in [name for name in os.environ if name.startswith("ESNODE_") and name != "ESNODE_REQUIRE_LANES"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often esnode was killed, at what, and with which driver."""
    told = [
        value
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
        for name, value in getattr(report, "user_properties", ())
        if name == "kills"
    ]
    if told:
        terminalreporter.section("kills")
        for story, fault, points in sorted(told):
            terminalreporter.write_line(f"{story:<16} driver {fault:<10} {points:>4} points")
        terminalreporter.write_line(f"{'all together':<34} {sum(points for *_, points in told):>4} points")
