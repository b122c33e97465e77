"""The node file's grammar as a JSON Schema. `make schemas` writes it to `schemas/node.v1.schema.json`.

`x-expects` says what a value must be, in the words of an error message.
"""

from __future__ import annotations

import json

from esnode.secrets import REFERENCE_PATTERN
from esnode.storage.profiles.grammar import ACTIONS
from esnode.storage.schema_parts import Schema, duration, list_of, mapping, text, texts

NODE_SCHEMA = "node.v1"

_REFERENCE = "a reference: env:NAME, file:/PATH or credential:NAME"
_URL_OR_REFERENCE = f"a URL such as http://127.0.0.1:9093, or {_REFERENCE}"
_URL_PATTERN = r"^https?://[^\s]+$(?!\n)"
_NAME = r"^[^\s\"\\]+( [^\s\"\\]+)*$(?!\n)"


def node_schema() -> Schema:
    """The grammar of a node file (JSON Schema 2020-12)."""
    properties = {
        "machine_id": text("The id of this machine, where /etc/machine-id is not to be trusted.", pattern=_NAME),
        "tags": texts("Facts of this machine that no driver knows, such as cluster_zone: us-east-1."),
        "labels": texts("Labels that profiles select by, such as workload_type: training."),
        "channels": {
            "type": "object",
            "description": "Where alerts go: what `channel:` in a profile refers to.",
            "additionalProperties": _channel(),
            "x-expects": "a mapping of channel names to destinations",
        },
        "serving": {
            "type": "array",
            "description": "Where tokens per second come from.",
            "items": _serving(),
            "x-expects": "a list of serving endpoints",
        },
        "prometheus": {
            "anyOf": [
                _url("The root of a Prometheus server."),
                mapping(
                    "A Prometheus server.",
                    {"url": _url("Its root."), "token": _reference("Its bearer token.")},
                    ("url",),
                ),
            ],
            "description": "The Prometheus server that `prometheus:` targets are asked of.",
            "x-expects": f"{_URL_OR_REFERENCE}, or a mapping with url and token",
        },
        "protect": list_of("Names of processes, or globs, that kill_process never picks.", text("A name or a glob.")),
        "forbid": list_of(
            "Actions that this machine does not allow.",
            {"enum": list(ACTIONS), "x-expects": "an action"},
        ),
        "require_signature": {
            **list_of(
                "Public keys (PEM files): apply takes only plans that one of them signed.",
                text("The path of a public key.", pattern=r"^/[^\x00]+$(?!\n)") | {"x-expects": "an absolute path"},
            ),
            "minItems": 1,
            "x-expects": "a list of at least one path",
        },
        "kubernetes": mapping(
            "How the cluster is reached that this machine is a node of. `{}` finds out everything.",
            {
                "node": text("The node's name; else the Downward API's NODE_NAME, else the hostname."),
                "kubeconfig": text("A kubeconfig; else the pod's service account, else $KUBECONFIG."),
                "context": text("The kubeconfig's context, if not the current one."),
                "drain_timeout": duration("How long a drain tries (5m)."),
            },
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:esnode:node:v1",
        "title": "ESNODE node file",
        **mapping("What is true of one machine.", properties),
    }


def schema_json() -> str:
    """The committed form of the schema."""
    return json.dumps(node_schema(), indent=2, ensure_ascii=False) + "\n"


def _reference(description: str) -> Schema:
    return text(description, pattern=REFERENCE_PATTERN) | {"x-expects": _REFERENCE}


def _url(description: str) -> Schema:
    forms: list[Schema] = [{"pattern": _URL_PATTERN}, {"pattern": REFERENCE_PATTERN}]
    return {"type": "string", "anyOf": forms, "description": description, "x-expects": _URL_OR_REFERENCE}


def _destination(more: Schema | None = None) -> Schema:
    properties = {
        "apprise": _reference("An Apprise URL (Slack, PagerDuty, Teams, mail, ...), which is a secret."),
        "alertmanager": _url("The root of an Alertmanager."),
        "webhook": _url("An HTTP endpoint that takes esnode's JSON."),
        "secret": _reference("The key that the webhook's body is signed with."),
    }
    return mapping("One destination.", {**properties, **(more or {})})


def _channel() -> Schema:
    template = {
        "message": text("What people read, with {gpu}, {value}, {condition}, {host}, {profile}, {policy}, {plan}.")
    }
    many = {"type": "array", "minItems": 1, "items": _destination(), "x-expects": "a list of destinations"}
    one = _destination({**template, "destinations": many})
    return {"anyOf": [one, many], "x-expects": "a destination, a list of them, or a mapping with destinations"}


def _serving() -> Schema:
    gpu = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}]}
    return mapping(
        "One endpoint, or one query, and the GPUs behind it.",
        {
            "url": _url("A serving engine's metrics page, such as http://127.0.0.1:8000/metrics."),
            "engine": text("vllm, sglang, tgi, triton, trtllm, nim, llama.cpp; without it the page tells."),
            "query": text("Instead of url: a PromQL query that gives tokens per second."),
            "gpus": list_of("Indexes or UUIDs; without it, all GPUs.", {**gpu, "x-expects": "an index or a UUID"}),
            "window": duration("What the rate is taken over (60s)."),
        },
    )
