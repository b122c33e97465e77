"""The pace of a drain, and servers that a test cluster has none of: newer ones, throttling ones, failing ones."""

import pytest

from esnode.actuators.node import NodeActuator
from esnode.errors import ClusterUnavailable, DrainIncomplete
from esnode.model.cluster import NodeOrder
from esnode.model.node_file import KubernetesAccess
from tests.unit.kubernetes.scripted import Reply, serving

NODE = {"metadata": {"name": "gpu-1"}, "spec": {}, "status": {"conditions": [{"type": "Hot", "status": "True"}]}}
EVICT = "POST /api/v1/namespaces/ml/pods/train/eviction"
BUDGETS = "GET /apis/policy/v1/namespaces/ml/poddisruptionbudgets"
NONE: dict[str, list[object]] = {"items": []}


def pod():
    spec = {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
    return {"metadata": {"namespace": "ml", "name": "train", "uid": "u1"}, "spec": spec, "status": {"phase": "Running"}}


def resources(group, version):
    return {"resources": [{"name": "pods"}, {"name": "pods/eviction", "group": group, "version": version}]}


def budget(allowed, seen=1):
    metadata = {"namespace": "ml", "name": "keep", "generation": 1}
    status = {"disruptionsAllowed": allowed, "observedGeneration": seen}
    return {"items": [{"metadata": metadata, "spec": {"selector": {}}, "status": status}]}


def refusal(status, message, **headers):
    return Reply(status, {"kind": "Status", "message": message}, **headers)


def script(**more):
    return {
        "GET /api/v1/nodes/gpu-1": Reply(200, NODE),
        "GET /api/v1/pods": Reply(200, {"items": [pod()]}),
        "GET /apis/policy": Reply(200, {"versions": [{"version": "v1"}, {"version": "v1beta1"}]}),
        "GET /api/v1": Reply(200, resources("policy", "v1")),
        BUDGETS: Reply(200, NONE),
        EVICT: Reply(201, {"kind": "Status", "status": "Success"}),
        **more,
    }


class Time:
    """Passes only in sleep."""

    def __init__(self):
        self.at = 0.0

    def now(self):
        return self.at

    def sleep(self, seconds):
        self.at += seconds


def drained(tmp_path, answers, seconds=60.0):
    """What came of it, when each eviction was asked for, what was told, and the server."""
    time = Time()
    asked_at: list[float] = []
    told: list[str] = []

    with serving(tmp_path, answers) as server:
        actuator = NodeActuator(KubernetesAccess(kubeconfig=str(server.kubeconfig)), sleep=time.sleep, now=time.now)

        def stop():
            while len(asked_at) < server.asked.count(EVICT):
                asked_at.append(time.at)
            return False

        order = NodeOrder(node="gpu-1", evict=True, deadline_seconds=seconds)
        return actuator.carry_out(order, should_stop=stop, tell=told.append), asked_at, told, server


@pytest.mark.parametrize(
    ("group", "version", "body"),
    [("policy", "v1", "policy/v1"), ("policy", "v1beta1", "policy/v1beta1"), ("", "", "policy/v1beta1")],
)
def test_an_eviction_is_in_the_version_that_the_server_takes(tmp_path, group, version, body):
    """1.21 has budgets in v1 and evictions in v1beta1 only: the group's newest version is not the answer."""
    answers = script(
        **{
            "GET /api/v1": Reply(200, resources(group, version)),
            "GET /api/v1/pods": [Reply(200, {"items": [pod()]}), Reply(200, NONE)],
        }
    )
    done, _, told, server = drained(tmp_path, answers)
    assert (done.error, done.read_back["evicted"], done.read_back["left"]) == (None, 1, "")
    sent = server.sent[server.asked.index(EVICT)]
    assert (sent["apiVersion"], sent["deleteOptions"]) == (body, {"preconditions": {"uid": "u1"}})
    assert told == ["evicting ml/train", "ml/train is gone"]


def test_pauses_double_up_to_fifteen_seconds_while_a_budget_refuses(tmp_path):
    refused = refusal(429, "Cannot evict pod as it would violate the pod's disruption budget.")
    answers = script(**{EVICT: refused, BUDGETS: Reply(200, budget(0))})
    done, asked_at, told, _ = drained(tmp_path, answers, seconds=70.0)
    assert asked_at == pytest.approx([0, 1, 3, 7, 15, 30, 45, 60])
    assert isinstance(done.error, DrainIncomplete)
    assert "after 70 s" in done.error.summary
    assert done.seconds == pytest.approx(70.0)
    assert told == ["evicting ml/train", "ml/train waits for disruption budget ml/keep"]


def test_the_servers_own_pause_is_kept(tmp_path):
    answers = script(**{EVICT: [refusal(429, "slow down", Retry_After="7"), Reply(201, {"kind": "Status"})]})
    _, asked_at, told, _ = drained(tmp_path, answers, seconds=9.0)
    assert asked_at[:2] == pytest.approx([0, 7])
    assert told[1] == "ml/train is not evicted yet: slow down"


def test_a_budget_whose_controller_has_not_seen_its_latest_change_stands_in_the_way(tmp_path):
    answers = script(**{EVICT: refusal(429, "unsynced", Retry_After="10"), BUDGETS: Reply(200, budget(1, seen=0))})
    done, _, told, _ = drained(tmp_path, answers, seconds=3.0)
    assert "ml/train waits for disruption budget ml/keep" in told
    assert done.seconds == pytest.approx(3.0), "the deadline comes first"


def test_a_server_in_trouble_is_asked_again(tmp_path):
    answers = script(
        **{
            EVICT: [refusal(500, "etcdserver: leader changed"), Reply(201, {"kind": "Status"})],
            "GET /api/v1/pods": [Reply(200, {"items": [pod()]})] * 2 + [Reply(200, NONE)],
        }
    )
    done, asked_at, *_ = drained(tmp_path, answers)
    assert (done.error, asked_at) == (None, pytest.approx([0, 1]))


@pytest.mark.parametrize("status", [400, 403, 422])
def test_what_no_waiting_mends_ends_it_at_once(tmp_path, status):
    done, *_ = drained(tmp_path, script(**{EVICT: refusal(status, "no")}))
    assert isinstance(done.error, ClusterUnavailable)
    assert "create pods/eviction" in done.error.summary
    assert "(pod ml/train)" in done.error.summary
    assert (done.seconds, done.read_back["left"]) == (0.0, "ml/train")


def test_a_pod_in_a_namespace_that_goes_away_is_waited_for(tmp_path):
    body = {"kind": "Status", "message": "terminating", "details": {"causes": [{"reason": "NamespaceTerminating"}]}}
    pods = [Reply(200, {"items": [pod()]}), Reply(200, NONE)]
    done, *_ = drained(tmp_path, script(**{EVICT: Reply(403, body), "GET /api/v1/pods": pods}))
    assert (done.error, done.read_back["evicted"]) == (None, 0)


def test_a_server_that_takes_no_evictions_gets_no_deletions_instead(tmp_path):
    done, _, _, server = drained(tmp_path, script(**{"GET /api/v1": Reply(200, {"resources": [{"name": "pods"}]})}))
    assert done.error is not None
    assert "takes no evictions" in done.error.summary
    assert {asked.partition(" ")[0] for asked in server.asked} == {"GET"}


def test_what_was_done_before_the_server_went_is_told(tmp_path):
    """Conditions and cordon were accepted; then nothing answers any more, and nothing is made up."""
    cordoned = {**NODE, "spec": {"unschedulable": True}}
    down = refusal(503, "shutting down")
    answers = script(
        **{
            "GET /api/v1/nodes/gpu-1": [Reply(200, NODE), down],
            "PATCH /api/v1/nodes/gpu-1/status": Reply(200, NODE),
            "PATCH /api/v1/nodes/gpu-1": Reply(200, cordoned),
            "GET /api/v1/pods": down,
        }
    )
    with serving(tmp_path, answers) as server:
        actuator = NodeActuator(KubernetesAccess(kubeconfig=str(server.kubeconfig)))
        order = NodeOrder(node="gpu-1", conditions={"Hot": True}, cordon=True, evict=True)
        done = actuator.carry_out(order, should_stop=lambda: False, tell=lambda said: None)
    assert isinstance(done.error, ClusterUnavailable)
    assert "answered 503 to `list pods`" in done.error.summary
    assert done.read_back == {"cordoned": True, "conditions": "Hot", "evicted": 0}
    assert done.note.endswith("not read back: as the server answered each step")
