"""Plans as gates: against an approved one, denied, signed; at plan time and at apply time."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from esnode.cli.main import main
from tests.cli.run import Result, esnode
from tests.e2e.lab import Lab
from tests.e2e.test_story import CAP
from tests.places import PROJECT
from tests.unit.sensors.captures import NEW
from tests.unit.storage.test_signatures import write_keys


class QuickLab(Lab):
    """A laboratory whose commands run in this process: the same code without starting Python for each."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        super().__init__(folder)

    def run(self, *args: object, env: dict[str, str] | None = None) -> Result:
        with pytest.MonkeyPatch.context() as here:
            here.chdir(self.folder)
            for name, value in {"ESNODE_SIMULATE": "world.yaml", **(env or {})}.items():
                here.setenv(name, value)
            code = main([str(word) for word in args])
        said = self.capsys.readouterr()
        return Result(code, said.out, said.err)


OTHER_CAP = "settings: {power_limit_watts: 500}\npolicies: []\n"


@pytest.fixture
def lab(tmp_path, capsys):
    """Two H100."""
    return QuickLab(tmp_path, capsys)


def approve(lab, name="approved.json"):
    lab.write_profile(CAP)
    assert lab.plan().code == 0
    (lab.folder / "plan.json").rename(lab.folder / name)


def test_a_plan_that_decides_what_was_approved_passes(lab):
    approve(lab)
    lab.set("all", "gpu_temp_celsius=50")
    lab.set("clock=+10m")
    same = lab.plan("-against", "approved.json", "-detailed-exitcode")
    assert same.code == 2, same.err
    assert "This plan decides what approved.json did." in same.out
    assert lab.plan("-against=approved.json").code == 0


def test_another_decision_is_shown_saved_and_exit_3(lab):
    approve(lab)
    lab.write_profile(OTHER_CAP)
    other = lab.plan("-against", "approved.json", "-detailed-exitcode")
    assert other.code == 3
    assert "  ~ after.power_limit_watts = 600 -> 500" in other.out
    assert "This plan's decision is not the approved one" in other.err
    assert lab.document()["resource_changes"]
    lines = lab.plan("-against", "approved.json", "-json").lines()
    kinds = [line["type"] for line in lines]
    assert kinds[-5:] == [*["difference"] * 3, "against", "diagnostic"]
    assert lines[-2]["same"] is False
    assert lines[-1]["@level"] == "error"


def test_an_approved_plan_that_is_none_stops_before_the_machine_is_asked(lab):
    (lab.folder / "torn.json").write_text("{")
    torn = lab.plan("-against", "torn.json")
    assert torn.code == 1
    assert torn.out == ""


def test_a_plan_of_a_capture_approves_what_the_machine_itself_plans(tmp_path):
    (tmp_path / "node7.xml").write_text(NEW.replace("requested_power_limit>650", "requested_power_limit>700"))
    made = esnode("sim", "init", "-from", "node7.xml", "-speed", 0, "world.yaml", cwd=tmp_path)
    assert made.code == 0, made.err
    (tmp_path / "cap.es").write_text(
        f"apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {{name: cap, version: '1'}}\n{CAP}"
    )
    review = esnode("plan", "-capture", "node7.xml", "-f", "cap.es", "-out", "approved.json", cwd=tmp_path)
    assert review.code == 0, review.err
    args = ("plan", "-simulate", "world.yaml", "-f", "cap.es", "-against", "approved.json", "-out", "plan.json")
    there = esnode(*args, cwd=tmp_path)
    assert there.code == 0, there.out + there.err
    digest = esnode("show", "-digest", "approved.json", cwd=tmp_path).out.strip()
    done = esnode("apply", "-simulate", "world.yaml", f"-expect-digest={digest}", "plan.json", cwd=tmp_path)
    assert done.code == 0, done.err


def test_a_digest_is_printed_alone_and_apply_is_held_to_it(lab):
    approve(lab)
    lab.write_profile(OTHER_CAP)
    lab.plan()
    shown = lab.run("show", "-digest", "approved.json")
    assert shown.code == 0
    assert shown.out == lab.document("approved.json")["digest"] + "\n"
    refused = lab.apply(f"-expect-digest={shown.out.strip()}")
    assert refused.code == 3
    assert "not the expected one" in refused.err


@pytest.mark.parametrize(("digest", "code"), [("", 1), (" ", 1), ("4f2a", 3)])
def test_what_is_no_digest_never_reads_as_any_plan(lab, digest, code):
    approve(lab)
    assert lab.run("apply", f"-expect-digest={digest}", "approved.json").code == code
    assert lab.limits() == [700, 700]


def test_the_digest_of_what_is_no_plan_is_an_error(lab):
    lab.write_profile(CAP)
    lab.plan()
    for words in (["esnode.state.json"], ["absent.json"], []):
        result = lab.run("show", "-digest", *words)
        assert (result.code, result.out) == (1, "")


def test_a_plan_that_breaks_a_rule_is_shown_saved_and_exit_3(lab):
    lab.write_profile(CAP)
    (lab.folder / "plan.json").unlink(missing_ok=True)
    rules = ["-deny", "delete,update", "-max-changes=1", "-max-watts-delta", "150W"]
    broken = lab.plan(*rules, "-detailed-exitcode")
    assert broken.code == 3
    assert "Plan: 0 to add, 2 to change, 0 to destroy." in broken.out
    assert "3 errors in all." in broken.err
    assert lab.document()["digest"]
    lines = lab.plan(*rules, "-json").lines()
    assert [line["diagnostic"]["summary"] for line in lines if line["type"] == "diagnostic"] == [
        "This plan holds 2 changes of the kind update, -deny update allows none",
        "This plan touches 2 resources, -max-changes allows 1",
        "This plan moves power limits by 200 W in all, -max-watts-delta allows 150 W",
    ]
    assert lab.plan("-deny", "delete", "-max-changes=2", "-max-watts-delta=200").code == 0


def test_apply_refuses_what_breaks_a_rule_and_touches_nothing(lab):
    lab.write_profile(CAP)
    lab.plan()
    for rule in (["-deny=update"], ["-max-watts-delta=199"]):
        assert lab.apply(*rule).code == 3
    assert lab.limits() == [700, 700]


@pytest.mark.parametrize(
    "words", [["-deny", "delte"], ["-deny="], ["-max-watts-delta", "nan"], ["-max-watts-delta=-1"]]
)
def test_a_rule_that_cannot_be_understood_is_an_error(lab, words):
    assert lab.plan(*words).code == 1


def test_destroy_has_the_same_gates(lab):
    assert lab.run("destroy", "-deny", "update").code == 0  # nothing is managed


def test_a_signed_plan_is_applied_and_no_other(lab, tmp_path):
    write_keys(tmp_path)
    write_keys(tmp_path, "stranger")
    lab.write_profile(CAP)
    lab.plan()
    unsigned = lab.apply("-require-signature", "key.pub.pem")
    assert (unsigned.code, "is not signed" in unsigned.err) == (3, True)
    lab.plan("-sign-key", "key.pem")
    assert lab.apply("-require-signature", "stranger.pub.pem").code == 3
    data = (tmp_path / "plan.json").read_bytes()
    (tmp_path / "plan.json").write_bytes(data + b"\n")
    altered = lab.apply("-require-signature", "key.pub.pem")
    assert (altered.code, "is not of the plan" in altered.err) == (3, True)
    assert lab.limits() == [700, 700]
    (tmp_path / "plan.json").write_bytes(data)
    assert lab.apply("-require-signature", "stranger.pub.pem", "-require-signature", "key.pub.pem").code == 0


def test_a_machine_can_insist_on_signatures_itself(lab, tmp_path):
    write_keys(tmp_path)
    write_keys(tmp_path, "stranger")
    (tmp_path / "node.yaml").write_text(f"require_signature: [{tmp_path}/key.pub.pem]\n")
    insists = {"ESNODE_NODE": "node.yaml"}
    lab.write_profile(CAP)
    lab.plan()
    assert lab.run("apply", "plan.json", env=insists).code == 3
    lab.plan("-sign-key", "stranger.pem")
    # What the caller trusts does not replace what the machine trusts.
    assert lab.run("apply", "-require-signature", "stranger.pub.pem", "plan.json", env=insists).code == 3
    lab.plan("-sign-key", "key.pem")
    assert lab.run("apply", "plan.json", env=insists).code == 0


def test_a_password_is_only_ever_a_reference_and_never_repeated(lab):
    lab.write_profile(CAP)
    write_keys(lab.folder, password=b"open sesame")
    refused = lab.plan("-sign-key", "key.pem", "-sign-key-password", "open sesame")
    assert refused.code == 1
    assert "sesame" not in refused.out + refused.err
    opened = lab.run(
        *("plan", "-f", "profile.es", "-out", "plan.json", "-sign-key", "key.pem"),
        *("-sign-key-password", "env:PW"),
        env={"PW": "open sesame"},
    )
    assert opened.code == 0, opened.err
    assert json.loads((lab.folder / "plan.json.sig").read_bytes())["algorithm"] == "ed25519"


def test_what_a_gate_refused_is_saved_and_not_signed(lab):
    lab.write_profile(CAP)
    write_keys(lab.folder)
    assert lab.plan("-sign-key", "key.pem", "-deny", "update").code == 3
    assert (lab.folder / "plan.json").exists()
    assert not (lab.folder / "plan.json.sig").exists()
    signed = lab.plan("-sign-key", "key.pem", "-deny", "delete", "-json")
    assert signed.code == 0
    assert signed.lines()[-1]["type"] == "signed"


def test_what_is_not_saved_cannot_be_signed(lab):
    refused = lab.run("plan", "-sign-key", "key.pem")
    assert refused.code == 1
    assert "needs -out" in refused.err


@pytest.mark.lane("openssl")
def test_the_documents_commands_work_in_their_order(lab):
    lab.write_profile(CAP, "training.es")
    (lab.folder / "captures").mkdir()
    for name in ("node6", "node7"):
        (lab.folder / "captures" / f"{name}.xml").write_text(NEW)
    lines = [line.strip() for line in (PROJECT / "docs" / "gates.md").read_text().splitlines() if line[:4] == "    "]
    commands = [line for line in lines if line.startswith(("esnode ", "openssl genpkey ", "openssl pkey "))]
    assert len(commands) == 12
    for command in commands:
        assert follow(lab, command) == 0, command
    assert lab.limits() == [600, 600]


def follow(lab, command):
    """Run one line as a shell would: what `$(...)` prints and what a glob finds stands in its place."""
    inner = re.search(r"\$\((.*?)\)", command)
    if inner:
        command = command.replace(inner[0], lab.run(*inner[1].split()[1:]).out.strip())
    words = [found for word in command.split() for found in expanded(lab.folder, word)]
    if words[0] == "openssl":
        return subprocess.run(words, cwd=lab.folder, check=False).returncode
    return lab.run(*words[1:]).code


def expanded(folder, word):
    return sorted(str(path.relative_to(folder)) for path in folder.glob(word)) if "*" in word else [word]
