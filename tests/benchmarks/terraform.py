"""Terraform, to be measured beside esnode: as many `terraform_data` objects as there are GPUs, which call nobody.

`terraform_data` is part of the program: nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.timing import Command

NOT_HERE: Final = "terraform is not on PATH: it is not compared"

_CONFIGURATION: Final = """\
variable "watts" {{ type = number }}

resource "terraform_data" "gpu" {{
  count = {count}
  input = {{ gpu = count.index, power_limit_watts = var.watts }}
}}
"""
_KINDS: Final = ["object", {"gpu": "number", "power_limit_watts": "number"}]
_FIRST, _SECOND = 560, 570


@dataclass(frozen=True, slots=True)
class Terraform:
    """A folder with a configuration of `count` objects and their state, as an apply leaves both.

    The state is written here (applying thousands of objects takes minutes) in the form in which Terraform writes it;
    every plan must say that nothing changes.
    """

    folder: Path
    count: int

    def prepare(self) -> Terraform:
        (self.folder / "main.tf").write_text(_CONFIGURATION.format(count=self.count))
        self._ask_for(_FIRST)
        (self.folder / "terraform.tfstate").write_text(json.dumps(_state(self.count, self._version()), indent=2))
        init = ["terraform", "init", "-no-color", "-input=false"]
        done = subprocess.run(init, cwd=self.folder, env=_env(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return self

    def plan(self) -> Command:
        words = ["terraform", "plan", "-no-color", "-input=false"]
        return Command(words=words, cwd=self.folder, env=_env(), says="No changes.")

    def apply(self) -> Command:
        """Changes every object, each time anew."""
        return Command(
            words=["terraform", "apply", "-no-color", "-input=false", "-auto-approve"],
            cwd=self.folder,
            env=_env(),
            says=f"{self.count} changed",
            prepare=self._ask_for_another,
        )

    def _ask_for(self, watts: int) -> None:
        (self.folder / "terraform.tfvars").write_text(f"watts = {watts}\n")

    def _ask_for_another(self) -> None:
        asked = (self.folder / "terraform.tfvars").read_text()
        self._ask_for(_SECOND if str(_FIRST) in asked else _FIRST)

    def _version(self) -> str:
        done = subprocess.run(["terraform", "version", "-json"], env=_env(), capture_output=True, check=True)
        return str(json.loads(done.stdout)["terraform_version"])


def is_here() -> bool:
    return shutil.which("terraform") is not None


def _env() -> dict[str, str]:
    """It asks nobody for its newest version, and nothing of a user's configuration counts."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TF_")}
    return {**ours, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}


def _state(count: int, version: str) -> dict[str, Any]:
    return {
        "version": 4,
        "terraform_version": version,
        "serial": 1,
        "lineage": str(uuid.uuid4()),
        "outputs": {},
        "resources": [
            {
                "mode": "managed",
                "type": "terraform_data",
                "name": "gpu",
                "provider": 'provider["terraform.io/builtin/terraform"]',
                "instances": [_instance(number) for number in range(count)],
            }
        ],
        "check_results": None,
    }


def _instance(number: int) -> dict[str, Any]:
    value = {"value": {"gpu": number, "power_limit_watts": _FIRST}, "type": _KINDS}
    attributes = {"id": str(uuid.uuid4()), "input": value, "output": value, "triggers_replace": None}
    return {"index_key": number, "schema_version": 0, "attributes": attributes, "sensitive_attributes": []}
