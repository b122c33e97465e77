"""A laboratory: a simulated machine in a folder, and the installed command in front of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.run import Result, esnode


class Lab:
    """`speed` 0 means that time passes only when it is told to."""

    def __init__(self, folder: Path, *, board: str = "H100-SXM", count: int = 2, **options: Any) -> None:
        self.folder = folder
        extra = [word for name, value in options.items() for word in (f"-{name.replace('_', '-')}", value)]
        made = self.run("sim", "init", "-board", board, "-count", count, "-speed", 0, *extra, "world.yaml")
        assert made.code == 0, made.err

    def run(self, *args: object, env: dict[str, str] | None = None) -> Result:
        return esnode(*args, cwd=self.folder, env={"ESNODE_SIMULATE": "world.yaml", **(env or {})})

    def set(self, *words: object) -> None:
        result = self.run("sim", "set", *words)
        assert result.code == 0, result.err

    def plan(self, *args: object) -> Result:
        """Plan profile.es into plan.json."""
        return self.run("plan", "-f", "profile.es", "-out", "plan.json", *args)

    def apply(self, *args: object) -> Result:
        return self.run("apply", *args, "plan.json")

    def plan_and_apply(self) -> Result:
        planned = self.plan()
        assert planned.code == 0, planned.err
        return self.apply()

    def write_profile(self, body: str, name: str = "profile.es") -> None:
        head = "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n"
        (self.folder / name).write_text(head + body)

    def document(self, name: str = "plan.json") -> dict[str, Any]:
        document: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return document

    def changed(self) -> list[int]:
        """The indexes of the GPUs that plan.json changes."""
        return [change["gpu"]["index"] for change in self.document()["resource_changes"]]

    def panel(self) -> list[dict[str, Any]]:
        """What the machine really does, past its driver."""
        rows: list[dict[str, Any]] = json.loads(self.run("sim", "show", "-json").out)["gpus"]
        return rows

    def limits(self) -> list[float]:
        return [row["power_limit_watts"] for row in self.panel()]

    def state(self) -> dict[str, Any]:
        return self.document("esnode.state.json")
