"""docs/enforce.md against the code: what a loop tells, what its audit log holds, and its examples."""

import re

from esnode.engine import contests, pace
from esnode.engine.gates import ACTIONS
from esnode.loop import memory
from esnode.model.audit import AuditEntry, AuditResult
from esnode.records import field_names
from esnode.storage import audit
from tests.cli.run import esnode
from tests.docs.pages import DOCS
from tests.places import PROJECT

PAGE = (DOCS / "enforce.md").read_text()


def column(heading):
    """What is in backticks in the first column of a section's table."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("|")]
    return {word for cell in cells for word in re.findall(r"`([^`]+)`", cell)}


def test_every_kind_of_news_is_on_the_page():
    code = "".join(path.read_text() for path in [*(PROJECT / "esnode" / "loop").glob("*.py")])
    code += (PROJECT / "esnode" / "views" / "loop.py").read_text()
    assert column("Its log") == set(re.findall(r'(?:kind=|_tell_new\()"(\w+)"', code))


def test_every_member_of_the_audit_log_is_on_the_page():
    assert column("The audit log") == set(field_names(AuditEntry))
    assert all(f"`{result.value}`" in PAGE for result in AuditResult)


def test_its_options_are_those_of_the_command(tmp_path):
    said = esnode("enforce", "-help", cwd=tmp_path).out
    named = {word.split()[0] for word in re.findall(r"`(-[a-z][^`]*)`", PAGE)}
    assert {"-interval", "-notify", "-once", "-dry-run", "-restore-on-exit", "-require-approval"} <= named
    assert [option for option in named if f"{option} " not in said] == []
    approvals = PAGE.partition("## Approvals")[2].partition("##")[0]
    assert all(action in approvals for action in ACTIONS)


def test_its_numbers_are_the_codes():
    assert (contests.FIRST_PAUSE, contests.LONGEST_PAUSE, contests.LONGEST_CRITICAL_PAUSE) == (30, 600, 60)
    assert (contests.OVER_AFTER, contests.RAISED_AT) == (1200, 2)
    assert (pace.LONGEST_BACKOFF, pace.SHORTEST_CYCLE) == (60, 1)
    assert (memory.STORE_EVERY, memory.REASSERT_EVERY) == (60, 600)
    assert (audit.LARGEST, audit.KEPT) == (8 * 2**20, 9)


def test_its_single_cycles_work(tmp_path):
    assert esnode("sim", "init", "-count", 1, "world.yaml", cwd=tmp_path).code == 0
    profile = (PROJECT / "examples" / "profiles" / "power-cap.es").read_text()
    (tmp_path / "training.es").write_text(profile)
    commands = re.findall(r"^    esnode (enforce .*-once)", PAGE, re.MULTILINE)
    assert len(commands) == 2
    for command, verb in zip(commands, ["judged (dry run, nothing is written) on", "applied to"], strict=True):
        done = esnode(*command.split(), cwd=tmp_path, env={"ESNODE_SIMULATE": "world.yaml"})
        assert (done.code, done.out) == (0, f"Profile 'power-cap' {verb} world. SIMULATED\n")
