"""A small HTTP server that nobody can hold up: every request is bounded in bytes, in time and in company."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from typing import Any, Final

from esnode.listen.pages import Page

Answer = Callable[[str, Mapping[str, str]], Page]
"""The page at a path; request headers by name in small letters."""

_AT_A_TIME: Final = 16
_REQUEST_SECONDS: Final = 3.0
"""From the connection to the last byte of the request's headers."""
_ANSWER_SECONDS: Final = 5.0
"""How long a client may take to take its answer."""
_REQUEST_BYTES: Final = 16 * 1024


class HttpServer(ThreadingHTTPServer):
    """Answers GET and HEAD on a socket that listens already. One request for each connection."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, listening: socket.socket, answer: Answer, *, request_seconds: float = _REQUEST_SECONDS) -> None:
        super().__init__(("", 0), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.answer = answer
        self.request_seconds = request_seconds
        self._places = threading.Semaphore(_AT_A_TIME)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Whoever comes when all places are taken waits in the kernel's queue for one: at most some seconds."""
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # who is not understood is told so with a status
    disable_nagle_algorithm = True
    error_content_type = "text/plain; charset=utf-8"
    error_message_format = "%(code)d %(message)s\n"
    # Where the request is refused before it was read these are looked at all the same.
    command, requestline, request_version = "", "", "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        server: BaseServer = self.server
        assert isinstance(server, HttpServer)
        self.page_of = server.answer
        self.rfile = io.BufferedReader(_Incoming(self.connection, server.request_seconds))

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            try:
                super().handle()
            except _TooLong:
                self.send_error(431)

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.page_of(self.path.partition("?")[0], headers))

    do_HEAD = do_GET

    def _refuse(self) -> None:
        self._send(
            Page(
                body=b"Only GET and HEAD are answered.\n",
                status=405,
                content_type=self.error_content_type,
                headers={"Allow": "GET, HEAD"},
            )
        )

    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = _refuse

    def _send(self, page: Page) -> None:
        self.connection.settimeout(_ANSWER_SECONDS)
        self.send_response(page.status)
        self.send_header("Content-Type", page.content_type)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)

    def version_string(self) -> str:
        """Nobody needs to know which Python answers."""
        return "esnode"

    def log_message(self, format: str, *args: Any) -> None:
        """The loop's own output is for what the loop does."""


class _TooLong(Exception):
    """A request of more bytes than anybody's who means well."""


class _Incoming(io.RawIOBase):
    """What a client sends, until it sent too much (_TooLong) or its time is over (TimeoutError)."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection = connection
        self._deadline = time.monotonic() + seconds
        self._room = _REQUEST_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request did not arrive in time")
        if self._room <= 0:
            raise _TooLong
        self._connection.settimeout(left)
        count = self._connection.recv_into(buffer, min(len(buffer), self._room))
        self._room -= count
        return count
