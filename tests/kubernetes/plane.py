"""A real control plane on this machine: etcd, API server, controller manager and scheduler, each ended by its pid.

There is no kubelet and no container: `machine.py` plays it.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.kubernetes.places import built

ADMIN_TOKEN = "only-the-tests-have-this-one"
STRANGER_TOKEN = "known-to-the-server-with-no-right-at-all"


class Refused(Exception):
    """The API server said no."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status


class Plane:
    """The way to a running control plane. `ask` is the administrator's, independent of the product's client.

    `own` is a folder that no other process writes to.
    """

    def __init__(self, server: str, authority: Path, own: Path) -> None:
        self.server = server
        self.authority = authority
        self._own = own

    def ask(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        request = urllib.request.Request(
            f"{self.server}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": kind},
        )
        try:
            with urllib.request.urlopen(request, timeout=10, context=self._tls()) as answer:
                text = answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                raise Refused(refused.code, refused.read().decode()) from None
        return json.loads(text) if text.startswith("{") else text

    def kubeconfig(self, name: str, token: str, *, server: str = "", authority: str = "") -> Path:
        """A kubeconfig of `name` with this token. JSON is YAML."""
        cluster = {"server": server or self.server, "certificate-authority": authority or str(self.authority)}
        path = self._own / f"{name}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": name}}],
        }
        path.write_text(json.dumps(document))
        return path

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))


class Programs:
    """What a control plane consists of, running from `start` to `stop`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._etcd, self._peer, port, self._manager, self._scheduler = _free_ports(5)
        self._port = port
        self.plane = Plane(f"https://127.0.0.1:{port}", authority_in(folder), folder)
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self) -> None:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for _, process in reversed(self._running):
            # Nothing here is kept, so nothing has to be shut down in order.
            process.kill()
            process.wait()
        self._running.clear()

    def _start(self) -> None:
        self._write_files()
        self._run_etcd()
        self._run_api_server()
        self._until(lambda: self.plane.ask("GET", "readyz") == "ok")
        admin = self.plane.kubeconfig("admin", ADMIN_TOKEN)
        common = [f"--kubeconfig={admin}", "--leader-elect=false", "--port=0", "--bind-address=127.0.0.1"]
        self._run(
            "kube-controller-manager",
            *common,
            f"--secure-port={self._manager}",
            f"--cert-dir={self.folder / 'manager'}",
            # Those that this suite needs; the node's life cycle is left out, as no kubelet reports here.
            "--controllers=deployment,replicaset,daemonset,disruption",
        )
        self._run(
            "kube-scheduler", *common, f"--secure-port={self._scheduler}", f"--cert-dir={self.folder / 'scheduler'}"
        )

    def _write_files(self) -> None:
        key = self.folder / "sa.key"
        subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True)
        public = ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(self.folder / "sa.pub")]
        subprocess.run(public, check=True, capture_output=True)
        (self.folder / "tokens.csv").write_text(
            f'{ADMIN_TOKEN},admin,1,"system:masters"\n{STRANGER_TOKEN},stranger,2\n',
        )

    def _run_etcd(self) -> None:
        own, peer = f"http://127.0.0.1:{self._etcd}", f"http://127.0.0.1:{self._peer}"
        self._run(
            "etcd",
            f"--data-dir={self.folder / 'etcd-data'}",
            f"--listen-client-urls={own}",
            f"--advertise-client-urls={own}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )

    def _run_api_server(self) -> None:
        self._run(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._etcd}",
            f"--secure-port={self._port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--cert-dir={self.plane.authority.parent}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'sa.pub'}",
            f"--service-account-signing-key-file={self.folder / 'sa.key'}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
        )

    def _run(self, program: str, *options: str) -> None:
        folder = built()
        assert folder, "the lane's check comes first"
        place = shutil.which("etcd") if program == "etcd" else str(folder / program)
        # Should the tests themselves be killed, their control plane goes with them.
        leash = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with (self.folder / f"{program}.log").open("wb") as log:
            process = subprocess.Popen([*leash, str(place), *options], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self._running.append((program, process))

    def _until(self, is_so: Any, seconds: float = 60) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            for program, process in self._running:
                if process.poll() is not None:
                    raise AssertionError(f"{program} ended: {self._last_words(program)}")
            with suppress(OSError, Refused):
                if is_so():
                    return
            time.sleep(0.1)
        raise AssertionError(f"not ready after {seconds:g} s: {self._last_words('kube-apiserver')}")

    def _last_words(self, program: str) -> str:
        return (self.folder / f"{program}.log").read_text(errors="replace")[-2000:]


def authority_in(folder: Path) -> Path:
    """The certificate that an API server started in this folder has made for itself."""
    return folder / "api" / "apiserver.crt"


def _free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the system hands out to others while we start."""
    found: list[int] = []
    for port in random.sample(range(20000, 32000), 200):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            return found
    raise AssertionError("no free ports")
