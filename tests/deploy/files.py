"""The examples that a fleet is run and watched with, as tests read them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML

from tests.places import EXAMPLES, PROJECT

SYSTEMD = EXAMPLES / "systemd"
PROMETHEUS = EXAMPLES / "prometheus"
KUBERNETES = EXAMPLES / "kubernetes"
OPERATIONS = PROJECT / "docs" / "operations.md"

_METRIC = re.compile(r"\b(?:esnode|node)_[a-z0-9_]+\b")


def yaml_of(path: Any) -> Any:
    return YAML(typ="safe").load(path)


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXAMPLES / "grafana" / "esnode.json").read_text())
    return loaded


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml_of(PROMETHEUS / "esnode.rules.yaml")["groups"] for rule in group["rules"]]


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    """Title and expression of every query, with the variables as Grafana fills them in."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], filled(target["expr"])
    for annotation in dashboard()["annotations"]["list"]:
        if "expr" in annotation:
            yield annotation["name"], filled(annotation["expr"])


def filled(expression: str) -> str:
    chosen = {"$__rate_interval": "1m", "$__range": "1h", "$node": ".*", "$gpu": ".*", "$instance": ".*"}
    for name, value in chosen.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def metrics_in(expression: str) -> set[str]:
    """Names of metrics: not those of recording rules, which have a colon, and not what stands in quotes."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    return set(_METRIC.findall(re.sub(r"\b\w+:\w+(?::\w+)?", "", bare)))


def anchors() -> set[str]:
    """Of the headings of the page, as GitHub makes them. A comment in a block of code is indented and is none."""
    lines = re.findall(r"^#+ (.*)$", OPERATIONS.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}
