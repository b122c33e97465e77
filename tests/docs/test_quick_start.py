"""docs/quick-start.md, followed from its first line to its last."""

from tests.docs.pages import Command, alike, follow, steps
from tests.places import EXAMPLES

INSTALLING = ["python3 -m venv venv", ". venv/bin/activate", "pip install esnode"]


def test_a_stranger_who_follows_the_page_gets_to_its_end(tmp_path):
    todo = steps("quick-start.md")
    assert [step.line for step in todo[:3] if isinstance(step, Command)] == INSTALLING
    nvidia_smi = tmp_path / "bin" / "nvidia-smi"
    nvidia_smi.parent.mkdir()
    nvidia_smi.write_text(f'#!/bin/sh\n[ "$*" = "-q -x" ] && cat {EXAMPLES / "captures" / "node7.xml"}\n')
    nvidia_smi.chmod(0o755)
    printed = follow(todo[3:], tmp_path)
    for step in todo[3:]:
        for line in step.shown if isinstance(step, Command) else ():
            assert alike(line) in alike(printed), line
    assert printed.count("No changes. The hardware matches the profile.") == 1
    after = printed.rpartition("$ esnode apply back.json")[2].partition("$ mkdir")[0]
    assert "700 W" in after
    assert "power_limit_watts" not in after.partition("$ esnode state list")[2]
