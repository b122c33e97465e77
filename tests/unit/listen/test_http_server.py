"""The server by itself, with real sockets: what it answers, and that nobody holds it up."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping

import pytest

from esnode.listen.address import listen_at
from esnode.listen.child import Newest
from esnode.listen.http_server import HttpServer
from esnode.listen.pages import Page, page_of
from esnode.records import field_names
from esnode.storage.plans import plan_bytes
from tests.builders import a_status
from tests.unit.listen.statuses import an_eventful_status

EVENTFUL = an_eventful_status()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Site:
    """A server in this process, with a loop that says what a test wants, on a clock that a test owns."""

    def __init__(self, port: int, newest: Newest, clock: Clock) -> None:
        self.place = ("127.0.0.1", port)
        self.newest = newest
        self.clock = clock

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, Mapping[str, str], bytes]:
        connection = http.client.HTTPConnection(*self.place, timeout=30)
        try:
            connection.request(method, path, headers=headers)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def health(self, path: str = "/healthz") -> tuple[int, str]:
        status, _, body = self.ask(path)
        return status, json.loads(body).get("reason", "")

    def say(self, data: bytes) -> bytes:
        """All that is answered to some bytes."""
        with self.connect() as client:
            client.sendall(data)
            return b"".join(iter(lambda: client.recv(65536), b""))

    def connect(self) -> socket.socket:
        return socket.create_connection(self.place, timeout=30)


@contextlib.contextmanager
def site(request_seconds: float = 3.0) -> Iterator[Site]:
    listening, clock = listen_at("127.0.0.1", 0), Clock()
    newest = Newest(pid=1, clock=clock)
    port = listening.getsockname()[1]

    def answer(path: str, headers: Mapping[str, str]) -> Page:
        return page_of(path, newest.known(), headers)

    server = HttpServer(listening, answer, request_seconds=request_seconds)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Site(port, newest, clock)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def web() -> Iterator[Site]:
    with site() as running:
        yield running


def test_the_plan_is_the_file_that_plan_out_writes(web):
    assert web.ask("/plan")[0] == 503
    web.newest.take(EVENTFUL)
    assert EVENTFUL.plan
    status, headers, body = web.ask("/plan")
    assert (status, headers["Content-Type"], body) == (200, "application/json", plan_bytes(EVENTFUL.plan))


def test_before_the_first_plan_there_is_none_and_the_rest_is_there(web):
    web.newest.take(a_status(None))
    assert web.health("/plan") == (503, "The control loop has made no plan yet.")
    assert json.loads(web.ask("/status")[2])["plan"] is None
    assert web.ask("/metrics")[0] == 200


def test_the_status_is_all_that_the_loop_says(web):
    assert web.ask("/status")[0] == 503
    web.newest.take(EVENTFUL)
    told = json.loads(web.ask("/status")[2])
    assert told["plan"] == json.loads(web.ask("/plan")[2])
    assert told["contested"][0]["wanted"] == 600.0 and told["is_dry_run"] and told["pid"] == 4711
    assert set(told) == set(field_names(type(EVENTFUL)))


def test_a_loop_that_is_stuck_is_not_well_until_it_speaks_again(web):
    assert web.health() == (503, "The first cycle of the control loop has not ended yet.")
    web.newest.take(a_status(patience=30.0))
    web.clock.now += 30
    assert web.health() == (200, "")
    web.clock.now += 1
    assert web.health() == web.health("/readyz")
    assert web.health()[0] == 503 and "stuck" in web.health()[1]
    web.newest.take(a_status(is_ready=False, failure="The lock is held."))
    assert web.health() == (200, "")
    assert web.health("/readyz") == (503, "No cycle has done yet all it was to do. The lock is held.")


def test_the_root_lists_what_there_is_and_nothing_else_is_there(web):
    status, headers, body = web.ask("/")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    paths = [line.split()[0] for line in body.decode().splitlines() if line.startswith("  /")]
    assert paths == ["/metrics", "/healthz", "/readyz", "/plan", "/status"]
    assert [web.ask(path)[0] for path in ("/x", "/metrics/", "/../etc/passwd", "*")] == [404] * 4
    assert web.ask("/metrics?name=x")[0] == 200


@pytest.mark.parametrize("path", ["/", "/metrics", "/healthz", "/x"])
def test_head_is_get_without_the_body(web, path):
    web.newest.take(a_status(None))
    get, head = web.ask(path), web.ask(path, "HEAD")
    unstable = {"Date", "Content-Length"} if path == "/metrics" else {"Date"}
    assert head[0] == get[0] and head[2] == b""
    assert [item for item in head[1].items() if item[0] not in unstable] == [
        item for item in get[1].items() if item[0] not in unstable
    ]
    assert int(get[1]["Content-Length"]) == len(get[2]) and int(head[1]["Content-Length"]) > 0


def test_nothing_can_be_changed(web):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        status, headers, _ = web.ask("/metrics", method)
        assert (status, headers["Allow"]) == (405, "GET, HEAD")
    assert web.ask("/", "BREW")[0] == 501


def test_which_python_answers_is_nobodys_business(web):
    assert web.ask("/")[1]["Server"] == "esnode"


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"431"),
        (b"GET http://[/ HTTP/1.1\r\n\r\n", b"404"),
        (b"GET / HTTP/9.1\r\n\r\n", b"505"),
        (b"GET / too many words HTTP/1.1\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),
    ],
)
def test_a_request_that_is_none_is_refused(web, request_, status):
    with contextlib.suppress(ConnectionResetError):
        assert web.say(request_).split(b" ")[1].startswith(status)
    assert web.ask("/")[0] == 200


def test_one_that_sends_slowly_holds_up_nobody_and_is_sent_away():
    with site(request_seconds=0.6) as web, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(web.connect()) for _ in range(10)]
        began = time.monotonic()
        for client in slow:
            client.sendall(b"GET / HTTP/1.1\r\nX: ")
        assert web.ask("/")[0] == 200
        # A byte now and then does not buy more time.
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 120:
                slow[0].sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - began < 120
        assert all(client.recv(1) == b"" for client in slow[1:])


def test_when_all_places_are_taken_the_next_waits_for_one():
    with site(request_seconds=0.5) as web, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(web.connect())
        assert web.ask("/")[0] == 200


def test_a_page_that_cannot_be_made_says_so(web, monkeypatch):
    def fail(*_):
        raise ValueError("no such thing")

    monkeypatch.setattr("esnode.storage.plans.plan_bytes", fail)
    web.newest.take(EVENTFUL)
    assert web.health("/plan") == (500, "This page cannot be made: no such thing")
