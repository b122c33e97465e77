"""Where the way into the cluster is written down, and what this machine is called there."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Final

from esnode.model.node_file import KubernetesAccess

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts a pod's own credentials."""

_USUAL: Final = "~/.kube/config"


def is_in_cluster() -> bool:
    """Whether this process runs in a pod that may talk to its API server."""
    return bool(os.environ.get("KUBERNETES_SERVICE_HOST")) and (SERVICE_ACCOUNT / "token").exists()


def is_configured(access: KubernetesAccess | None) -> bool:
    """Whether a cluster is to be asked at all: somebody said how, or this process runs in a pod of one."""
    return access is not None or is_in_cluster()


def kubeconfig_of(access: KubernetesAccess) -> Path | None:
    """The kubeconfig to use; None is the pod's own service account.

    The node file's, else the service account, else the first file of $KUBECONFIG that exists, else ~/.kube/config.
    A context is a thing of kubeconfigs: where one is asked for, the service account is passed over.
    """
    if access.kubeconfig:
        return Path(access.kubeconfig).expanduser()
    if not access.context and is_in_cluster():
        return None
    named = [Path(part).expanduser() for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    usual = named or [Path(_USUAL).expanduser()]
    return next((path for path in usual if path.exists()), usual[0])


def node_name(access: KubernetesAccess) -> str:
    """What this machine is called in the cluster, said or guessed.

    The node file's, else $ESNODE_NODE_NAME, else $NODE_NAME (the usual name for the Downward API's
    `spec.nodeName`), else the hostname in lower case, as a kubelet that nobody told otherwise registers itself.
    """
    said = access.node or os.environ.get("ESNODE_NODE_NAME") or os.environ.get("NODE_NAME")
    return said or socket.gethostname().lower()
