"""The way into the cluster: whose credentials, and the client that carries them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from esnode.errors import ClusterUnavailable, ExtraMissing
from esnode.kubernetes import access as places
from esnode.kubernetes.client import TIMEOUT, Client
from esnode.model.node_file import KubernetesAccess

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig


@contextmanager
def open_client(access: KubernetesAccess, *, timeout: float = TIMEOUT) -> Iterator[Client]:
    """The cluster that `access` leads to, for the time of a `with`. Nothing is sent before the first question.

    Raises ExtraMissing without lightkube, ClusterUnavailable when there is no usable kubeconfig.
    """
    try:
        from lightkube.config import client_adapter
    except ImportError:
        raise ExtraMissing(
            "The cluster cannot be asked: esnode was installed without its Kubernetes client",
            next_step="Run `pip install 'esnode[kubernetes]'`, or take `kubernetes:` out of the node file.",
        ) from None
    source, config = _configuration(access)
    with _opened(lambda: client_adapter.Client(config, client_adapter.ConnectionParams()), source) as http:
        yield Client(http, source=source, timeout=timeout)


def _configuration(access: KubernetesAccess) -> tuple[str, SingleConfig]:
    """Where the credentials come from, for people, and what lightkube makes of them."""
    from lightkube.config.kubeconfig import KubeConfig

    path = places.kubeconfig_of(access)
    if path is None:
        source = "this pod's service account"
        return source, _opened(lambda: KubeConfig.from_service_account(places.SERVICE_ACCOUNT).get(), source)
    if not path.is_file():
        raise ClusterUnavailable(
            f"There is no kubeconfig at {path}",
            next_step="Name one in the node file (`kubernetes: kubeconfig:`) or in $KUBECONFIG.",
        )
    config = _opened(lambda: KubeConfig.from_file(path), str(path))
    wanted = access.context or config.current_context
    if wanted not in config.contexts:
        raise ClusterUnavailable(
            f"The kubeconfig {path} has no context {wanted!r}" if wanted else f"{path} has no current-context",
            detail=f"It has: {', '.join(sorted(config.contexts)) or 'none'}.",
            next_step="Name one of its contexts in the node file (`kubernetes: context:`).",
        )
    return f"{path} (context {wanted})", _opened(lambda: config.get(wanted), str(path))


def _opened(opening: Callable[[], Any], source: str) -> Any:
    """What `opening` returns. Raises ClusterUnavailable when these credentials cannot be used."""
    try:
        return opening()
    except Exception as failure:
        # Everything, and never its text: a YAML error quotes the file, and the file holds a token.
        reason = (
            f"{type(failure).__name__}: {failure.strerror}" if isinstance(failure, OSError) else type(failure).__name__
        )
        raise ClusterUnavailable(
            f"The credentials of {source} cannot be used ({reason})",
            next_step="Check them with `kubectl --kubeconfig FILE config view`; the files it names must be readable.",
        ) from None
