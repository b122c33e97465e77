"""The listener of a loop that is a process of its own, as loops are: what is answered, whatever happens to whom."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from esnode import web
from esnode.errors import EndpointFailed
from esnode.listen.address import listen_at
from esnode.model.loop_status import LoopStatus
from tests.builders import a_status
from tests.orphans import is_running, until
from tests.places import PROJECT
from tests.prometheus_server import prometheus
from tests.unit.listen.statuses import an_eventful_status

NEVER = 60.0
"""Real seconds: a publish that waits for a child which never answers takes for ever, one on a slow machine does not."""


class Loop:
    """`url` is where it listens. `tell` gives it one of a_loop's commands and returns its answer, in words."""

    def __init__(self, process: subprocess.Popen[bytes], status: LoopStatus) -> None:
        self.process = process
        assert process.stdin is not None
        process.stdin.write(pickle.dumps(status))
        process.stdin.flush()
        self.said = self._answer()

    @property
    def url(self) -> str:
        return f"http://{self.said.split()[0]}"

    @property
    def child(self) -> int:
        return int(self.said.split()[1])

    def tell(self, command: str) -> list[str]:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()
        return self._answer().split()

    def publish(self, times: int = 1, size: int = 0) -> tuple[float, int, int]:
        """Seconds that the slowest took, children replaced so far, and the present one."""
        slowest, restarts, pid = self.tell(f"publish {times} {size}")
        return float(slowest), int(restarts), int(pid)

    def page(self, path: str) -> str:
        return web.fetch(f"{self.url}{path}", timeout=20).body.decode()

    def knows(self, text: str, path: str = "/metrics") -> Callable[[], bool]:
        """Whether a page has a text in it: what the loop said is known a moment later."""

        def is_known() -> bool:
            try:
                return text in self.page(path)
            except EndpointFailed as failure:
                assert failure.status == 503
                return False

        return is_known

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()


@contextlib.contextmanager
def loop(status: LoopStatus | None = None, address: str = "127.0.0.1:0") -> Iterator[Loop]:
    command = [sys.executable, "-m", "tests.unit.listen.a_loop", address]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT) as process:
        try:
            yield Loop(process, status or a_status(None))
        finally:
            process.kill()


def test_two_hundred_scrapes_while_the_loop_speaks_are_each_a_whole_page():
    with loop(an_eventful_status()) as running:
        running.publish()
        until(running.knows("esnode_interval_seconds 0.0"))
        done = threading.Event()

        def speak() -> None:
            while not done.wait(0.01):
                slowest, _, _ = running.publish()
                assert slowest < NEVER

        speaking = threading.Thread(target=speak)
        speaking.start()
        try:
            pages = [running.page("/metrics") for _ in range(200)]
        finally:
            done.set()
            speaking.join()
        names = [{family.name for family in text_string_to_metric_families(page)} for page in pages]
        assert all(one == names[0] for one in names)
        assert (
            len({one for page in pages for one in re.findall(r"^esnode_interval_seconds (\S+)", page, re.MULTILINE)})
            > 1
        )


def test_a_child_that_was_killed_is_replaced_on_the_same_address_and_knows_the_last_word():
    with loop() as running:
        running.publish()
        running.tell("kill")
        slowest, restarts, pid = running.publish()
        assert slowest < NEVER and restarts == 1 and pid != running.child
        assert json.loads(running.page("/status"))["host"] == "node-01"
        assert not is_running(running.child) and running.publish()[1:] == (1, pid)


def test_a_loop_that_can_have_no_process_goes_on_and_tries_again():
    with loop() as running:
        running.tell("kill")
        running.tell("starve")
        assert running.publish()[1] == 0
        assert running.publish()[1] == 1
        assert "ok" in running.page("/healthz")


def test_a_child_that_hangs_never_holds_up_the_loop_and_is_replaced():
    with loop() as running:
        running.publish()
        running.tell("stop")
        results = [running.publish() for _ in range(40)]
        assert max(slowest for slowest, _, _ in results) < NEVER
        assert results[-1][1] >= 1
        assert "ok" in running.page("/healthz")
        assert not is_running(running.child)


def test_a_child_that_reads_nothing_is_replaced_however_little_it_was_told():
    with loop() as running:
        running.publish()
        until(running.knows("ok", "/healthz"))
        running.tell("stop 0.2")
        assert running.publish()[1] == 0
        time.sleep(0.3)
        assert running.publish()[1] == 1


def test_a_status_of_many_megabytes_arrives_whole():
    with loop() as running:
        assert running.publish(1, 8_000_000)[1] == 0
        until(running.knows("x" * 8_000_000, "/status"))


def test_the_metrics_of_a_process_are_those_of_the_loop():
    with loop() as running:
        start = re.search(r"^process_start_time_seconds (\S+)", running.page("/metrics"), re.MULTILINE)
        ticks = Path(f"/proc/{running.process.pid}/stat").read_text().rpartition(")")[2].split()[19]
        boot = int(re.search(r"btime (\d+)", Path("/proc/stat").read_text())[1])  # type: ignore[index]
        assert start and float(start[1]) == pytest.approx(boot + int(ticks) / os.sysconf("SC_CLK_TCK"), abs=0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_loop_that_is_killed_leaves_nobody_at_its_address(number):
    with loop() as running:
        running.publish()
        running.process.send_signal(number)
        running.process.wait()
        until(lambda: not is_running(running.child))
        host, port = running.said.split()[0].split(":")
        listen_at(host, int(port)).close()


def test_a_loop_that_ends_takes_its_child_along():
    with loop() as running:
        running.tell("close")
        assert running.process.wait() == 0
        assert not is_running(running.child)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", int(running.said.split()[0].split(":")[1])))


def test_signals_to_the_terminals_group_do_not_end_the_child():
    with loop() as running:
        running.page("/")
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(running.child, number)
        assert running.publish()[1:] == (0, running.child)


def test_the_child_holds_nothing_open_but_its_sockets():
    with loop() as running:
        running.publish()
        running.page("/metrics")
        held = [str(link.readlink()) for link in Path(f"/proc/{running.child}/fd").iterdir() if link.exists()]
        kinds = sorted(name.partition(":")[0] for name in held if name != "/dev/null")
        # The two sockets and what the server waits with; a connection that is just being closed may be there too.
        assert set(kinds) <= {"anon_inode", "socket"} and kinds.count("socket") <= 3


def test_an_address_in_use_is_refused_before_anything_runs():
    with listen_at("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with loop(address=f":{port}") as running:
            assert running.said.startswith(f"ListenFailed('esnode cannot listen at 127.0.0.1:{port}")


@pytest.mark.lane("prometheus")
def test_a_real_prometheus_scrapes_it_and_the_queries_of_the_documentation_are_queries(tmp_path):
    with loop(an_eventful_status()) as running, prometheus(tmp_path, targets=[running.url]) as server:
        running.publish()
        server.wait_for("esnode_gpu_up")
        assert server.value('esnode_gpu_up{gpu="1", device="nvidia1", Hostname="node-01"}') == 0
        assert server.value('esnode_verdict{gpu="0", policy="thermal-safety"} == 1') == 1
        assert server.value("sum(esnode_cycle_duration_seconds_count)") == 8
        assert server.value('up{job="pages"}') == 1
        questions = (PROJECT / "docs" / "metrics.md").read_text().partition("## Some questions\n\n")[2]
        for line in questions.splitlines():
            server.ask(line.strip().split("   ")[0])
