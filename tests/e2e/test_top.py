"""`esnode top` as a user meets it: where nobody watches, and on a terminal."""

import shlex
import subprocess
import sys
import time
import uuid

import psutil
import pytest

from esnode.storage.loop_status import read_status
from tests.cli.run import esnode
from tests.e2e.lab import Lab
from tests.places import PROJECT

HOT = """settings: {power_limit_watts: 600}
policies:
  - name: cool-down
    target: gpu_temp_celsius
    condition: "> 20"
    action: {type: throttle_power, parameters: {step_watts: 50, min_watts: 300}}
"""


def test_without_a_terminal_it_prints_one_frame_and_writes_nothing(lab):
    lab.write_profile(HOT)
    lab.run("sim", "show")
    before = {path.name: path.read_bytes() for path in lab.folder.iterdir() if "registers" not in path.name}
    result = lab.run("top")
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out
    first, second = result.out.splitlines()[:2]
    assert first.startswith("world  2x H100")
    assert "SIMULATED" in first
    assert second.startswith("no loop, looking every 2s  lab 1")
    assert "limit 700 W → 550 W" in result.out
    assert {path.name: path.read_bytes() for path in lab.folder.iterdir() if "registers" not in path.name} == before


def test_what_was_applied_and_drifted_is_shown(lab):
    lab.write_profile(HOT)
    lab.plan_and_apply()
    lab.set(1, "power_limit_watts=700")
    result = lab.run("top", "-once", env={"COLUMNS": "100"})
    assert "power limit 1   550 W   700 W DRIFT external  for cool-down" in result.out
    assert "0-1 power limit 700 W → 550 W" in result.out


def test_json_is_the_status_a_line(lab):
    result = lab.run("top", "-json", "-once")
    (line,) = result.lines()
    assert line["type"] == "loop_status"
    status = read_status(line)
    assert status.plan
    assert (status.pid, len(status.plan.gpus), status.profiles) == (0, 2, ())


def test_every_command_of_the_page_works(lab, tmp_path):
    lab.write_profile(HOT, "training.es")
    page = (PROJECT / "docs" / "top.md").read_text()
    commands = [line.strip().partition("  ")[0] for line in page.splitlines() if line.startswith("    esnode top")]
    assert len(commands) == 5
    for command in commands:
        words = command.replace("/var/lib/esnode", str(tmp_path)).split()[1:]
        result = lab.run(*words, *(["-once"] if "-json" in words else []))
        assert result.code == 0, f"{command}: {result.err}"


@pytest.mark.parametrize("words", [["-interval", "0.01s"], ["-interval=soon"], ["-capture", "x.xml"]])
def test_usage_errors_are_errors(words, tmp_path):
    assert esnode("top", *words, cwd=tmp_path).code == 1


def test_a_broken_profile_is_an_error_before_anything_is_shown(lab):
    lab.write_profile("policies: 7\n")
    result = lab.run("top")
    assert (result.code, result.out) == (1, "")
    assert "policies" in result.err


class Terminal:
    """A terminal of tmux's, on a server of its own; what is typed into it is what a user types."""

    def __init__(self, lab: Lab, columns: int, rows: int) -> None:
        self.name = f"esnode-{uuid.uuid4().hex[:8]}"
        size = ("-x", str(columns), "-y", str(rows))
        self.tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", *size, "-c", str(lab.folder), "env PS1='$ ' sh")

    def tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *words], capture_output=True, text=True, timeout=30, check=True)
        return done.stdout

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    def shown(self) -> str:
        return self.tmux("capture-pane", "-t", "t", "-p")

    def wait_for(self, *texts: str, gone: str = "", wider: int = 0) -> str:
        """The screen once every text is on it, and a row of more columns. Fails with the screen after 20 s."""
        deadline = time.monotonic() + 20
        while True:
            screen = self.shown()
            is_wide = not wider or max(map(len, screen.splitlines())) > wider
            if is_wide and all(text in screen for text in texts) and not (gone and gone in screen):
                return screen
            assert time.monotonic() < deadline, f"{texts} not on the screen:\n{screen}"
            time.sleep(0.1)


@pytest.mark.lane("tmux")
def test_on_a_terminal(tmp_path):
    lab = Lab(tmp_path, count=8)
    lab.write_profile(HOT)
    command = shlex.join([sys.executable, "-m", "esnode", "top", "-simulate", "world.yaml", "-interval", "300ms"])
    terminal = Terminal(lab, 80, 24)
    try:
        terminal.type(f"stty -g > before; {command}; echo ended=$?", "Enter")
        screen = terminal.wait_for("ACTIVE", "q quit")
        assert screen.startswith("world  8x H100")
        assert sum(" H100 " in row and "█" in row for row in screen.splitlines()) == 8

        lab.set(7, "gpu_temp_celsius=91")
        terminal.type("s")
        screen = terminal.wait_for("sort: temp", "91C")
        hottest = next(row for row in screen.splitlines() if "█" in row)
        assert hottest.split()[:3] == ["7", "H100", "91C"]

        terminal.type("?")
        terminal.wait_for("any key goes back")
        terminal.type("x")
        terminal.tmux("resize-window", "-t", "t", "-x", "120", "-y", "40")
        terminal.wait_for("sort: temp", "ACTIVE", wider=80)

        lab.set(2, "fault=gpu_lost")
        terminal.wait_for("not readable: the GPU is lost")
        terminal.type("q")
        terminal.wait_for("ended=0", gone="q quit")

        for end, code in (("C-c", 130), ("TERM", 143)):
            terminal.type("clear", "Enter")
            terminal.wait_for("$", gone="ended=")
            terminal.type(f"{command}; echo ended=$?", "Enter")
            terminal.wait_for("q quit")
            if end == "TERM":
                shell = int(terminal.tmux("display-message", "-t", "t", "-p", "#{pane_pid}"))
                (top,) = psutil.Process(shell).children()
                top.terminate()
            else:
                terminal.type(end)
            terminal.wait_for(f"ended={code}", gone="q quit")
        terminal.type("stty -g > after; echo kept=$(cmp before after && echo yes)", "Enter")
        terminal.wait_for("kept=yes")
    finally:
        terminal.tmux("kill-server")
