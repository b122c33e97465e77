"""One node of the test's control plane, made of API objects, and who plays its kubelet."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from tests.kubernetes.plane import Plane, Refused

MERGE = "application/strategic-merge-patch+json"
READY = {"type": "Ready", "status": "True", "reason": "Test", "lastTransitionTime": "2024-01-01T00:00:00Z"}


class Machine:
    """A node with eight GPUs and a namespace of its own, both of one name."""

    def __init__(self, plane: Plane, name: str) -> None:
        self.plane = plane
        self.name = name

    def create(self) -> None:
        labels = {"kubernetes.io/hostname": self.name, "zone": "a"}
        self.plane.ask("POST", "api/v1/nodes", {"metadata": {"name": self.name, "labels": labels}})
        self.plane.ask("POST", "api/v1/namespaces", {"metadata": {"name": self.name}})
        room = {"nvidia.com/gpu": "8", "nvidia.com/mig-1g.10gb": "7", "cpu": "64", "memory": "1Ti", "pods": "110"}
        self.patch_status({"capacity": room, "allocatable": room, "conditions": [READY]})
        # The server taints new nodes; without a kubelet nobody else takes that off.
        self.plane.ask("PATCH", f"api/v1/nodes/{self.name}", {"spec": {"taints": None}}, kind=MERGE)

    def patch_status(self, status: Mapping[str, Any]) -> None:
        self.plane.ask("PATCH", f"api/v1/nodes/{self.name}/status", {"status": status}, kind=MERGE)

    def node(self) -> Any:
        return self.plane.ask("GET", f"api/v1/nodes/{self.name}")

    def condition(self, kind: str) -> Any:
        return next((entry for entry in self.node()["status"]["conditions"] if entry["type"] == kind), None)

    def is_cordoned(self) -> bool:
        return bool(self.node()["spec"].get("unschedulable"))

    def create_in(self, kind: str, body: Mapping[str, Any], group: str = "api/v1") -> Any:
        return self.plane.ask("POST", f"{group}/namespaces/{self.name}/{kind}", body)

    def run_pod(
        self, name: str, *, phase: str = "Running", metadata: Mapping[str, Any] | None = None, **spec: Any
    ) -> Any:
        """A pod bound to this node, in `phase`, ready when it runs. It holds one GPU unless `spec` says otherwise."""
        body = {
            "metadata": {"name": name, "labels": {"app": name}, **(metadata or {})},
            "spec": {"nodeName": self.name, "containers": [container()], **spec},
        }
        made = self.create_in("pods", body)
        set_phase(self.plane, made, phase)
        return made

    def guard(self, name: str, *, at_least: int = 1, app: str = "") -> None:
        """A disruption budget over the pods of `app`, seen by its controller."""
        selector = {"matchLabels": {"app": app or name}}
        body = {"metadata": {"name": name}, "spec": {"minAvailable": at_least, "selector": selector}}
        self.create_in("poddisruptionbudgets", body, "apis/policy/v1beta1")
        path = f"{self._budgets}/{name}"
        until(lambda: self.plane.ask("GET", path).get("status", {}).get("observedGeneration") == 1)
        # A budget counts healthy pods: until it has counted those that are there, it is about nothing.
        until(lambda: self.plane.ask("GET", path)["status"]["currentHealthy"] >= 1)

    def free(self, name: str) -> None:
        """From now on the budget allows everything."""
        self.plane.ask(
            "PATCH", f"{self._budgets}/{name}", {"spec": {"minAvailable": 0}}, kind="application/merge-patch+json"
        )

    @property
    def _budgets(self) -> str:
        return f"apis/policy/v1beta1/namespaces/{self.name}/poddisruptionbudgets"

    def pods(self) -> list[Any]:
        items = self.plane.ask("GET", f"api/v1/namespaces/{self.name}/pods")["items"]
        return [item for item in items if item["spec"].get("nodeName") == self.name]

    def pod_names(self) -> list[str]:
        return sorted(item["metadata"]["name"] for item in self.pods())

    @contextmanager
    def kubelet(self) -> Iterator[None]:
        """Plays the kubelet: starts what is bound to the node, and lets go of what is being deleted.

        Without one, a deleted pod stays "Terminating" for ever, as on a node that died.
        """
        over = threading.Event()
        thread = threading.Thread(target=self._play, args=(over,))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _play(self, over: threading.Event) -> None:
        while not over.wait(0.05):
            for pod in self.pods():
                with suppress(Refused):
                    self._serve(pod)

    def _serve(self, pod: Any) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            gone = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
            self.plane.ask("DELETE", f"api/v1/namespaces/{self.name}/pods/{pod['metadata']['name']}", gone)
        elif pod["status"].get("phase") == "Pending":
            set_phase(self.plane, pod, "Running")


def container(name: str = "work", **resources: str) -> dict[str, Any]:
    """A container with these resources, dots written as in `nvidia_com__gpu`; by default with one GPU."""
    named = {key.replace("__", "/").replace("_", "."): value for key, value in resources.items()}
    return {"name": name, "image": "none", "resources": {"limits": named or {"nvidia.com/gpu": "1"}}}


def set_phase(plane: Plane, pod: Any, phase: str) -> None:
    ready = {"type": "Ready", "status": "True" if phase == "Running" else "False"}
    path = f"api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}/status"
    plane.ask("PATCH", path, {"status": {"phase": phase, "conditions": [ready]}}, kind=MERGE)


def until(is_so: Callable[[], object], seconds: float = 20) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, "it did not come about"
        time.sleep(0.05)
