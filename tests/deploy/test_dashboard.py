"""The dashboard asks for what the loop tells, and gets an answer from a real Prometheus."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from tests.deploy.contract import LABELS, METRICS, VALUES
from tests.deploy.files import dashboard, dashboard_expressions, metrics_in
from tests.prometheus_server import prometheus

NOW = 1_700_000_000
SAMPLES = 9


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with prometheus(tmp_path_factory.mktemp("prometheus"), history=history()) as running:
        yield running


def history():
    """Two minutes of every metric with all of its labels, rising by one every fifteen seconds."""
    lines = []
    for name, labels in LABELS.items():
        for values in itertools.product(*(VALUES.get(label, (label,)) for label in labels)):
            pairs = {"job": "esnode", "instance": "node-01:9477", **dict(zip(labels, values, strict=True))}
            text = ",".join(f'{label}="{value}"' for label, value in pairs.items())
            lines += [f"{name}{{{text}}} {number} {NOW - 15 * (SAMPLES - number)}" for number in range(1, SAMPLES + 1)]
    return "\n".join([*lines, "# EOF", ""])


def test_every_metric_it_names_is_one_of_the_loop():
    named = {metric for _, expression in dashboard_expressions() for metric in metrics_in(expression)}
    assert named - METRICS == set()
    assert len(named) > 20


@pytest.mark.lane("prometheus")
def test_every_query_is_understood_and_has_an_answer(server):
    # Comparisons with 0 or 1 filter: of a series that shows them at that time, something is left.
    at = NOW - 15 * (SAMPLES - 1)
    silent = [
        title
        for title, expression in dashboard_expressions()
        if not server.ask(expression, NOW) and not server.ask(expression, at)
    ]
    assert silent == []


def test_a_query_about_gpus_minds_the_chosen_node_and_gpu():
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            for metric, selector in re.findall(r"(esnode_\w+)(\{[^}]*\})?", target["expr"]):
                wanted = '$gpu"' if "gpu" in LABELS[metric] else '$instance"'
                assert wanted in selector, f"{panel['title']}: {metric}"


def test_the_data_source_is_the_readers_choice():
    written = json.dumps(dashboard())
    (source,) = [entry for entry in dashboard()["templating"]["list"] if entry["type"] == "datasource"]
    uids = set(re.findall(r'"uid": "([^"]*)"', written)) - {"esnode", "-- Grafana --"}
    assert uids == {f"${{{source['name']}}}"}


def test_panels_do_not_overlap_and_have_numbers_of_their_own():
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells


def test_every_verdict_has_a_colour_and_a_name():
    (panel,) = [panel for panel in dashboard()["panels"] if panel["type"] == "state-timeline"]
    mapped = {entry["text"] for entry in panel["fieldConfig"]["defaults"]["mappings"][0]["options"].values()}
    assert mapped == set(VALUES["status"])
    assert all(f'status="{status}"' in panel["targets"][0]["expr"] for status in mapped)
