"""Endpoints are asked in a process of their own: side by side, bounded, and never shown with their secrets.

Each test looks around in a process of its own, because forking is for the single-threaded.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap

from tests.endpoints import Asked, Said, a_vector, endpoint
from tests.places import PROJECT

PRELUDE = """
import os, time
from esnode.wiring.outside import look_around
from esnode.engine.sessions import settle
from esnode.model.needs import Needs
from esnode.model.node_file import NodeFile, PrometheusServer, Serving
from esnode.model.state import Observed
from esnode.sensors.node import HostClock
from tests.builders import a_gpu, a_moment, an_observation

class Clock:
    def __init__(self, second):
        self.second = second
    def now(self):
        return a_moment(self.second)

def seen(second=0.0, energy=0.0):
    return an_observation(a_gpu(0, energy_joules=energy), at=second)

def metric(observation, name="tokens_per_watt"):
    value = observation.gpus[0].metric(name)
    return getattr(value, "detail", value)
"""
PAGE = 'vllm:generation_tokens_total{model_name="a"} '


def run(body: str, *words: str) -> list[str]:
    """What a script prints, with the prelude before it; `words` are its sys.argv[1:] and so need an import."""
    script = f"import sys\n{PRELUDE}{textwrap.dedent(body)}"
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_two_looks_make_tokens_per_watt_by_the_machines_own_clock() -> None:
    counts = iter([0, 120_000])
    with endpoint(lambda asked: f"{PAGE}{next(counts)}") as url:
        said = run(
            """
            node_file = NodeFile(serving=(Serving(url=sys.argv[1]),))
            first = settle(look_around(seen(), Needs(serving=True), node_file, Clock(1.0)), None)
            later = look_around(seen(60.0, 24_000.0), Needs(serving=True), node_file, Clock(61.0))
            print(metric(first).partition(": ")[2])
            print(metric(settle(later, Observed(observation=first))))
            """,
            f"{url}/metrics",
        )
    assert said == ["this is the first sample; a rate needs two samples, 10s to 15m apart", "5.0"]


def test_endpoints_are_asked_side_by_side_and_the_one_that_hangs_keeps_no_other_from_its_answer() -> None:
    def answer(asked: Asked) -> Said:
        return Said(f"{PAGE}7", delay=30.0 if asked.path.startswith("/hangs") else 0.0)

    with endpoint(answer) as url:
        said = run(
            """
            paths = ["hangs", "hangs?again", "one", "two"]
            node_file = NodeFile(serving=tuple(Serving(url=f"{sys.argv[1]}/{path}") for path in paths))
            began = time.monotonic()
            found = look_around(seen(), Needs(serving=True), node_file, Clock(0.0), timeout=3.0).serving
            print(time.monotonic() - began < 20)
            for name, one in found.items():
                print(name.removeprefix(sys.argv[1]), one.failure.detail if one.failure else len(one.latest.counters))
            """,
            url,
        )
    silent = f"{url}/hangs cannot be reached: no answer within 3 s"
    assert said == ["True", f"/hangs {silent}", f"/hangs #2 {silent}", "/one 1", "/two 1"]


def test_what_hangs_where_no_deadline_reaches_is_killed_with_its_process() -> None:
    said = run(
        """
        import socket
        socket.getaddrinfo = lambda *words, **more: time.sleep(1e6)
        url = "http://no-such-host.example/metrics"
        node_file = NodeFile(serving=(Serving(url=url),))
        found = look_around(seen(), Needs(serving=True), node_file, Clock(0.0), timeout=0.5).serving[url]
        print(found.failure.missing, found.failure.detail)
        """
    )
    assert said == ["unreachable no answer within 2.5 s"]


def test_what_is_secret_in_a_url_is_in_no_observation() -> None:
    with endpoint(lambda asked: f"{PAGE}7") as url:
        said = run(
            """
            os.environ["PAGE"] = sys.argv[1] + "?token=hunter2"
            urls = [sys.argv[1] + "?token=hunter2", "http://ada:hunter2@127.0.0.1:1/metrics", "env:PAGE"]
            node_file = NodeFile(serving=tuple(Serving(url=url) for url in urls))
            found = look_around(seen(), Needs(serving=True), node_file, Clock(0.0))
            print(*found.serving)
            print("hunter2" in repr(found), found.serving["env:PAGE"].failure)
            """,
            f"{url}/metrics",
        )
    assert said == [f"{url}/metrics http://127.0.0.1:1/metrics env:PAGE", "False None"]


def test_a_query_is_a_metric_under_its_targets_name() -> None:
    with endpoint(lambda asked: a_vector(({"gpu": "0"}, "71"))) as url:
        said = run(
            """
            needs = Needs(queries=("heat", "draft"))
            found = look_around(seen(), needs, NodeFile(prometheus=PrometheusServer(url=sys.argv[1])), Clock(0.0))
            print(metric(found, "prometheus:heat"), metric(found, "prometheus:draft"))
            """,
            url,
        )
    assert said == ["71.0 71.0"]


def test_where_there_is_nothing_to_ask_no_process_is_started_and_the_reason_is_told() -> None:
    said = run(
        """
        os.fork = lambda: 1 / 0
        found = look_around(seen(), Needs(serving=True, queries=("up",)), NodeFile(), Clock(0.0))
        print(metric(settle(found, None)))
        print(metric(found, "prometheus:up"))
        one = NodeFile(serving=(Serving(url="http://127.0.0.1:1"),), prometheus=PrometheusServer(url="http://x"))
        print(look_around(seen(), Needs(), one, Clock(0.0)) == seen())
        """
    )
    assert said == [
        "no serving endpoint in the node file names this GPU (`serving:`)",
        "the node file names no Prometheus server (`prometheus:`)",
        "True",
    ]
