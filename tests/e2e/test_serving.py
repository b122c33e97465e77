"""Tokens per watt and queries, with a real Prometheus beside esnode: both do the same arithmetic."""

import json

import pytest

from tests.cli.run import esnode
from tests.endpoints import Asked, endpoint
from tests.prometheus_server import prometheus

pytestmark = pytest.mark.lane("prometheus")

RATE = 1234.5
WINDOW = 60


def a_profile(target, condition):
    return (
        "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\npolicies:\n"
        f"  - {{name: watched, target: '{target}', condition: '{condition}', action: {{type: alert, channel: ops}}}}\n"
    )


class Node:
    """Two H100 under full load, whose time passes only when it is told to."""

    def __init__(self, folder, node_file, profile):
        self.folder = folder
        (folder / "world.yaml").write_text(
            "apiVersion: v1\nkind: SimulatedMachine\nname: lab\nspeed: 0\n"
            "gpus:\n  - {board: H100-SXM, count: 2, workload: {utilization: 99}}\n"
        )
        (folder / "node.yaml").write_text(node_file)
        (folder / "profile.es").write_text(profile)

    def run(self, *words):
        done = esnode(*words, cwd=self.folder, env={"ESNODE_SIMULATE": "world.yaml", "ESNODE_NODE": "node.yaml"})
        assert done.code == 0, done.err
        return done

    def verdicts(self):
        self.run("plan", "-f", "profile.es", "-out", "plan.json")
        return json.loads((self.folder / "plan.json").read_bytes())["verdicts"]

    def values(self):
        return [verdict["value"] for verdict in self.verdicts()]

    def watts(self):
        state = json.loads((self.folder / "esnode.state.json").read_bytes())
        return [gpu["metrics"]["gpu_power_watts"] for gpu in state["observed"]["observation"]["gpus"]]

    def uuids(self):
        state = json.loads((self.folder / "esnode.state.json").read_bytes())
        return [gpu["identity"]["uuid"] for gpu in state["observed"]["observation"]["gpus"]]


class Engine:
    """A vLLM server's page: two models, whose tokens go on at RATE together, in the machine's own time."""

    def __init__(self):
        self.second = 0.0

    def page(self, asked: Asked) -> str:
        tokens = 5000 + RATE * self.second
        return (
            "# HELP vllm:generation_tokens_total Number of generation tokens processed.\n"
            "# TYPE vllm:generation_tokens_total counter\n"
            f'vllm:generation_tokens_total{{engine="0",model_name="a"}} {tokens * 0.25}\n'
            f'vllm:generation_tokens_total{{engine="0",model_name="b"}} {tokens * 0.75}\n'
        )


def history(watts, begin):
    """What a Prometheus server would have scraped of the same engine and the same GPUs, each second."""
    lines = ["# TYPE tokens counter"]
    for second in range(WINDOW + 1):
        lines.append(f"tokens_total {5000 + RATE * second} {begin + second}")
    lines.append("# TYPE watts gauge")
    for gpu, (before, after) in enumerate(watts):
        for second in range(WINDOW + 1):
            lines.append(f'watts{{gpu="{gpu}"}} {before + (after - before) * second / WINDOW} {begin + second}')
    return "\n".join([*lines, "# EOF", ""])


def test_tokens_per_watt_over_a_minute_is_what_prometheus_makes_of_it(tmp_path):
    engine = Engine()
    with endpoint(engine.page) as url:
        node = Node(
            tmp_path,
            f'serving:\n  - {{url: "{url}/metrics", engine: vllm, gpus: [0, 1]}}\n',
            a_profile("tokens_per_watt", "< 0.5"),
        )
        node.run("sim", "set", "clock=+10m")
        assert [verdict["status"] for verdict in node.verdicts()] == ["UNKNOWN", "UNKNOWN"]
        before = node.watts()
        node.run("sim", "set", f"clock=+{WINDOW}s")
        engine.second = WINDOW
        ours = node.values()
    begin = 1_767_100_000
    with prometheus(tmp_path, history=history(list(zip(before, node.watts(), strict=True)), begin)) as server:
        theirs = server.value(
            f"sum(rate(tokens_total[{WINDOW}s])) / sum(avg_over_time(watts[{WINDOW}s]))", begin + WINDOW
        )
    assert ours == pytest.approx([theirs, theirs], rel=0.01)


def test_a_server_that_is_scraped_now_answers_for_each_gpu(tmp_path):
    node = Node(tmp_path, "{}\n", a_profile("gpu_temp_celsius", "> 200"))
    node.verdicts()
    first, second = node.uuids()
    page = (
        f'# TYPE lab_heat gauge\nlab_heat{{gpu="0",UUID="{first}"}} 71\nlab_heat{{gpu="1",UUID="{second}"}} 92.5\n'
        '# TYPE lab_elsewhere gauge\nlab_elsewhere{gpu="0",Hostname="another"} 5\n'
        "# TYPE lab_nothing gauge\nlab_nothing NaN\n"
    )
    with endpoint(lambda asked: page) as url, prometheus(tmp_path, targets=[url]) as server:
        server.wait_for("lab_heat")
        (tmp_path / "node.yaml").write_text(f'prometheus: "{server.url}"\n')

        def asked(query, condition="> 80"):
            (tmp_path / "profile.es").write_text(a_profile(f"prometheus:{query}", condition))
            return node.verdicts()

        assert [(verdict["value"], verdict["status"]) for verdict in asked("lab_heat")] == [
            (71, "SKIPPED"),
            (92.5, "ACTIVE"),
        ]
        assert [verdict["value"] for verdict in asked("max(lab_heat)")] == [92.5, 92.5]
        assert [verdict["value"] for verdict in asked("scalar(max(lab_heat))")] == [92.5, 92.5]
        for query in ("lab_elsewhere", "lab_nothing", "lab_absent", "lab_heat("):
            assert [verdict["status"] for verdict in asked(query)] == ["UNKNOWN", "UNKNOWN"]
        assert "parse error" in asked("lab_heat(")[0]["reason"]
    assert asked("lab_heat")[0]["status"] == "UNKNOWN"
