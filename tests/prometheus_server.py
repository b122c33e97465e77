"""A real Prometheus server on a free port, with targets that it scrapes each second or a history that it was given."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import psutil

from esnode import web
from esnode.errors import EndpointFailed

_PATIENCE: Final = 60.0


class Prometheus:
    """`url` is its root. To be asked in its own words: what esnode makes of its answers is what tests are about."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series of an instant query, now or at a time in seconds since 1970."""
        words = {"query": query} | ({} if at is None else {"time": f"{at:.3f}"})
        rows: list[dict[str, Any]] = web.fetch_json(f"{self.url}/api/v1/query?{urlencode(words)}")["data"]["result"]
        return rows

    def value(self, query: str, at: float | None = None) -> float:
        """The value of the one series of a query."""
        (row,) = self.ask(query, at)
        return float(row["value"][1])

    def wait_for(self, query: str) -> None:
        """Return when the query has a series."""
        until(lambda: bool(self.ask(query)), f"{query} has no series")


def until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Return as soon as it is so. Raises TimeoutError when it still is not after a minute."""
    deadline = time.monotonic() + _PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.05)


@contextlib.contextmanager
def prometheus(folder: Path, targets: Sequence[str] = (), history: str = "") -> Iterator[Prometheus]:
    """A server with its data in `folder`. `targets` are roots of pages at /metrics, `history` is OpenMetrics text."""
    data = folder / "data"
    if history:
        (folder / "history.txt").write_text(history)
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(folder / "history.txt"), str(data)]
        subprocess.run(command, check=True, capture_output=True)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(_command(folder, data, targets), stdout=log, stderr=log)
    try:
        server = Prometheus(f"http://127.0.0.1:{_port_of(process)}")
        until(lambda: _is_ready(server.url), (folder / "log").read_text())
        yield server
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(folder: Path, data: Path, targets: Sequence[str]) -> list[str]:
    """Its configuration is YAML, of which JSON is a part."""
    addresses = [urlsplit(target).netloc for target in targets]
    jobs = [{"job_name": "pages", "scrape_interval": "1s", "static_configs": [{"targets": addresses}]}]
    (folder / "prometheus.yml").write_text(json.dumps({"scrape_configs": jobs if targets else []}))
    return [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={data}",
        "--web.listen-address=127.0.0.1:0",
    ]


def _port_of(process: subprocess.Popen[bytes]) -> int:
    """The port that the kernel chose for it."""
    ports: list[int] = []

    def is_listening() -> bool:
        if process.poll() is not None:
            raise ChildProcessError(f"prometheus ended with {process.returncode}")
        found = psutil.Process(process.pid).net_connections("tcp")
        ports.extend(one.laddr.port for one in found if one.status == psutil.CONN_LISTEN)
        return bool(ports)

    until(is_listening, "prometheus does not listen")
    return ports[0]


def _is_ready(url: str) -> bool:
    try:
        return web.fetch(f"{url}/-/ready").status == 200
    except EndpointFailed:
        return False
