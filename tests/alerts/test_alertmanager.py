"""Alerts in a real Alertmanager: one for each address, there until esnode ends it, and seen to be so."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from esnode.actuators.alert import AlertActuator
from esnode.model.alerts import Occasion
from esnode.model.node_file import AlertmanagerDestination, Channel
from esnode.model.profile import Severity
from tests.builders import a_notification, uuid_of
from tests.receivers import Answer

pytestmark = pytest.mark.lane("alertmanager")


@pytest.fixture
def send(alertmanager):
    """Sends now, of something that began 10 min ago."""
    began = datetime.now(UTC) - timedelta(minutes=10)

    def send(occasion=Occasion.FIRING, **members):
        now = datetime.now(UTC)
        members = {"occasion": occasion, "since": began, "sent_at": now} | members
        if occasion is Occasion.RESOLVED:
            members.setdefault("ended_at", now)
        return an_actuator(alertmanager.url).send(a_notification(**members))

    return send


def an_actuator(url, **options):
    channel = Channel(name="ops", destinations=(AlertmanagerDestination(url=url),))
    return AlertActuator({"ops": channel}, **{"sleep": lambda _: None} | options)


def test_a_firing_alert_is_there_with_the_labels_of_its_gpu(alertmanager, send):
    done = send()
    assert done.error is None
    assert done.read_back == {f"alertmanager {alertmanager.url}": "accepted (200), listed as active"}
    (alert,) = alertmanager.alerts()
    assert alert["labels"] == {
        "alertname": "thermal-safety",
        "severity": "critical",
        "profile": "train",
        "policy": "thermal-safety",
        "gpu": "3",
        "UUID": uuid_of(3),
        "modelName": "NVIDIA H100 80GB HBM3",
        "Hostname": "node-01",
    }
    assert alert["annotations"]["value"] == "91C"
    assert alert["annotations"]["plan"] == "d" * 64
    assert alert["annotations"]["summary"].startswith("[critical] node-01 GPU-3")
    assert "thermal-safety" in alertmanager.amtool("alert", "query", f"UUID={uuid_of(3)}")


def test_firing_twice_is_one_alert(alertmanager, send):
    send()
    assert send(value="93C").error is None
    (alert,) = alertmanager.alerts()
    assert alert["annotations"]["value"] == "93C"


def test_a_resolved_alert_is_there_no_longer(alertmanager, send):
    send()
    done = send(Occasion.RESOLVED)
    assert done.read_back == {f"alertmanager {alertmanager.url}": "accepted (200), no longer listed"}
    assert alertmanager.alerts() == []
    assert "thermal-safety" not in alertmanager.amtool("alert", "query")


def test_its_own_receivers_are_told_of_start_and_end(alertmanager, send):
    def told():
        return [request.json["status"] for request in alertmanager.told.received]

    send()
    assert _soon(lambda: "firing" in told())
    send(Occasion.RESOLVED)
    assert _soon(lambda: "resolved" in told())


def test_it_fires_on_after_resolve_timeout(alertmanager, send):
    """The fixture's is 1 s: what has no end of its own is over by then."""
    now = datetime.now(UTC)
    alertmanager.amtool("alert", "add", "without-end", f"--start={now.isoformat()}")
    send()
    time.sleep(2.5)
    assert [alert["labels"]["alertname"] for alert in alertmanager.alerts()] == ["thermal-safety"]


def test_a_second_start_is_an_alert_of_its_own_time(alertmanager, send):
    send()
    send(Occasion.RESOLVED)
    again = datetime.now(UTC)
    time.sleep(1.1)
    assert send(key="another", since=again + timedelta(seconds=1)).error is None
    (alert,) = alertmanager.alerts()
    assert alert["annotations"]["key"] == "another"
    assert alert["startsAt"] > again.isoformat()[:19]


def test_one_whose_end_nobody_told_is_taken_over_by_the_next(alertmanager, send):
    """A state that was lost: with the key among the labels, the first would fire for a year beside the second."""
    send(key="lost")
    send(key="next")
    assert [alert["annotations"]["key"] for alert in alertmanager.alerts()] == ["next"]
    assert send(Occasion.RESOLVED, key="next").error is None
    assert alertmanager.alerts() == []


@pytest.mark.parametrize("occasion", [Occasion.RESOLVED, Occasion.REMINDER])
def test_an_alert_is_found_again_under_its_old_labels(alertmanager, send, occasion):
    """After a boot the GPU has another index, and the profile says another severity."""
    send()
    new = a_notification().gpu
    moved = type(new)(uuid=new.uuid, index=0, name=new.name, model=new.model, pci_bus_id=new.pci_bus_id)
    assert send(occasion, gpu=moved, severity=Severity.WARNING).error is None
    left = [(alert["labels"]["gpu"], alert["labels"]["severity"]) for alert in alertmanager.alerts()]
    assert left == ([] if occasion is Occasion.RESOLVED else [("0", "warning")])


def test_two_policies_of_one_gpu_are_two_alerts(alertmanager, send):
    send(policy="hot", key="1")
    send(policy="hungry", key="2")
    assert len(alertmanager.alerts()) == 2
    assert send(Occasion.RESOLVED, policy="hot", key="1").error is None
    assert [alert["labels"]["policy"] for alert in alertmanager.alerts()] == ["hungry"]


def test_resolving_what_it_forgot_is_done(alertmanager, send):
    send()
    alertmanager.restart()
    assert alertmanager.alerts() == []
    assert send(Occasion.RESOLVED).error is None


def test_a_silenced_alert_is_there(alertmanager, send):
    alertmanager.amtool("silence", "add", "--author=ops", "--comment=known", "--duration=1h", f"UUID={uuid_of(3)}")
    done = send()
    assert done.error is None
    assert next(iter(done.read_back.values())).startswith("accepted (200), listed as ")
    assert _soon(lambda: alertmanager.alerts()[0]["status"]["state"] == "suppressed")
    assert list(send(Occasion.REMINDER).read_back.values()) == ["accepted (200), listed as suppressed (silenced)"]


def test_a_simulated_gpu_says_so_in_a_label(alertmanager, send):
    send(is_simulated=True)
    assert alertmanager.alerts()[0]["labels"]["simulated"] == "true"


def test_an_end_in_its_future_is_an_error(alertmanager, send):
    """Our clock is ahead of its clock: it goes on firing, whatever it answered."""
    send()
    done = send(Occasion.RESOLVED, ended_at=datetime.now(UTC) + timedelta(minutes=5))
    assert "accepted the message and still lists the alert as firing" in done.error.detail
    assert "clock" in done.error.next_step


def test_people_can_end_what_esnode_no_longer_can(alertmanager, send):
    """As docs/alerts.md says, of a machine that was taken away for good."""
    send()
    labels = [f"{name}={value}" for name, value in alertmanager.alerts()[0]["labels"].items()]
    start, end = (f"--{name}=2026-01-01T00:00:0{second}Z" for second, name in enumerate(("start", "end")))
    alertmanager.amtool("alert", "add", *labels, start, end)
    assert alertmanager.alerts() == []


@pytest.mark.parametrize("body", [b"[]", b"{}", b"not json", b'[{"labels": 1}]', b"[1]"])
def test_accepted_alone_is_not_enough(http_receiver, body):
    http_receiver.always = Answer(body=body)
    done = an_actuator(http_receiver.url).send(a_notification())
    assert done.error is not None
    assert f"alertmanager {http_receiver.url}" in done.error.detail


def test_a_path_before_the_api_is_kept(http_receiver):
    http_receiver.always = Answer(body=b"[]")
    an_actuator(f"{http_receiver.url}/alertmanager/", tries=1).send(a_notification())
    assert {request.path.partition("?")[0] for request in http_receiver.received} == {"/alertmanager/api/v2/alerts"}


def _soon(is_so, seconds=10.0):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.05)
    return False
