"""The pictures of docs/pictures, from what the commands really print: `make pictures`.

A picture whose text would be the same is left as it is, times and durations aside.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from terminal import picture, run

DOCS = Path(__file__).resolve().parents[1]
PICTURES = DOCS / "pictures"

WORLD = """apiVersion: v1
kind: SimulatedMachine
name: world
hostname: node-07
machine_id: 5d1f0c2ab8e94f6d9a77c0de00000009
starts_at: 2026-03-02T09:30:00Z
speed: 0
persistence: true
gpus:
  - {board: H100-SXM, count: 4, workload: {utilization: 99, memory: 80}}
"""

ENVIRONMENT = {
    "ESNODE_SIMULATE": "world.yaml",
    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    "LOGNAME": "ops",
    "SUDO_USER": "ops",
    "TZ": "UTC",
}


def pictures() -> Iterator[tuple[str, str]]:
    """Each picture's name and its SVG. The profile is that of the quick start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "world.yaml").write_text(WORLD, encoding="utf-8")
        (folder / "training.es").write_text(profile(), encoding="utf-8")
        yield "first-plan", _picture("esnode plan -out plan.json", folder, columns=96, rows=44)
        _do(folder, "esnode apply plan.json", "esnode sim set 0 power_limit_watts=700")
        yield "scan", _picture("esnode scan", folder, columns=112, rows=40)
        _do(folder, "esnode sim set 0 power_limit_watts=560", "esnode sim set 2 gpu_temp_celsius=85")
        _do(folder, "esnode sim set 3 gpu_utilization=0", "esnode plan")
        _do(folder, "esnode sim set clock=+2m")
        yield "plan", _picture("esnode plan -out plan.json", folder, columns=100, rows=44)
        _do(folder, "esnode apply plan.json", "esnode sim set 1 power_limit_watts=700")
        yield "top", _picture("esnode top", folder, columns=96, rows=24, until="q quit")


def profile() -> str:
    page = (DOCS / "quick-start.md").read_text(encoding="utf-8")
    found = re.search(r"```yaml\n# training\.es\n(.*?)```", page, re.DOTALL)
    if found is None:
        raise ValueError("docs/quick-start.md has no block that begins with `# training.es`")
    return found[1]


def text_of(svg: str) -> str:
    """A picture's text, without what differs from one look to the next: how long it took, how long ago it was."""
    text = "\n".join(unescape(part) for part in re.findall(r"<text[^>]*>(.*?)</text>", svg))
    return re.sub(r" +", " ", re.sub(r"\bcycle [\d.]+m?s +(now|\d+s ago)", "cycle", text))


def _picture(command: str, folder: Path, *, columns: int, rows: int, until: str = "") -> str:
    words = command.split()
    return picture(f"$ {command}", run(words, folder=folder, env=ENVIRONMENT, columns=columns, rows=rows, until=until))


def _do(folder: Path, *commands: str) -> None:
    for command in commands:
        env = {**os.environ, **ENVIRONMENT}
        subprocess.run(command.split(), cwd=folder, env=env, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    for name, svg in pictures():
        path = PICTURES / f"{name}.svg"
        if not path.exists() or text_of(path.read_text(encoding="utf-8")) != text_of(svg):
            path.write_text(svg, encoding="utf-8")
