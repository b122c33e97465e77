"""Reading files and folders, all mistakes in one run, and documents from saved plans."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from esnode.errors import FileUnreadable, NoProfile, ProfileInvalid
from esnode.model.profile import Position, ThrottlePower
from esnode.storage.profiles.parse import parse_profiles, profile_from_document
from esnode.storage.profiles.read import find_profiles, read_profiles
from esnode.wire import digest
from tests.unit.profiles.profile_texts import VALID, broken, problems


def named(name: str) -> str:
    return broken("name: lab", f"name: {name}")


def test_all_mistakes_of_a_file_are_reported_in_one_run() -> None:
    text = VALID.replace("82", "82%").replace("50", "-5").replace("critical", "high").replace('"1.0"', "1.0")
    found = [(problem.range.line, problem.summary) for problem in problems(text) if problem.range]
    assert found == [
        (5, "version must be text, found the number 1.0"),
        (9, 'gpu_temp_celsius is measured in C, not in "%"'),
        (14, "step_watts must be greater than 0, found -5"),
        (16, 'unknown severity "high"'),
    ]


def test_mistakes_of_yaml_and_of_the_profile_are_reported_together() -> None:
    text = VALID.replace("82", "82%") + "    severity: info\n"
    assert [problem.range.line for problem in problems(text) if problem.range] == [9, 17]


def test_all_mistakes_of_all_files_are_reported_in_one_run(tmp_path: Path) -> None:
    for name in ("a.es", "b.es", "c.es"):
        (tmp_path / name).write_text(named(name[0]) if name == "b.es" else named(name[0]).replace("5m", "5x"))
    with pytest.raises(ProfileInvalid, match=r"2 errors in 2 of 3 files") as invalid:
        read_profiles([tmp_path])
    assert [Path(each.range.filename).name for each in invalid.value.problems if each.range] == ["a.es", "c.es"]


def test_two_profiles_of_one_name_are_refused_and_both_places_named(tmp_path: Path) -> None:
    (tmp_path / "a.es").write_text(VALID)
    (tmp_path / "b.es").write_text(VALID)
    with pytest.raises(ProfileInvalid) as invalid:
        read_profiles([tmp_path])
    (problem,) = invalid.value.problems
    assert problem.summary == 'two profiles are named "lab"'
    assert problem.range and problem.range.filename.endswith("b.es") and "a.es:4." in problem.detail


def test_two_policies_of_one_name_are_refused_and_both_lines_named() -> None:
    policy = VALID[VALID.index("  - name: cool") :]
    (problem,) = problems(VALID + policy)
    assert (problem.summary, problem.range and problem.range.line) == ('two policies are named "cool"', 17)
    assert problem.detail.startswith("The first is in line 7.")


def test_a_file_may_hold_several_profiles() -> None:
    text = f"{named('one')}---\n{named('two')}---\n"
    assert [profile.name for profile in parse_profiles(text.encode(), "both.es")] == ["one", "two"]


def test_a_profile_knows_the_place_of_its_parts() -> None:
    (profile,) = parse_profiles(VALID.encode(), "lab.es")
    assert profile.policies[0].line == 7
    assert profile.positions["policies", 0, "action", "parameters", "step_watts"] == Position(line=14, column=9)
    assert profile.line("policies", 0, "release") == 7


def test_a_profile_is_what_was_written() -> None:
    (profile,) = parse_profiles(VALID.encode(), "lab.es")
    (policy,) = profile.policies
    assert (profile.name, profile.version, profile.path) == ("lab", "1.0", "lab.es")
    assert policy.action == ThrottlePower(step_watts=50.0, min_watts=300.0)
    assert (policy.duration_seconds, str(policy.condition), policy.severity) == (300.0, "> 82", "critical")


def test_comments_and_layout_do_not_change_the_digest() -> None:
    (one,) = parse_profiles(VALID.encode(), "a.es")
    (other,) = parse_profiles(("# why\n" + VALID.replace('"> 82"', "'> 82'  # hot")).encode(), "b.es")
    assert one.sha256 == other.sha256 == digest(one.document)


def test_an_alias_is_the_value_it_refers_to() -> None:
    text = VALID.replace("duration: 5m", "duration: &long 5m") + "    release: {duration: *long}\n"
    (profile,) = parse_profiles(text.encode(), "lab.es")
    assert profile.policies[0].release.duration_seconds == 300


def test_a_document_from_a_plan_is_the_same_profile() -> None:
    (profile,) = parse_profiles(VALID.encode(), "lab.es")
    again = profile_from_document(profile.document, "lab.es")
    assert (again, again.sha256) == (profile, profile.sha256)


@pytest.mark.parametrize("document", [None, 3, [], {}, {"a": float("nan")}, {"kind": 10**400}, {"kind": "\ud800"}])
def test_a_document_that_is_no_profile_is_refused_with_its_path(document: object) -> None:
    with pytest.raises(ProfileInvalid):
        profile_from_document(document, "plan.json")


def test_a_mistake_in_a_document_names_its_path() -> None:
    (profile,) = parse_profiles(VALID.encode(), "lab.es")
    with pytest.raises(ProfileInvalid) as invalid:
        profile_from_document({**profile.document, "polices": []}, "plan.json")
    assert invalid.value.problems[0].summary == 'polices: unknown key "polices"'


def test_the_working_directory_is_searched_for_profiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.es", "a.esnode.yaml", "node.yaml", ".hidden.es"):
        (tmp_path / name).write_text(VALID)
    monkeypatch.chdir(tmp_path)
    assert find_profiles(".") == ["a.esnode.yaml", "b.es"]


def test_a_directory_without_profiles_says_so_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoProfile, match=r"no profile in .* \(\*\.es, \*\.esnode\.yaml\)") as none:
        find_profiles(tmp_path)
    assert none.value.next_step == "Give one with -f FILE, or change the directory."


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(VALID)
    assert len(read_profiles([tmp_path, tmp_path / "a.yml"])) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"cannot read .*absent\.es: No such file"):
        read_profiles([tmp_path / "absent.es"])


def test_a_valid_profile_never_costs_the_import_of_jsonschema() -> None:
    import subprocess

    code = (
        "import sys; from esnode.storage.profiles.parse import parse_profiles; assert 'ruamel.yaml' not in sys.modules;"
        "parse_profiles(sys.stdin.buffer.read(), 'lab.es'); assert 'jsonschema' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], input=VALID.encode(), check=True)
