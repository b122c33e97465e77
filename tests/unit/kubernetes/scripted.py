"""An API server that answers by script: for answers that a healthy one does not give."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TOKEN = "s3cr3t-bearer-token"

Script = Mapping[str, "Reply | Sequence[Reply]"]
"""Answers by "METHOD path"; of several the last one stays."""


class Reply:
    """`body` is sent as JSON, or as it is when it is text. `seconds` is how long it takes to come, in drops."""

    def __init__(self, status: int, body: Any, seconds: float = 0.0, **headers: str) -> None:
        self.status, self.seconds, self.headers = status, seconds, headers
        self.data = (body if isinstance(body, str) else json.dumps(body)).encode()


class Server:
    """What was asked is in `asked`, with the bodies that were sent in `sent`."""

    def __init__(self, folder: Path, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.sent: list[Any] = []
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(kubeconfig(url))


def kubeconfig(url: str, **user: Any) -> str:
    """JSON is YAML."""
    return json.dumps(
        {
            "current-context": "here",
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "users": [{"name": "u", "user": user or {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        }
    )


@contextmanager
def serving(folder: Path, script: Script) -> Iterator[Server]:
    """Runs for the time of a `with`."""
    # What is left of each answer's script.
    left = {key: [value] if isinstance(value, Reply) else list(value) for key, value in script.items()}

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            key = f"{self.command} {self.path.partition('?')[0]}"
            length = int(self.headers.get("Content-Length") or 0)
            server.asked.append(key)
            server.sent.append(json.loads(self.rfile.read(length)) if length else None)
            answers = left.get(key) or [Reply(404, {"kind": "Status", "message": "not scripted"})]
            self._send(answers.pop(0) if len(answers) > 1 else answers[0])

        def _send(self, reply: Reply) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(reply.data)))
            self.end_headers()
            drops = [reply.data] if not reply.seconds else [reply.data[at : at + 1] for at in range(len(reply.data))]
            for drop in drops:
                try:
                    self.wfile.write(drop)
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(reply.seconds / len(drops))

        do_GET = do_PATCH = do_POST = _answer

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Server(folder, f"http://127.0.0.1:{http.server_port}")
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
