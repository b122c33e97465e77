"""Processes that really end, alerts that really arrive: through the installed command."""

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.run import esnode
from tests.e2e.processes import running, write_world
from tests.receivers import Answer

CROWDED = """policies:
  - name: crowded
    target: memory_allocated_percent
    condition: "> 60%"
    action: {type: kill_process, parameters: {grace_period_seconds: 1}}
    severity: critical
"""

HOT = """policies:
  - name: hot
    target: gpu_power_watts
    condition: "> 500"
    action: {type: alert, channel: ops}
    severity: critical
"""

SECRET = "planted-7f3a9c"


class Node:
    """A machine in a folder whose node file sends alerts to a receiver."""

    def __init__(self, folder, body, url="http://127.0.0.1:1/"):
        self.folder = folder
        head = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n"
        (folder / "profile.es").write_text(head + body)
        (folder / "node.yaml").write_text(
            f'channels:\n  ops: {{webhook: "{url}/hook", secret: "env:HOOK_KEY"}}\n'
            '  chat: {apprise: "env:CHAT_URL"}\n'
        )

    def run(self, *words):
        env = {
            "ESNODE_SIMULATE": "world.yaml",
            "ESNODE_NODE": "node.yaml",
            "HOOK_KEY": SECRET,
            "CHAT_URL": f"json://me:{SECRET}@127.0.0.1:1/",
        }
        return esnode(*words, cwd=self.folder, env=env)

    def plan(self):
        planned = self.run("plan", "-f", "profile.es", "-out", "plan.json")
        assert planned.code == 0, planned.err
        return planned

    def apply(self):
        return self.run("apply", "plan.json")

    def changes(self):
        return json.loads((self.folder / "plan.json").read_bytes())["resource_changes"]

    def work(self, utilization):
        done = self.run("sim", "set", "0", f"gpu_utilization={utilization}")
        assert done.code == 0, done.err

    def pass_time(self, duration):
        done = self.run("sim", "set", f"clock=+{duration}")
        assert done.code == 0, done.err


def test_the_right_process_is_named_and_ended_after_its_grace_period(tmp_path):
    with running("small") as small, running("greedy", "stubborn") as greedy, running("nv-hostengine") as engine:
        write_world(tmp_path, (small, 1000), (greedy, 20_000), (engine, 40_000))
        node = Node(tmp_path, CROWDED)
        planned = node.plan()
        assert f"process {greedy.pid} (greedy) on GPU-0 will be terminated" in planned.out
        applied = node.apply()
        assert applied.code == 0, applied.out + applied.err
        assert "SIGKILL" in applied.out
        assert greedy.wait(timeout=10) == -9
        assert (small.poll(), engine.poll()) == (None, None)
        assert "No changes" in node.plan().out


def test_a_protected_process_is_never_picked(tmp_path):
    with running("nv-hostengine") as engine:
        write_world(tmp_path, (engine, 60_000))
        node = Node(tmp_path, CROWDED)
        assert "protected" in node.plan().out
        assert node.changes() == []


@pytest.mark.lane("root")
def test_a_number_that_was_given_out_again_is_refused(tmp_path):
    with planned_and_recycled(tmp_path) as (node, heir):
        assert node.run("sim", "set", "0", f"processes={heir.pid}:60000").code == 0
        refused = node.apply()
        assert refused.code == 3, refused.out + refused.err
        assert "given out again" in refused.err
        assert heir.poll() is None


@contextlib.contextmanager
def planned_and_recycled(folder):
    """A plan to end a process, and another process that has its number by now.

    Others may be given the number instead, so it is tried with one process after the other.
    """
    for _ in range(20):
        with running("first") as first:
            write_world(folder, (first, 60_000))
            node = Node(folder, CROWDED)
            node.plan()
        for _ in range(5):
            Path("/proc/sys/kernel/ns_last_pid").write_text(str(first.pid - 1))
            with running("heir") as heir:
                if heir.pid == first.pid:
                    yield node, heir
                    return
    pytest.fail("the kernel never gave the number of a process that had ended to the next one")


def test_firing_twice_sends_once_and_resolved_sends_once(tmp_path, http_receiver):
    write_world(tmp_path, (os.getpid(), 1000))
    node = Node(tmp_path, HOT, http_receiver.url)
    for _ in range(2):
        node.plan()
        assert node.apply().code == 0
        node.pass_time("60s")
    node.work(0)
    for _ in range(3):
        node.pass_time("70s")
        node.plan()
        assert node.apply().code == 0
    said = [json.loads(message.body)["occasion"] for message in http_receiver.received]
    assert said == ["firing", "resolved"]
    assert len({json.loads(message.body)["key"] for message in http_receiver.received}) == 1


def test_a_receiver_that_is_down_is_exit_code_4_and_the_next_plan_tries_again(tmp_path, http_receiver):
    write_world(tmp_path, (os.getpid(), 1000))
    node = Node(tmp_path, HOT, http_receiver.url)
    http_receiver.always = Answer(status=400)
    node.plan()
    failed = node.apply()
    assert failed.code == 4
    assert "answered 400" in failed.out
    http_receiver.always = Answer()
    node.plan()
    assert [change["change"]["actions"] for change in node.changes()] == [["create"]]
    assert node.apply().code == 0


def test_planted_secrets_are_nowhere(tmp_path, http_receiver):
    write_world(tmp_path, (os.getpid(), 1000))
    node = Node(tmp_path, HOT + HOT.replace("policies:\n", "").replace("hot", "chat").replace("ops", "chat"))
    said = [node.plan(), node.apply(), node.run("plan", "-json", "-f", "profile.es", "-out", "plan.json")]
    said += [node.run("apply", "-json", "plan.json"), node.run("show", "plan.json"), node.run("state", "pull")]
    assert said[1].code == 4
    assert SECRET not in "".join(result.out + result.err for result in said)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if SECRET.encode() in path.read_bytes()] == []


def test_a_node_file_with_mistakes_is_refused_with_their_places(tmp_path):
    write_world(tmp_path, (os.getpid(), 1000))
    node = Node(tmp_path, HOT)
    (tmp_path / "node.yaml").write_text(f'channels:\n  ops: {{apprise: "slack://{SECRET}/x"}}\nforbid: [reboot]\n')
    refused = node.run("plan", "-f", "profile.es")
    assert refused.code == 1
    assert "node.yaml line 2" in refused.err
    assert "node.yaml line 3" in refused.err
    assert SECRET not in refused.err


def test_a_plan_without_kill_process_loads_nothing_for_it(tmp_path):
    script = (
        "import sys; from esnode.cli.main import main; "
        "main(['plan', '-f', 'profile.es']); "
        "print(sorted(sys.modules.keys() & {'psutil', 'apprise', 'lightkube', 'prometheus_client'}))"
    )
    write_world(tmp_path, (os.getpid(), 1000))
    node = Node(tmp_path, HOT)
    env = {**os.environ, "ESNODE_SIMULATE": "world.yaml"}
    done = subprocess.run([sys.executable, "-c", script], cwd=node.folder, env=env, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
