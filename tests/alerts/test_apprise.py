"""What goes through Apprise arrives, and what does not is told without its URL."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from typing import Any

import pytest

from esnode.actuators.alert import AlertActuator
from esnode.actuators.apprise import AppriseSender, type_of, with_key
from esnode.errors import ExtraMissing
from esnode.model.alerts import Occasion
from esnode.model.node_file import AppriseDestination, Channel
from esnode.model.profile import Severity
from tests.builders import a_notification
from tests.receivers import Answer, free_port
from tests.unit.actuators.test_alert_actuator import PLANTED, everything_said

TITLE = "[critical] node-01 GPU-3 (H100): thermal-safety: gpu_temp_celsius 91C > 82"


@pytest.fixture
def send(monkeypatch):
    """Sends to an Apprise URL that only the environment knows."""

    def send(url, notification=None, *, message="", **options):
        monkeypatch.setenv("APPRISE_URL", url)
        channel = Channel(name="ops", destinations=(AppriseDestination(url="env:APPRISE_URL"),), message=message)
        defaults: dict[str, Any] = {"sleep": lambda _: None, "timeout": 5.0}
        return AlertActuator({"ops": channel}, **defaults | options).send(notification or a_notification())

    return send


def test_json_arrives(send, http_receiver):
    done = send(f"json://127.0.0.1:{http_receiver.port}/hook")
    assert done.error is None
    assert done.read_back == {"apprise env:APPRISE_URL": "accepted by JSON"}
    (request,) = http_receiver.received
    assert request.json["title"] == TITLE
    assert request.json["type"] == "failure"
    assert "91C is over 82 for 5m." in request.json["message"]


def test_ntfy_arrives(send, http_receiver):
    assert send(f"ntfy://127.0.0.1:{http_receiver.port}/gpus").error is None
    (request,) = http_receiver.received
    assert request.json["topic"] == "gpus"
    assert request.json["title"] == TITLE


def test_mattermost_arrives(send, http_receiver):
    http_receiver.always = Answer(body=b"ok")
    done = send(f"mmost://127.0.0.1:{http_receiver.port}/{'a' * 26}", message="{gpu} is at {value}")
    assert done.error is None
    (request,) = http_receiver.received
    assert request.path == f"/hooks/{'a' * 26}"
    assert TITLE in request.json["text"]
    assert "GPU-3 is at 91C" in request.json["text"]
    assert "github" not in request.body.decode(), "no pictures from elsewhere"


def test_mail_arrives(send, smtp_receiver):
    url = f"mailto://127.0.0.1:{smtp_receiver.port}?from=esnode@example.org&to=ops@example.org&mode=insecure"
    assert send(url, message="{target} {value} {condition}").error is None
    (mail,) = smtp_receiver.messages
    assert mail["Subject"] == TITLE
    assert mail["To"] == "ops@example.org"
    text = mail.get_body(("html", "plain")).get_content()
    assert "gpu_temp_celsius 91C" in text
    assert ("&gt; 82" if "<" in text else "> 82") in text


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"severity": Severity.INFO}, "info"),
        ({"severity": Severity.WARNING}, "warning"),
        ({"severity": Severity.CRITICAL}, "failure"),
        ({"severity": Severity.CRITICAL, "occasion": Occasion.REMINDER}, "failure"),
        ({"severity": Severity.CRITICAL, "occasion": Occasion.RESOLVED}, "success"),
    ],
)
def test_severity_becomes_the_kind_of_message(members, kind):
    assert type_of(a_notification(**members)) == kind


# -- failures ----------------------------------------------------------------------------------


def test_a_server_in_trouble_is_tried_again(send, http_receiver):
    http_receiver.will_answer(Answer(status=500), Answer(status=503))
    assert send(f"json://127.0.0.1:{http_receiver.port}/").error is None
    assert len(http_receiver.received) == 3


def test_a_refusal_is_final(send, http_receiver):
    http_receiver.always = Answer(status=403)
    done = send(f"json://127.0.0.1:{http_receiver.port}/")
    assert "apprise env:APPRISE_URL answered 403 Forbidden" in done.error.detail
    assert len(http_receiver.received) == 1


def test_a_refused_port(send):
    done = send(f"json://127.0.0.1:{free_port()}/")
    assert "apprise env:APPRISE_URL cannot be reached" in done.error.detail


@pytest.mark.parametrize("answer", [Answer(is_silent=True), Answer(drips=0.05)], ids=["silent", "drips"])
def test_a_server_that_takes_its_time_is_given_up(send, http_receiver, answer):
    http_receiver.always = answer
    began = time.monotonic()
    done = send(f"json://127.0.0.1:{http_receiver.port}/?rto=60", timeout=0.5, tries=2)
    assert time.monotonic() - began < 3
    assert "answer" in done.error.detail


def test_a_failure_that_the_url_calls_optional_is_one_all_the_same(send, http_receiver):
    http_receiver.always = Answer(status=400)
    assert send(f"json://127.0.0.1:{http_receiver.port}/?optional=yes").error is not None


def test_mail_that_is_refused(send, smtp_receiver):
    smtp_receiver.refuses = True
    url = f"mailto://127.0.0.1:{smtp_receiver.port}?from=esnode@example.org&to=ops@example.org&mode=insecure"
    assert "apprise env:APPRISE_URL" in send(url).error.detail


def test_one_of_two_services_behind_a_url_is_down(send, http_receiver):
    urls = f"json://127.0.0.1:{http_receiver.port}/a, json://127.0.0.1:{free_port()}/b"
    done = send(urls, tries=1)
    assert "(1 of 2 services accepted the message)" in done.error.detail


@pytest.mark.parametrize("url", ["nonsense", "http://", "slack://x", "pagerduty://", f"mmost://{PLANTED}"])
def test_a_url_that_apprise_cannot_use(send, url, capfd):
    done = send(url)
    assert "apprise env:APPRISE_URL does not lead to a URL that Apprise can use" in done.error.detail
    assert "".join(capfd.readouterr()) == ""


# -- secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 400, 500])
def test_nothing_of_the_url_is_shown_or_logged(send, http_receiver, capfd, status):
    """Not even where somebody has turned on every log there is."""
    root = logging.getLogger()
    handler, before = logging.StreamHandler(), root.level
    root.addHandler(handler)
    root.setLevel(1)
    try:
        http_receiver.always = Answer(status=status, body=PLANTED.encode())
        done = send(f"json://{PLANTED}:{PLANTED}@127.0.0.1:{http_receiver.port}/{PLANTED}?+X-Token={PLANTED}")
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
    assert http_receiver.received
    said = "".join(capfd.readouterr())
    assert PLANTED not in said
    assert str(http_receiver.port) not in said
    if done.error:
        assert PLANTED not in everything_said(done)
        assert str(http_receiver.port) not in everything_said(done)
    assert PLANTED not in repr(done)


def test_a_url_written_out_is_not_named():
    sender = AppriseSender(AppriseDestination(url=f"slack://{PLANTED}"))
    assert PLANTED not in sender.name


def test_redirections_are_not_followed(send, http_receiver, other_http_receiver):
    http_receiver.always = Answer(status=302, headers={"Location": other_http_receiver.url})
    assert "302" in send(f"json://127.0.0.1:{http_receiver.port}/").error.detail
    assert other_http_receiver.received == []


# -- services with fixed hosts: they are made, and what they would say is looked at on loopback --

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
PAGERDUTY = "pagerduty://" + "a" * 32 + "@" + "b" * 32


def made(url: str, key: str = "k") -> Any:
    (service,) = AppriseSender(AppriseDestination(url="env:APPRISE_URL"))._services(with_key(url, key), 5.0)
    return service


def test_slack_and_pagerduty_can_be_made():
    assert [str(made(url).service_name) for url in (SLACK, PAGERDUTY)] == ["Slack", "Pager Duty"]


def test_pagerduty_gets_our_key_and_resolves():
    service = made(PAGERDUTY, "7f3c/ü&0")
    assert (service.dedup, service.action) == ("7f3c/ü&0", "map")


@pytest.fixture
def pagerduty(http_receiver, monkeypatch):
    """Apprise has PagerDuty's host in a table; here it is ours."""
    import apprise.plugins.pagerduty as plugin

    monkeypatch.setattr(plugin, "PAGERDUTY_API_LOOKUP", dict.fromkeys(plugin.PAGERDUTY_API_LOOKUP, http_receiver.url))
    http_receiver.always = Answer(status=202)
    return http_receiver


@pytest.mark.parametrize("severity", list(Severity))
def test_one_pagerduty_incident_from_start_to_end(send, pagerduty, severity):
    for occasion in Occasion:
        assert send(PAGERDUTY, a_notification(occasion=occasion, severity=severity)).error is None
    events = [request.json for request in pagerduty.received]
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "resolve"]
    assert {event["dedup_key"] for event in events} == {"7f3c0a51"}
    assert events[0]["payload"]["severity"] == severity.value


def test_what_slack_would_be_told(send, http_receiver, monkeypatch):
    import apprise.plugins.slack as plugin

    monkeypatch.setattr(plugin.NotifySlack, "webhook_url", http_receiver.url)
    http_receiver.always = Answer(body=b"ok")
    assert send(SLACK, message="{target} {condition}").error is None
    (request,) = http_receiver.received
    assert request.path == "/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert "gpu_temp_celsius" in request.body.decode()


def test_what_the_url_says_itself_stays():
    service = made(f"{PAGERDUTY}?dedup=own")
    assert (service.dedup, service.action) == ("own", "map")
    assert with_key(SLACK, "k") == SLACK


def test_opsgenie_gets_our_key():
    assert made("opsgenie://" + "a" * 36, "7f3c").alias == "7f3c"


# -- the extra ---------------------------------------------------------------------------------


def test_without_apprise_the_extra_is_named(send, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    error = send("json://127.0.0.1:1/").error
    assert "apprise env:APPRISE_URL needs Apprise, which is not installed" in error.detail
    assert "pip install 'esnode[alert]'" in error.next_step
    monkeypatch.setenv("APPRISE_URL", "json://127.0.0.1:1/")
    with pytest.raises(ExtraMissing):
        AppriseSender(AppriseDestination(url="env:APPRISE_URL")).send(a_notification(), timeout=1)


def test_apprise_is_not_imported_for_others():
    code = "import esnode.actuators.alert, sys; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
