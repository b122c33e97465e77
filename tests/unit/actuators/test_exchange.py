"""One HTTP exchange: what is followed, what is waited for, what is asked."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from esnode.errors import EndpointFailed
from esnode.web import fetch
from tests.receivers import Answer


def test_a_reader_is_led_on(http_receiver, other_http_receiver):
    http_receiver.always = Answer(status=302, headers={"Location": f"{other_http_receiver.url}/there"})
    assert fetch(f"{http_receiver.url}/here").status == 200
    assert [request.path for request in other_http_receiver.received] == ["/there"]


def test_credentials_are_not_led_on(http_receiver, other_http_receiver):
    http_receiver.always = Answer(status=302, headers={"Location": other_http_receiver.url})
    with pytest.raises(EndpointFailed, match="302 Found"):
        fetch(http_receiver.url, headers={"Authorization": "Bearer x"})
    assert other_http_receiver.received == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30", 30), ("in half a minute", 30), ("Mon, 01 Jan 2024 00:00:00 GMT", 0), ("soon", 0), ("", 0)],
)
def test_the_pause_that_an_endpoint_asks_for(http_receiver, text, seconds):
    text = formatdate(time.time() + 30, usegmt=True) if text == "in half a minute" else text
    http_receiver.always = Answer(status=429, headers={"Retry-After": text})
    with pytest.raises(EndpointFailed) as refused:
        fetch(http_receiver.url)
    assert refused.value.retry_after == pytest.approx(seconds, abs=3)


def test_an_answer_that_drips_in_has_an_end(http_receiver):
    http_receiver.always = Answer(drips=0.05)
    began = time.monotonic()
    with pytest.raises(EndpointFailed, match=r"no answer within 0\.3 s"):
        fetch(http_receiver.url, timeout=0.3)
    assert time.monotonic() - began < 1.5


def test_the_endpoints_own_phrase_is_not_repeated(http_receiver):
    http_receiver.always = Answer(status=404, body=b"")
    with pytest.raises(EndpointFailed, match=r"/x answered 404 Not Found$"):
        fetch(f"{http_receiver.url}/x?token=secret")
