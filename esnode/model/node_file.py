"""What people say of one machine: the node file. Secrets are only ever references, see `esnode.secrets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseDestination:
    """Any service that Apprise knows. `url` is a reference such as `env:SLACK_URL`: the URL itself is a secret."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerDestination:
    """Prometheus' Alertmanager: `url` is its root, such as `http://127.0.0.1:9093`, or a reference."""

    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookDestination:
    """Any HTTP endpoint: `url` or a reference, `secret` a reference to the key that the body is signed with."""

    url: str
    secret: str = ""


Destination: TypeAlias = AppriseDestination | AlertmanagerDestination | WebhookDestination


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """Where `channel:` of a profile leads: every destination gets each message.

    `message` is a template for people, "" for esnode's own.
    """

    name: str
    destinations: tuple[Destination, ...]
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where tokens per second of some GPUs come from: a metrics page (`url`, of `engine`) or a PromQL `query`.

    `gpus` are indexes or UUIDs as written; empty means every GPU of the machine. `window_seconds` is what the rate
    is taken over.
    """

    url: str = ""
    engine: str = ""
    query: str = ""
    gpus: tuple[str, ...] = ()
    window_seconds: float = 60.0

    @property
    def name(self) -> str:
        """What it is called in states and messages."""
        return self.url or f"prometheus:{self.query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusServer:
    """`url` is its root, or a reference; `token` a reference to a bearer token, or ""."""

    url: str
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesAccess:
    """How the cluster is reached, and as what this machine is known there. Empty texts mean: find out.

    `drain_seconds` is how long a drain tries before it reports what is left.
    """

    node: str = ""
    kubeconfig: str = ""
    context: str = ""
    drain_seconds: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFile:
    """`path` is "" when there is no node file. `kubernetes` is None when nothing is said of a cluster.

    `require_signature` are files of public keys, one of which must have signed what is applied; empty asks for none.
    """

    path: str = ""
    machine_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    serving: tuple[Serving, ...] = ()
    prometheus: PrometheusServer | None = None
    protect: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    require_signature: tuple[str, ...] = ()
    kubernetes: KubernetesAccess | None = None


NO_NODE_FILE = NodeFile()
