"""The node file: what is read from it, and what is said of mistakes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esnode.errors import FileUnreadable, NodeFileInvalid
from esnode.model.node_file import (
    AlertmanagerDestination,
    AppriseDestination,
    KubernetesAccess,
    NodeFile,
    PrometheusServer,
    Serving,
    WebhookDestination,
)
from esnode.storage.node_files.grammar import node_schema
from esnode.storage.node_files.read import problems_of, read_node_file
from tests.places import EXAMPLES

DESIGN = """
machine_id: rack7-node3
tags:     {cluster_zone: us-east-1}
labels:   {workload_type: training}
channels:
  slack-devops: {apprise: "env:SLACK_URL"}
  oncall:       {alertmanager: "http://127.0.0.1:9093"}
  hook:         {webhook: "http://127.0.0.1:8080/esnode", secret: "file:/run/secrets/hook"}
  everybody:    [{apprise: "credential:mail"}, {alertmanager: "env:AM"}]
  worded:       {destinations: [{webhook: "http://h/"}], message: "{gpu} is at {value}"}
serving:
  - {url: "http://127.0.0.1:8000/metrics", engine: vllm, gpus: [0, GPU-5d1f], window: 2m}
prometheus: "http://127.0.0.1:9090"
protect:  ["my-daemon*"]
forbid:   [migrate_pod]
require_signature: [/etc/esnode/release.pub.pem]
kubernetes: {drain_timeout: 90s}
"""


def read(tmp_path, text):
    path = tmp_path / "node.yaml"
    path.write_text(text)
    return read_node_file(path)


def mistakes(tmp_path, text):
    with pytest.raises(NodeFileInvalid) as invalid:
        read(tmp_path, text)
    return [(problem.range.line, problem.summary) for problem in invalid.value.problems if problem.range]


def test_everything_a_node_file_can_say(tmp_path):
    found = read(tmp_path, DESIGN)
    assert found.channels["slack-devops"].destinations == (AppriseDestination(url="env:SLACK_URL"),)
    assert found.channels["oncall"].destinations == (AlertmanagerDestination(url="http://127.0.0.1:9093"),)
    hook = WebhookDestination(url="http://127.0.0.1:8080/esnode", secret="file:/run/secrets/hook")
    assert found.channels["hook"].destinations == (hook,)
    assert len(found.channels["everybody"].destinations) == 2
    assert found.channels["worded"].message == "{gpu} is at {value}"
    served = Serving(url="http://127.0.0.1:8000/metrics", engine="vllm", gpus=("0", "GPU-5d1f"), window_seconds=120.0)
    assert found.serving == (served,)
    assert (found.protect, found.forbid) == (("my-daemon*",), ("migrate_pod",))
    assert found.require_signature == ("/etc/esnode/release.pub.pem",)
    assert found.prometheus == PrometheusServer(url="http://127.0.0.1:9090")
    assert found.kubernetes == KubernetesAccess(drain_seconds=90.0)
    assert (found.machine_id, dict(found.labels)) == ("rack7-node3", {"workload_type": "training"})


def test_an_empty_node_file_says_nothing(tmp_path):
    assert read(tmp_path, "# nothing yet\n") == NodeFile(path=str(tmp_path / "node.yaml"))


def test_one_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileUnreadable):
        read_node_file(tmp_path / "node.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("channel: {}", 'unknown key "channel"'),
        ("channels: {a: {apprise: slack://a/b}}", "must be a reference"),
        ("channels: {a: {apprise: 'env:A', webhook: 'http://h'}}", "one of apprise, alertmanager and webhook"),
        ("channels: {a: {}}", "found none of them"),
        ("channels: {a: {alertmanager: 'http://me:pw@h/'}}", "holds a user or a password"),
        ("channels: {a: {alertmanager: 'http://h', secret: 'env:A'}}", "alertmanager has no secret"),
        ("channels: {a: {webhook: 'ftp://h'}}", "must be a URL"),
        ("channels: {a: {webhook: 'http://h', message: '{gpus}'}}", "gpus"),
        ("forbid: [migrate]", "unknown word"),
        ("require_signature: []", "must not be empty"),
        ("require_signature: [release.pub.pem]", "must be an absolute path"),
        ("serving: [{engine: vllm}]", 'either "url" or "query"'),
        ("serving: [{query: up}]", "needs a Prometheus server"),
        ("serving: [{url: 'http://h', window: 1s1m}]", "not a duration"),
        ("kubernetes: {drain_timeout: 5x}", "must be a duration"),
        ("prometheus: 9090", "must be a URL"),
        ("tags: {zone: 1}", "must be text"),
        ("- a", "must be a mapping"),
    ],
)
def test_mistakes_are_said_with_their_line(tmp_path, text, said):
    ((line, summary),) = mistakes(tmp_path, f"# first\n{text}\n")
    assert line == 2
    assert said in summary


def test_no_error_shows_what_may_be_a_secret(tmp_path):
    path = tmp_path / "node.yaml"
    path.write_text("channels:\n  a: {apprise: 'slack://planted-secret/x'}\n  b: [planted-secret\n")
    with pytest.raises(NodeFileInvalid) as invalid:
        read_node_file(path)
    assert "planted-secret" not in str(invalid.value.problems) + invalid.value.summary


def test_every_schema_keyword_is_one_that_the_quick_check_knows():
    from esnode.storage.fit import _RULES

    known = {*_RULES, "then", "$schema", "$id", "title", "description", "x-expects", "examples"}
    found = set()

    def walk(schema):
        if isinstance(schema, dict):
            for name, value in schema.items():
                found.add(name)
                if name == "properties":
                    for rule in value.values():
                        walk(rule)
                elif name in ("items", "additionalProperties"):
                    walk(value)
                elif name == "anyOf":
                    for rule in value:
                        walk(rule)

    walk(node_schema())
    assert found - known == set()


_KEYS = st.sampled_from(["channels", "apprise", "webhook", "serving", "url", "gpus", "x"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(_VALUES)
def test_any_document_is_right_or_explained(document):
    problems = problems_of(document)
    assert all(problem.summary for problem in problems)
    json.dumps([problem.summary for problem in problems])


def test_the_example_is_right():
    assert set(read_node_file(EXAMPLES / "node.yaml").channels) == {"slack-devops", "oncall", "hook", "everybody"}
