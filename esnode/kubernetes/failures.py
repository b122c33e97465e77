"""What goes wrong between esnode and an API server, in words and with a next step. No secret is ever quoted."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from esnode.errors import ClusterUnavailable
from esnode.kubernetes.exchange import Answer, Request


def refused(request: Request, answer: Answer, server: str, source: str) -> ClusterUnavailable:
    """The error for an answer that is no success. `source` is where the credentials came from."""
    words = _BY_STATUS.get(answer.status, _otherwise)
    return words(request, answer, server, source)


def unreachable(failure: BaseException, server: str, timeout: float) -> ClusterUnavailable:
    """The error for an exchange that failed before there was an answer."""
    if type(failure).__name__ == "ConfigError":
        return _no_token(failure, server)
    chain = tuple(_chain(failure))
    for kind, in_words in _BY_KIND.items():
        for link in chain:
            if isinstance(link, kind):
                return in_words(link, server, timeout)
    if any("Timeout" in type(link).__name__ for link in chain):
        return _no_answer(failure, server, timeout)
    # Never the exception's own text: it may hold what was sent.
    return ClusterUnavailable(
        f"The Kubernetes API at {server} cannot be reached ({type(failure).__name__})", next_step=_CHECK_SERVER
    )


NAME_IT: Final = (
    "Write the name that `kubectl get nodes` shows into the node file (`kubernetes: node:`), or set ESNODE_NODE_NAME; "
    "in a pod take NODE_NAME from the Downward API's spec.nodeName."
)
_CHECK_SERVER: Final = "Check the kubeconfig's `server:` and the way there: `kubectl get --raw /readyz`."
_TRY_AGAIN: Final = "Look at the API server's health (`kubectl get --raw '/readyz?verbose'`) and try again."
_TOO_OLD_OR_NEW: Final = "See which server this is (`kubectl version`) and whether a webhook of it objects."
_RENEW: Final = "The token or certificate may have expired: renew it there, and check with `kubectl auth whoami`."


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """An exception and what it came from: libraries wrap the system's own error more than once."""
    seen: set[int] = set()
    link: BaseException | None = failure
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _no_token(failure: BaseException, server: str) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"The Kubernetes API at {server} was not asked: no token could be got",
        # Up to the colon stands what was run and its exit code; after it, whatever that wrote.
        detail=f"{str(failure).partition(':')[0]}.",
        next_step="Run the kubeconfig's `exec:` command by hand, or use a token or a certificate.",
    )


def _untrusted(failure: BaseException, server: str, timeout: float) -> ClusterUnavailable:
    reason = getattr(failure, "verify_message", "") or getattr(failure, "reason", "") or type(failure).__name__
    return ClusterUnavailable(
        f"The TLS connection to the Kubernetes API at {server} failed: {reason}",
        next_step="Check `certificate-authority` of the kubeconfig, and that `server:` is a name in the certificate.",
    )


def _no_answer(failure: BaseException, server: str, timeout: float) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"The Kubernetes API at {server} did not answer within {timeout:g} s", next_step=_CHECK_SERVER
    )


def _system(failure: BaseException, server: str, timeout: float) -> ClusterUnavailable:
    reason = getattr(failure, "strerror", None) or type(failure).__name__
    return ClusterUnavailable(
        f"The Kubernetes API at {server} cannot be reached: {reason}",
        next_step=_CHECK_SERVER,
    )


_BY_KIND: Final[Mapping[type[BaseException], Callable[[BaseException, str, float], ClusterUnavailable]]] = {
    ssl.SSLError: _untrusted,
    TimeoutError: _no_answer,
    OSError: _system,
}
"""The first kind that is found anywhere in the chain decides."""


def _unknown_user(request: Request, answer: Answer, server: str, source: str) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"The Kubernetes API at {server} does not accept the credentials of {source}", next_step=_RENEW
    )


def _forbidden(request: Request, answer: Answer, server: str, source: str) -> ClusterUnavailable:
    return ClusterUnavailable(
        f"The Kubernetes API at {server} does not let esnode {request.verb} {request.resource} ({request.about})",
        detail=_sentence(answer.said),
        next_step=f"Give the user of {source} the verb `{request.verb}` on `{request.resource}`: "
        "examples/kubernetes/rbac.yaml has all that esnode needs.",
    )


def _absent(request: Request, answer: Answer, server: str, source: str) -> ClusterUnavailable:
    if request.resource.partition("/")[0] == "nodes":
        return ClusterUnavailable(
            f"The cluster at {server} has no {request.about}",
            next_step=NAME_IT,
        )
    return _otherwise(request, answer, server, source)


def _otherwise(request: Request, answer: Answer, server: str, source: str) -> ClusterUnavailable:
    strange = " without a JSON object" if 200 <= answer.status < 300 else ""
    return ClusterUnavailable(
        f"The Kubernetes API at {server} answered {answer.status}{strange} "
        f"to `{request.verb} {request.resource}` ({request.about})",
        detail=_sentence(answer.said),
        next_step=_TOO_OLD_OR_NEW if 400 <= answer.status < 500 and answer.status != 429 else _TRY_AGAIN,
    )


_BY_STATUS: Final[Mapping[int, Callable[[Request, Answer, str, str], ClusterUnavailable]]] = {
    401: _unknown_user,
    403: _forbidden,
    404: _absent,
}


def _sentence(text: str) -> str:
    return f"The server says: {text.rstrip('.')}." if text else ""
