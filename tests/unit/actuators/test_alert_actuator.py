"""Messages reach every destination of their channel, or it is said which they did not reach and why."""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
import time
import traceback
from typing import Any

import pytest

from esnode.actuators.alert import AlertActuator
from esnode.errors import DeliveryFailed
from esnode.model.alerts import Occasion
from esnode.model.node_file import (
    AlertmanagerDestination,
    AppriseDestination,
    Channel,
    WebhookDestination,
)
from tests.builders import a_notification
from tests.receivers import Answer, free_port


def an_actuator(*destinations, message="", **options):
    """Waits for nobody; what it would have waited is in `pauses`."""
    channel = Channel(name="ops", destinations=destinations, message=message)
    pauses: list[float] = []
    defaults: dict[str, Any] = {"sleep": pauses.append, "timeout": 2.0}
    actuator = AlertActuator({"ops": channel}, **defaults | options)
    return actuator, pauses


def a_hook(receiver, path="/esnode", **members):
    return WebhookDestination(url=f"{receiver.url}{path}", **members)


def test_a_webhook_gets_the_whole_notification(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver))
    done = actuator.send(a_notification())
    assert done.error is None
    assert done.note == "sent to 1 destination"
    assert done.read_back == {f"webhook {http_receiver.url}/esnode": "accepted (200)"}
    (request,) = http_receiver.received
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("esnode/")
    assert request.json == {
        "version": "1",
        "key": "7f3c0a51",
        "occasion": "firing",
        "title": "[critical] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius 91C > 82",
        "message": request.json["message"],
        "address": 'alert["train/thermal-safety@GPU-00000003-0000-0000-0000-000000000000"]',
        "channel": "ops",
        "severity": "critical",
        "profile": "train",
        "policy": "thermal-safety",
        "target": "gpu_temp_celsius",
        "condition": "> 82",
        "value": "91C",
        "reason": "91C is over 82 for 5m.",
        "gpu": {
            "uuid": "GPU-00000003-0000-0000-0000-000000000000",
            "index": 3,
            "name": "NVIDIA H100 80GB HBM3",
            "model": "H100",
            "pci_bus_id": "00000003:00",
        },
        "host": "node-01",
        "since": "2026-01-01T12:00:00Z",
        "sent_at": "2026-01-01T12:05:00Z",
        "ended_at": None,
        "plan_digest": "d" * 64,
        "simulated": False,
    }


def test_a_signature_can_be_checked_with_nothing_but_hmac(http_receiver, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "s3cret")
    actuator, _ = an_actuator(a_hook(http_receiver, secret="env:HOOK_SECRET"))
    before = int(time.time())
    assert actuator.send(a_notification()).error is None
    (request,) = http_receiver.received
    stamp = request.headers["X-Esnode-Timestamp"]
    mac = hmac.new(b"s3cret", stamp.encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-Esnode-Signature"] == f"sha256={mac}"
    assert before <= int(stamp) <= time.time()


def test_without_a_secret_nothing_is_signed(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver))
    actuator.send(a_notification())
    assert http_receiver.received[0].headers["X-Esnode-Signature"] is None


def test_what_is_sent_again_can_be_told_by_its_key(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver))
    for occasion in (Occasion.FIRING, Occasion.FIRING, Occasion.REMINDER, Occasion.RESOLVED):
        actuator.send(a_notification(occasion=occasion))
    keys = [request.headers["Idempotency-Key"] for request in http_receiver.received]
    assert keys == ["7f3c0a51:firing", "7f3c0a51:firing", "7f3c0a51:reminder:1767269100", "7f3c0a51:resolved"]


def test_a_key_of_any_characters_is_a_header(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver))
    assert actuator.send(a_notification(key="a\r\nX-Evil: ü")).error is None
    assert http_receiver.received[0].headers["Idempotency-Key"] == "a%0D%0AX-Evil: %C3%BC:firing"


def test_the_channels_template_is_the_message(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver), message="{gpu} is at {value}")
    actuator.send(a_notification())
    assert http_receiver.received[0].json["message"] == "GPU-3 is at 91C"


def test_a_template_that_cannot_be_filled_in_sends_nothing(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver), message="{gpus}")
    done = actuator.send(a_notification())
    assert isinstance(done.error, DeliveryFailed)
    assert '"{gpus}"' in done.error.detail
    assert http_receiver.received == []


# -- again, and not again ----------------------------------------------------------------------


def test_a_server_in_trouble_is_tried_again(http_receiver):
    http_receiver.will_answer(Answer(status=500), Answer(status=502))
    actuator, pauses = an_actuator(a_hook(http_receiver))
    assert actuator.send(a_notification()).error is None
    assert len(http_receiver.received) == 3
    assert [pause for pause in pauses if pause] == pytest.approx([0.5, 1.0], abs=0.1)


def test_tries_are_counted(http_receiver):
    http_receiver.always = Answer(status=500)
    actuator, _ = an_actuator(a_hook(http_receiver))
    done = actuator.send(a_notification())
    assert len(http_receiver.received) == 3
    assert f"webhook {http_receiver.url}/esnode answered 500 Internal Server Error" in done.error.detail
    assert "next plan" in done.error.next_step
    assert done.note == "sent to 0 of 1 destination"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 400, 401, 403, 404, 410])
def test_a_refusal_is_final(http_receiver, other_http_receiver, status):
    """A redirection among them: urllib would follow it with a GET, and the alert would be lost in a 200."""
    http_receiver.always = Answer(status=status, headers={"Location": other_http_receiver.url})
    actuator, _ = an_actuator(a_hook(http_receiver))
    done = actuator.send(a_notification())
    assert str(status) in done.error.detail
    assert len(http_receiver.received) == 1
    assert other_http_receiver.received == []


@pytest.mark.parametrize("status", [408, 425, 429, 503])
def test_a_refusal_for_now_is_not(http_receiver, status):
    http_receiver.will_answer(Answer(status=status))
    actuator, _ = an_actuator(a_hook(http_receiver))
    assert actuator.send(a_notification()).error is None


def test_the_pause_that_is_asked_for_is_made(http_receiver):
    http_receiver.will_answer(Answer(status=429, headers={"Retry-After": "7"}))
    actuator, pauses = an_actuator(a_hook(http_receiver))
    assert actuator.send(a_notification()).error is None
    assert max(pauses) == pytest.approx(7, abs=0.2)


def test_a_pause_that_is_too_long_is_not_waited_for(http_receiver):
    http_receiver.always = Answer(status=503, headers={"Retry-After": "3600"})
    actuator, pauses = an_actuator(a_hook(http_receiver))
    done = actuator.send(a_notification())
    assert len(http_receiver.received) == 1
    assert max(pauses) == 0
    assert "asks to be left alone for 3600 s" in done.error.detail


def test_a_refused_port_is_named():
    port = free_port()
    actuator, _ = an_actuator(WebhookDestination(url=f"http://127.0.0.1:{port}/x"))
    done = actuator.send(a_notification())
    assert f"webhook http://127.0.0.1:{port}/x cannot be reached: Connection refused" in done.error.detail


@pytest.mark.parametrize("answer", [Answer(is_silent=True), Answer(drips=0.05)], ids=["silent", "drips"])
def test_a_server_that_takes_its_time_is_given_up(http_receiver, answer):
    http_receiver.always = answer
    actuator, _ = an_actuator(a_hook(http_receiver), timeout=0.4, tries=2)
    began = time.monotonic()
    done = actuator.send(a_notification())
    assert time.monotonic() - began < 2.5
    assert "no answer within 0.4 s" in done.error.detail
    assert len(http_receiver.received) == 2


def test_everything_together_has_an_end(http_receiver, other_http_receiver):
    http_receiver.always = Answer(is_silent=True)
    silent = [a_hook(http_receiver, f"/{number}") for number in range(4)]
    actuator, _ = an_actuator(*silent, a_hook(other_http_receiver), timeout=30.0, limit=1.5)
    began = time.monotonic()
    done = actuator.send(a_notification())
    assert time.monotonic() - began < 3.0
    assert done.note == "sent to 1 of 5 destinations"
    assert len(other_http_receiver.received) == 1, "silent ones before it must not use up its time"


def test_one_of_two_is_down(http_receiver):
    port = free_port()
    actuator, _ = an_actuator(WebhookDestination(url=f"http://127.0.0.1:{port}/x"), a_hook(http_receiver))
    done = actuator.send(a_notification())
    assert len(http_receiver.received) == 1
    assert (
        done.error.summary
        == f"The channel ops did not deliver to 1 of 2 destinations: webhook http://127.0.0.1:{port}/x"
    )
    assert http_receiver.url not in done.error.detail
    assert done.read_back[f"webhook {http_receiver.url}/esnode"] == "accepted (200)"
    assert done.read_back[f"webhook http://127.0.0.1:{port}/x"].startswith("not delivered: ")


def test_destinations_that_look_alike_stay_apart(http_receiver):
    actuator, _ = an_actuator(a_hook(http_receiver, "/x?a=1"), a_hook(http_receiver, "/x?a=2"))
    done = actuator.send(a_notification())
    name = f"webhook {http_receiver.url}/x"
    assert set(done.read_back) == {name, f"{name} (#2)"}
    assert [request.path for request in http_receiver.received] == ["/x?a=1", "/x?a=2"]


# -- what cannot be sent at all ----------------------------------------------------------------


def test_an_unknown_channel():
    actuator, _ = an_actuator(WebhookDestination(url="http://127.0.0.1:1/"))
    error = actuator.send(a_notification(channel="slack")).error
    assert error.summary == "The channel slack is not in the node file"
    assert "It has ops." in error.next_step


def test_a_channel_without_destinations():
    actuator, _ = an_actuator()
    assert actuator.send(a_notification()).error.summary == "The channel ops has no destinations"


def test_a_missing_secret_fails_its_destination_only(http_receiver):
    actuator, _ = an_actuator(
        WebhookDestination(url="env:NO_URL"),
        a_hook(http_receiver, "/signed", secret="env:NO_SECRET"),
        AppriseDestination(url="file:/no/such/file"),
        a_hook(http_receiver, "/open"),
    )
    done = actuator.send(a_notification())
    assert [request.path for request in http_receiver.received] == ["/open"]
    assert "did not deliver to 3 of 4" in done.error.summary
    for reference in ("env:NO_URL", "env:NO_SECRET", "file:/no/such/file"):
        assert f"The secret {reference}" in done.error.detail


@pytest.mark.parametrize("url", ["ftp://host/x", "http://", "http://[", "nonsense", "http://h:99999/", "file:///etc/x"])
def test_what_is_no_url_is_said_and_not_tried_again(monkeypatch, url):
    monkeypatch.setenv("HOOK_URL", url)
    actuator, pauses = an_actuator(WebhookDestination(url="env:HOOK_URL"))
    done = actuator.send(a_notification())
    assert "webhook env:HOOK_URL is not an http or https URL" in done.error.detail
    assert not any(pauses)


# -- secrets -----------------------------------------------------------------------------------

PLANTED = "pl4nted-s3cret"


def everything_said(done) -> str:
    error = done.error
    said = [repr(done), str(error), repr(error), error.detail, error.next_step, repr(vars(error))]
    said += traceback.format_exception(error)
    said += [pickle.dumps(done).decode("latin-1"), repr(pickle.loads(pickle.dumps(done)))]
    return "\n".join(said)


def an_echo(status):
    """A server that says back what it was sent, as many do."""
    return Answer(status=status, body=f"no such thing: /{PLANTED}?token={PLANTED} {PLANTED}".encode())


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("kind", [WebhookDestination, AlertmanagerDestination])
@pytest.mark.parametrize("where", ["path", "query", "user", "password"])
def test_a_url_by_reference_is_never_shown(http_receiver, monkeypatch, capfd, status, kind, where):
    host = http_receiver.url.removeprefix("http://")
    urls = {
        "path": f"http://{host}/{PLANTED}",
        "query": f"http://{host}/x?token={PLANTED}",
        "user": f"http://{PLANTED}:x@{host}/",
        "password": f"http://x:{PLANTED}@{host}/",
    }
    http_receiver.always = an_echo(status)
    monkeypatch.setenv("HOOK_URL", urls[where])
    actuator, _ = an_actuator(kind(url="env:HOOK_URL"))
    done = actuator.send(a_notification())
    assert PLANTED not in everything_said(done)
    assert "env:HOOK_URL" in done.error.summary
    assert PLANTED not in "".join(capfd.readouterr())


def test_credentials_written_out_are_not_shown_either(http_receiver):
    http_receiver.always = an_echo(400)
    host = http_receiver.url.removeprefix("http://")
    actuator, _ = an_actuator(WebhookDestination(url=f"http://{PLANTED}:{PLANTED}@{host}/x?token={PLANTED}"))
    done = actuator.send(a_notification())
    assert PLANTED not in everything_said(done)
    assert f"webhook http://{host}/x answered 400 Bad Request" in done.error.detail


def test_what_an_open_endpoint_says_against_it_is_repeated(http_receiver):
    http_receiver.always = Answer(status=400, body=b"the field severity is missing\n")
    actuator, _ = an_actuator(a_hook(http_receiver))
    assert "(the field severity is missing)" in actuator.send(a_notification()).error.detail


def test_credentials_in_a_url_become_a_header(http_receiver):
    host = http_receiver.url.removeprefix("http://")
    actuator, _ = an_actuator(WebhookDestination(url=f"http://me:p%40ss@{host}/x"))
    assert actuator.send(a_notification()).error is None
    assert http_receiver.received[0].headers["Authorization"] == "Basic bWU6cEBzcw=="
    assert http_receiver.received[0].headers["Host"] == host


def test_the_secret_of_a_signature_is_not_shown(http_receiver, monkeypatch):
    http_receiver.always = an_echo(400)
    monkeypatch.setenv("HOOK_SECRET", PLANTED)
    monkeypatch.setenv("HOOK_URL", f"{http_receiver.url}/{PLANTED}")
    actuator, _ = an_actuator(WebhookDestination(url="env:HOOK_URL", secret="env:HOOK_SECRET"))
    done = actuator.send(a_notification())
    assert PLANTED not in everything_said(done)
    assert json.loads(http_receiver.received[0].body)["key"] == "7f3c0a51"
