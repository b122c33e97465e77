"""HTTP endpoints in this process: what they answer can change from one request to the next."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """A request as it arrived."""

    path: str
    body: str
    authorization: str


class Said(NamedTuple):
    """What is answered; `delay` in seconds before it."""

    body: str
    status: int = 200
    delay: float = 0.0


@contextlib.contextmanager
def endpoint(answer: Callable[[Asked], Said | str]) -> Iterator[str]:
    """The root URL of a server on a free port that answers so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length).decode()
            said = answer(Asked(self.path, body, self.headers.get("Authorization") or ""))
            said = Said(said) if isinstance(said, str) else said
            time.sleep(said.delay)
            with contextlib.suppress(OSError):
                self.send_response(said.status)
                self.send_header("Content-Length", str(len(said.body.encode())))
                self.end_headers()
                self.wfile.write(said.body.encode())

        do_POST = do_GET

        def log_message(self, format: str, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def a_vector(*series: tuple[dict[str, str], str]) -> str:
    """What Prometheus answers to an instant query: labels and value of each series."""
    rows = [{"metric": labels, "value": [1767101433.781, value]} for labels, value in series]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": rows}})
