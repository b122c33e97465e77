"""docs/alerts.md says what the code does, and the receiver's code in it works."""

from __future__ import annotations

import json
import re

import pytest

from esnode.actuators.alert import AlertActuator
from esnode.actuators.alertmanager import FIRES_FOR, alert_of, labels_of
from esnode.actuators.webhook import body_of
from esnode.model.messages import FIELDS
from esnode.model.node_file import Channel, WebhookDestination
from tests.builders import a_notification
from tests.places import PROJECT

TEXT = (PROJECT / "docs" / "alerts.md").read_text(encoding="utf-8")


@pytest.fixture
def is_from_esnode():
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(snippet, "docs/alerts.md", "exec"), names)
    return names["is_from_esnode"]


@pytest.fixture
def signed(http_receiver, monkeypatch):
    """A signed message as it arrived."""
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    hook = WebhookDestination(url=f"{http_receiver.url}/esnode", secret="env:HOOK_SECRET")
    channel = Channel(name="ops", destinations=(hook,))
    assert AlertActuator({"ops": channel}).send(a_notification()).error is None
    return http_receiver.received[0]


def test_the_receivers_code_accepts_what_esnode_sends(is_from_esnode, signed):
    assert is_from_esnode(b"s3cret", signed.headers, signed.body)


def test_it_refuses_everything_else(is_from_esnode, signed):
    headers = dict(signed.headers)
    later = {"X-Esnode-Timestamp": str(int(headers["X-Esnode-Timestamp"]) + 1)}
    assert not is_from_esnode(b"other", headers, signed.body)
    assert not is_from_esnode(b"s3cret", headers, signed.body + b" ")
    assert not is_from_esnode(b"s3cret", headers | later, signed.body), "an old message with a new time"
    assert not is_from_esnode(b"s3cret", headers, signed.body, tolerance=-1), "an old message"
    assert not is_from_esnode(b"s3cret", {}, signed.body)
    assert not is_from_esnode(b"s3cret", headers | {"X-Esnode-Signature": "sha256=ü"}, signed.body)


def test_each_member_of_the_body_is_described():
    rows = set(re.findall(r"`(\w+)`", "".join(line for line in TEXT.splitlines() if line.startswith("| `"))))
    document = json.loads(body_of(a_notification()))
    assert set(document) | set(document["gpu"]) <= rows


def test_each_label_and_annotation_is_described():
    alert = alert_of(a_notification(is_simulated=True))
    for name in [*labels_of(a_notification(is_simulated=True)), *alert["annotations"]]:
        assert f"`{name}`" in TEXT
    assert f"{FIRES_FOR.days} days ahead" in TEXT


def test_each_field_of_a_template_is_listed():
    listed = TEXT.partition("<!-- fields -->")[2].partition("\n\n")[0]
    assert re.findall(r"`\{(\w+)\}`", listed) == list(FIELDS)
