"""The cache of profiles that were found good: believed only where it can be, and never missed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from esnode.errors import ProfileInvalid
from esnode.records import members
from esnode.storage.profiles import known
from esnode.storage.profiles.known import KnownProfiles
from esnode.storage.profiles.read import read_profiles
from tests.places import PROJECT
from tests.unit.profiles.profile_texts import VALID

EXAMPLES = sorted((PROJECT / "examples" / "profiles").glob("*.es"))


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of an empty cache."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "esnode" / "profiles"


@pytest.fixture
def profile(tmp_path):
    path = tmp_path / "lab.es"
    path.write_text(VALID)
    return path


def kept(cache):
    (file,) = cache.iterdir()
    return file


def find(profile):
    return KnownProfiles().find(profile.read_bytes(), str(profile))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_a_known_profile_is_the_one_that_was_read(path, cache):
    first, second = read_profiles([path]), read_profiles([path])
    assert len(list(cache.iterdir())) == 1
    assert [repr(members(profile)) for profile in first] == [repr(members(profile)) for profile in second]


def test_it_is_the_same_under_another_name_and_position_by_position(cache, tmp_path):
    for name in ("one.es", "other.es"):
        (tmp_path / name).write_text(VALID)
    (one,), (other,) = (read_profiles([tmp_path / name]) for name in ("one.es", "other.es"))
    assert other.path.endswith("other.es") and one == other and one.policies[0].line == other.policies[0].line
    assert repr(one.positions) == repr(other.positions)


def test_what_has_a_mistake_is_not_kept(cache, profile):
    profile.write_text(VALID.replace("EfficiencyProfile", "Efficiency"))
    for _ in range(2):
        with pytest.raises(ProfileInvalid):
            read_profiles([profile])
    assert not cache.exists()


def test_two_known_profiles_of_one_name_are_a_mistake_all_the_same(cache, tmp_path):
    for name in ("one.es", "two.es"):
        (tmp_path / name).write_text(VALID)
        read_profiles([tmp_path / name])
    with pytest.raises(ProfileInvalid) as refused:
        read_profiles([tmp_path / "one.es", tmp_path / "two.es"])
    assert "two profiles are named" in refused.value.problems[0].summary


def test_a_known_profile_needs_no_yaml_reader(cache, profile):
    read_profiles([profile])
    code = (
        "import sys; from esnode.storage.profiles.read import read_profiles; read_profiles(sys.argv[1:]);"
        "print([name for name in ('ruamel.yaml', 'jsonschema', 'esnode.storage.yaml.nodes') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code, profile], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


class TestNotBelieved:
    """It is read anew then, and kept again."""

    def test_that_was_altered(self, cache, profile):
        read_profiles([profile])
        file = kept(cache)
        file.write_bytes(file.read_bytes().replace(b"lab", b"bad"))
        assert find(profile) is None
        assert read_profiles([profile])[0].name != "bad" and find(profile) is not None

    def test_that_was_cut_off(self, cache, profile):
        read_profiles([profile])
        file = kept(cache)
        file.write_bytes(file.read_bytes()[:100])
        assert find(profile) is None

    def test_that_is_of_another_text(self, cache, profile):
        read_profiles([profile])
        file = kept(cache)
        profile.write_text(VALID + "# more\n")
        read_profiles([profile])
        (other,) = set(cache.iterdir()) - {file}
        file.replace(other)
        assert find(profile) is None

    @pytest.mark.parametrize("what", ["file", "folder"])
    @pytest.mark.parametrize("mode", [0o770, 0o707])
    def test_that_others_may_write(self, cache, profile, what, mode):
        read_profiles([profile])
        (kept(cache) if what == "file" else cache).chmod(mode)
        assert find(profile) is None

    @pytest.mark.lane("root")
    @pytest.mark.parametrize("what", ["file", "folder"])
    def test_that_belongs_to_another(self, cache, profile, what):
        read_profiles([profile])
        os.chown(kept(cache) if what == "file" else cache, 12345, -1)
        assert find(profile) is None

    def test_that_is_a_link(self, cache, profile, tmp_path):
        read_profiles([profile])
        file = kept(cache)
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere")
        assert find(profile) is None

    def test_that_another_schema_judged(self, cache, profile, monkeypatch):
        read_profiles([profile])
        monkeypatch.setattr(known, "schema_text", lambda name: "{}")
        assert find(profile) is None

    def test_that_other_code_judged(self, cache, profile, monkeypatch):
        read_profiles([profile])
        monkeypatch.setattr(known, "_stamps", list)
        assert find(profile) is None


@pytest.mark.lane("root")
def test_root_leaves_nothing_in_the_home_of_another(tmp_path, monkeypatch, profile):
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 12345, -1)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(home))
    read_profiles([profile])
    assert list(home.iterdir()) == [] and find(profile) is None


@pytest.mark.parametrize("home", ["", "/dev/null/absent", "relative"])
def test_without_a_home_there_is_no_cache(home, monkeypatch, profile):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", home)
    assert read_profiles([profile]) and find(profile) is None


def test_a_cache_that_cannot_be_written_is_none(cache, profile):
    cache.parent.write_text("a file where a folder was to be")
    assert read_profiles([profile]) and find(profile) is None


def test_the_oldest_are_forgotten(cache, profile, monkeypatch):
    monkeypatch.setattr(known, "_MOST", 3)
    for number in range(5):
        profile.write_text(VALID + f"# {number}\n")
        read_profiles([profile])
        os.utime(max(cache.iterdir(), key=lambda file: file.stat().st_mtime_ns), (number, number))
    assert len(list(cache.iterdir())) == 3 and find(profile) is not None
