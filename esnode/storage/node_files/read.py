"""The node file, read whole or refused with every mistake and its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from esnode.diagnostics import Diagnostic, error
from esnode.errors import BadValue, NodeFileInvalid
from esnode.model.messages import check_template
from esnode.model.node_file import (
    AlertmanagerDestination,
    AppriseDestination,
    Channel,
    Destination,
    KubernetesAccess,
    NodeFile,
    PrometheusServer,
    Serving,
    WebhookDestination,
)
from esnode.records import replace
from esnode.secrets import is_reference
from esnode.storage.fit import fits
from esnode.storage.node_files.grammar import NODE_SCHEMA
from esnode.storage.node_files.problems import WORDING
from esnode.storage.schema_files import schema
from esnode.storage.yaml.complaints import Problem, diagnostic, in_order, unspoiled
from esnode.storage.yaml.text import YamlFile, read_yaml
from esnode.units import parse_duration

Parts = Mapping[str, Any]
_DESTINATIONS = ("apprise", "alertmanager", "webhook")


def read_node_file(path: Path) -> NodeFile:
    """The node file at `path`. Raises NodeFileInvalid with all problems, and FileUnreadable."""
    file = read_yaml(str(path))
    diagnostics: list[Diagnostic] = list(file.problems)
    documents = [document for document in file.documents if document.value is not None]
    if len(documents) > 1:
        diagnostics.append(error(f"{path} holds {len(documents)} documents, a node file is one"))
    for document in documents:
        mistakes = unspoiled(problems_of(document.value), document)
        diagnostics += [diagnostic(problem, document, file) for problem in mistakes]
    if diagnostics:
        _refuse(file, diagnostics)
    return build(documents[0].value if documents else {}, str(path))


def problems_of(document: Any) -> list[Problem]:
    """Every mistake of a document, each once. Empty: `build` will succeed."""
    if not fits(document, schema(NODE_SCHEMA)):
        from jsonschema import Draft202012Validator

        return WORDING.problems(Draft202012Validator(schema(NODE_SCHEMA)).iter_errors(document))
    return list(_meanings(document))


def build(document: Parts, path: str) -> NodeFile:
    """The node file of a document without problems."""
    cluster = document.get("kubernetes")
    return NodeFile(
        path=path,
        machine_id=document.get("machine_id", ""),
        tags=document.get("tags", {}),
        labels=document.get("labels", {}),
        channels={name: _channel(name, given) for name, given in document.get("channels", {}).items()},
        serving=tuple(_serving(given) for given in document.get("serving", ())),
        prometheus=_prometheus(document["prometheus"]) if "prometheus" in document else None,
        protect=tuple(document.get("protect", ())),
        forbid=tuple(document.get("forbid", ())),
        require_signature=tuple(document.get("require_signature", ())),
        kubernetes=_kubernetes(cluster) if cluster is not None else None,
    )


def _refuse(file: YamlFile, diagnostics: list[Diagnostic]) -> None:
    """Raises NodeFileInvalid. The lines themselves are not shown: one may hold a secret that should not be there."""
    count = "1 error" if len(diagnostics) == 1 else f"{len(diagnostics)} errors"
    raise NodeFileInvalid(
        f"{count} in {file.filename}",
        in_order(_without_source(diagnostic) for diagnostic in diagnostics),
        next_step="Correct the node file; `esnode schema node` prints its grammar.",
    )


def _without_source(diagnostic: Diagnostic) -> Diagnostic:
    return replace(diagnostic, range=replace(diagnostic.range, source="") if diagnostic.range else None)


# -- what a schema cannot say --------------------------------------------------------------------


def _meanings(document: Parts) -> Iterator[Problem]:
    for name, given in document.get("channels", {}).items():
        yield from _channel_problems(("channels", name), given)
    for index, given in enumerate(document.get("serving", ())):
        yield from _serving_problems(("serving", index), given, document)
    drain = document.get("kubernetes", {}).get("drain_timeout")
    yield from _duration_problems(("kubernetes", "drain_timeout"), drain)
    server = document.get("prometheus")
    if server is not None:
        is_text = isinstance(server, str)
        yield from _with_password(("prometheus",) if is_text else ("prometheus", "url"), _prometheus(server).url)


def _channel_problems(path: tuple[str | int, ...], given: Any) -> Iterator[Problem]:
    if isinstance(given, list):
        for index, one in enumerate(given):
            yield from _destination_problems((*path, index), one)
        return
    if "destinations" in given:
        beside = next((key for key in (*_DESTINATIONS, "secret") if key in given), None)
        if beside:
            summary = f'"{beside}" stands beside "destinations"'
            yield Problem(path=(*path, beside), summary=summary, detail="Put it into the list.", at_key=True)
        for index, one in enumerate(given["destinations"]):
            yield from _destination_problems((*path, "destinations", index), one)
    else:
        yield from _destination_problems(path, given)
    try:
        check_template(given.get("message", ""))
    except BadValue as wrong:
        yield Problem(path=(*path, "message"), summary=wrong.summary, detail=wrong.next_step)


def _destination_problems(path: tuple[str | int, ...], given: Parts) -> Iterator[Problem]:
    kinds = [kind for kind in _DESTINATIONS if kind in given]
    if len(kinds) != 1:
        summary = "a destination is one of apprise, alertmanager and webhook"
        yield Problem(path=path, summary=f"{summary}, found {' and '.join(kinds) or 'none of them'}")
        return
    if "secret" in given and kinds[0] != "webhook":
        detail = "Only a webhook's body is signed."
        yield Problem(path=(*path, "secret"), summary=f"{kinds[0]} has no secret", detail=detail, at_key=True)
    if kinds[0] != "apprise":
        yield from _with_password((*path, kinds[0]), given[kinds[0]])


def _duration_problems(path: tuple[str | int, ...], text: str | None) -> Iterator[Problem]:
    try:
        parse_duration(text or "1s")
    except BadValue as wrong:
        yield Problem(path=path, summary=wrong.summary, detail=wrong.next_step)


def _serving_problems(path: tuple[str | int, ...], given: Parts, document: Parts) -> Iterator[Problem]:
    yield from _duration_problems((*path, "window"), given.get("window"))
    if ("url" in given) == ("query" in given):
        yield Problem(path=path, summary='a serving endpoint has either "url" or "query"')
    elif "url" in given:
        yield from _with_password((*path, "url"), given["url"])
    elif "prometheus" not in document:
        detail = 'Add it at the top: prometheus: "http://127.0.0.1:9090".'
        yield Problem(path=(*path, "query"), summary="a query needs a Prometheus server", detail=detail)


def _with_password(path: tuple[str | int, ...], url: str) -> Iterator[Problem]:
    """Plans and messages name URLs, so none may hold a password."""
    if is_reference(url):
        return
    try:
        parts = urlsplit(url)
        has_password = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        yield Problem(path=path, summary="the URL cannot be read", detail="Check its host and port.")
        return
    if has_password:
        detail = "Put the whole URL where only esnode can read it, and write env:NAME, file:/PATH or credential:NAME."
        yield Problem(path=path, summary="the URL holds a user or a password", detail=detail)


# -- values --------------------------------------------------------------------------------------


def _channel(name: str, given: Any) -> Channel:
    if isinstance(given, list):
        return Channel(name=name, destinations=tuple(_destination(one) for one in given))
    listed = given.get("destinations") or [given]
    return Channel(name=name, destinations=tuple(_destination(one) for one in listed), message=given.get("message", ""))


def _destination(given: Parts) -> Destination:
    if "apprise" in given:
        return AppriseDestination(url=given["apprise"])
    if "alertmanager" in given:
        return AlertmanagerDestination(url=given["alertmanager"])
    return WebhookDestination(url=given["webhook"], secret=given.get("secret", ""))


def _serving(given: Parts) -> Serving:
    return Serving(
        url=given.get("url", ""),
        engine=given.get("engine", ""),
        query=given.get("query", ""),
        gpus=tuple(str(gpu) for gpu in given.get("gpus", ())),
        window_seconds=parse_duration(given.get("window", "60s")),
    )


def _prometheus(given: Any) -> PrometheusServer:
    if isinstance(given, str):
        return PrometheusServer(url=given)
    return PrometheusServer(url=given["url"], token=given.get("token", ""))


def _kubernetes(given: Parts) -> KubernetesAccess:
    return KubernetesAccess(
        node=given.get("node", ""),
        kubeconfig=given.get("kubeconfig", ""),
        context=given.get("context", ""),
        drain_seconds=parse_duration(given.get("drain_timeout", "5m")),
    )
