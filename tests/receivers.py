"""Real receivers on loopback, on ports that are free: HTTP, mail, and Prometheus' Alertmanager. Fixtures for all."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    """A port that nobody listens at, now: for a refused connection, or for a program that cannot choose itself."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# -- HTTP --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    method: str
    path: str
    headers: Any
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`is_silent` never answers; `drips` sends a byte every so many seconds, headers included, and never ends."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    is_silent: bool = False
    drips: float = 0.0


class HttpReceiver:
    """Keeps what it got in `received`. Answers as told with `will_answer`, after that with `always`, 200 at first."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.always = Answer()
        self._planned: list[Answer] = []
        self._closing = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def will_answer(self, *answers: Answer) -> None:
        self._planned.extend(answers)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(receiver) -> type[http.server.BaseHTTPRequestHandler]:
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                receiver.received.append(
                    Received(method=self.command, path=self.path, headers=self.headers, body=body, at=time.monotonic())
                )
                planned = receiver._planned.pop(0) if receiver._planned else receiver.always
                receiver._say(self, planned)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def _say(self, handler: http.server.BaseHTTPRequestHandler, answer: Answer) -> None:
        try:
            if answer.is_silent:
                self._closing.wait()
                return
            if answer.drips:
                handler.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
                while not self._closing.wait(answer.drips):
                    handler.wfile.write(b"x")
                return
            handler.send_response(answer.status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
        except OSError:
            pass  # the sender did not wait for it


@contextmanager
def http_receiving() -> Iterator[HttpReceiver]:
    receiver = HttpReceiver()
    try:
        yield receiver
    finally:
        receiver.close()


@pytest.fixture
def http_receiver() -> Iterator[HttpReceiver]:
    with http_receiving() as receiver:
        yield receiver


@pytest.fixture
def other_http_receiver() -> Iterator[HttpReceiver]:
    with http_receiving() as receiver:
        yield receiver


# -- mail --------------------------------------------------------------------------------------


class SmtpReceiver:
    """A mail server that keeps every message it got in `messages`, and refuses all when `refuses` is set."""

    def __init__(self) -> None:
        from aiosmtpd.controller import Controller

        self.messages: list[EmailMessage] = []
        self.refuses = False
        for tries_left in (2, 1, 0):
            self.port = free_port()
            self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
            try:
                self._controller.start()
                break
            except OSError:
                if not tries_left:
                    raise

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
        if self.refuses:
            return "550 not here"
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    def close(self) -> None:
        self._controller.stop()


@pytest.fixture
def smtp_receiver() -> Iterator[SmtpReceiver]:
    receiver = SmtpReceiver()
    try:
        yield receiver
    finally:
        receiver.close()


# -- Alertmanager ------------------------------------------------------------------------------

_CONFIGURATION = """
global: {resolve_timeout: %s}
route: {receiver: hook, group_by: [alertname], group_wait: 100ms, group_interval: 200ms, repeat_interval: 1h}
receivers:
  - name: hook
    webhook_configs: [{url: "%s/hook", send_resolved: true}]
"""


class Alertmanager:
    """A real one. What it tells its own receiver is in `told`."""

    def __init__(self, folder: Path, told: HttpReceiver, *, resolve_timeout: str = "1s") -> None:
        self.told = told
        self._folder = folder
        (folder / "alertmanager.yml").write_text(_CONFIGURATION % (resolve_timeout, told.url))
        for tries_left in (2, 1, 0):
            # It cannot say which port it took, so one is chosen for it; another process may take it first.
            self.url = f"http://127.0.0.1:{free_port()}"
            try:
                self._start()
                break
            except RuntimeError:
                if not tries_left:
                    raise

    def restart(self) -> None:
        """Alertmanager forgets its alerts then: they are nowhere but in its memory."""
        self.close()
        self._start()

    def alerts(self, **conditions: str) -> list[dict[str, Any]]:
        query = "&".join(f"{name}={value}" for name, value in conditions.items())
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?{query}", timeout=5) as answer:
            return list(json.load(answer))

    def amtool(self, *arguments: str) -> str:
        command = ["amtool", f"--alertmanager.url={self.url}", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout

    def close(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _start(self) -> None:
        self._log = (self._folder / "alertmanager.log").open("ab")
        command = [
            "prometheus-alertmanager",
            f"--config.file={self._folder / 'alertmanager.yml'}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        self._process = subprocess.Popen(command, stdout=self._log, stderr=self._log, cwd=self._folder)
        if not self._is_ready():
            self.close()
            raise RuntimeError((self._folder / "alertmanager.log").read_text())

    def _is_ready(self) -> bool:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1):
                    return True
            except (OSError, urllib.error.URLError):
                time.sleep(0.05)
        return False


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[Alertmanager]:
    folder = tmp_path / "alertmanager"
    folder.mkdir()
    with http_receiving() as told:
        server = Alertmanager(folder, told)
        try:
            yield server
        finally:
            server.close()
