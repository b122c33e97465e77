"""An editor's own language server, with the schema as docs/editor.md says: a mistake is underlined, a key explained."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from esnode.cli.main import main
from tests.places import PROJECT

TEXT = """\
# yaml-language-server: $schema=esnode-profile.schema.json
apiVersion: v1
kind: EfficiencyProfile
metadata:
  name: lab
  version: "1.0"
polices: []
policies:
  - name: hot
    target: gpu_temp_celsius
    condition: "> 82"
    action: {type: throttle_power, parameters: {step_watts: 50, min_wats: 300}}
"""


class Server:
    """A language server over standard input and output."""

    def __init__(self, folder: Path) -> None:
        self.root = folder.as_uri()
        command = ["yaml-language-server", "--stdio"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.asked = 0
        self.seen: list[dict[str, Any]] = []

    def send(self, method: str, params: Any, *, is_request: bool = False) -> int:
        self.asked += 1
        body: dict[str, Any] = {"jsonrpc": "2.0", "method": method, "params": params}
        self._write({**body, "id": self.asked} if is_request else body)
        return self.asked

    def _write(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        data = json.dumps(message).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout
        length = 0
        while line := self.process.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        if "method" in message and "id" in message:  # the server asks for its settings: it has none from us
            count = len(message["params"].get("items", [])) if isinstance(message.get("params"), dict) else 0
            self._write({"jsonrpc": "2.0", "id": message["id"], "result": [None] * count if count else None})
        return message

    def ask(self, method: str, params: Any) -> Any:
        number = self.send(method, params, is_request=True)
        while (message := self.read()).get("id") != number or "method" in message:
            self.seen.append(message)
        return message["result"]

    def diagnostics(self) -> list[dict[str, Any]]:
        """The first ones that are not empty."""
        while True:
            message = self.seen.pop(0) if self.seen else self.read()
            if message.get("method") == "textDocument/publishDiagnostics" and message["params"]["diagnostics"]:
                found: list[dict[str, Any]] = message["params"]["diagnostics"]
                return found

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def server(tmp_path):
    assert main(["schema", "-out", str(tmp_path / "esnode-profile.schema.json")]) == 0
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.mark.lane("editor")
def test_a_language_server_finds_mistakes_and_explains_keys(server, tmp_path):
    path = tmp_path / "lab.es"
    path.write_text(TEXT)
    document = {"uri": path.as_uri()}
    server.ask("initialize", {"processId": None, "rootUri": server.root, "capabilities": {}})
    server.send("initialized", {})
    server.send(
        "textDocument/didOpen", {"textDocument": {**document, "languageId": "yaml", "version": 1, "text": TEXT}}
    )
    found = {problem["range"]["start"]["line"] + 1: problem["message"] for problem in server.diagnostics()}
    assert found.keys() == {7, 12}
    assert "polices" in found[7]
    assert "min_wats" in found[12] or "min_watts" in found[12]
    hover = server.ask("textDocument/hover", {"textDocument": document, "position": {"line": 10, "character": 6}})
    assert "An operator (> >= < <= = == !=), a number" in str(hover["contents"]).replace("\\\\", "").replace("\\", "")


def test_the_recipes_comment_is_the_one_that_is_tested():
    assert TEXT.splitlines()[0] in (PROJECT / "docs" / "editor.md").read_text()


@pytest.mark.parametrize("name", ["profile", "node", "world", "plan", "state"])
def test_every_schema_is_written_to_a_file(name, tmp_path, capsys):
    out = tmp_path / "schema.json"
    assert main(["schema", name, "-out", str(out)]) == 0
    assert main(["schema", name]) == 0
    assert out.read_text() == capsys.readouterr().out
    assert out.stat().st_mode & 0o777 == 0o644
    assert json.loads(out.read_text())["$id"] == f"urn:esnode:{name}:v1"
