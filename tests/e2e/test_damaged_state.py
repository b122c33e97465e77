"""A state that cannot be used is an error with the command that helps, and no command overwrites it."""

import json

import pytest

CAP = "settings: {power_limit_watts: 600}\npolicies: []\n"

DAMAGES = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "edited": lambda data: data.replace(b'"serial": 2', b'"serial": 3'),
    "foreign": lambda data: b'{"version": 4, "terraform_version": "1.5.0", "resources": []}',
    "newer": lambda data: json.dumps(json.loads(data) | {"version": 2}).encode(),
}

COMMANDS = [
    ("plan", "-f", "profile.es"),
    ("plan", "-f", "profile.es", "-refresh=false"),
    ("plan", "-f", "profile.es", "-lock=false"),
    ("destroy",),
    ("apply", "plan.json"),
    ("apply", "-take-over", "-lock=false", "plan.json"),
    ("show",),
    ("state", "list"),
    ("state", "show", "gpu[0]"),
    ("state", "rm", "gpu[0]"),
    ("state", "mv", "lab", "new"),
    ("state", "adopt", "-yes"),
    ("state", "pull"),
]


@pytest.fixture
def managed(lab):
    lab.write_profile(CAP)
    assert lab.plan_and_apply().code == 0
    lab.write_profile(CAP.replace("600", "500"))
    assert lab.plan().code == 0
    return lab


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_command_takes_a_damaged_state_for_none_or_overwrites_it(managed, damage):
    path = managed.folder / "esnode.state.json"
    broken = DAMAGES[damage](path.read_bytes())
    path.write_bytes(broken)
    for words in COMMANDS if damage in ("cut off", "newer") else COMMANDS[::5]:
        refused = managed.run(*words)
        assert refused.code == 1, words
        assert ("format version 2" if damage == "newer" else "esnode state restore") in refused.err, words
        assert "lock" not in refused.err, words
        assert path.read_bytes() == broken, words
    assert managed.limits() == [600, 600]
    assert managed.run("state", "history").code == 0
    assert path.read_bytes() == broken


def test_a_state_that_may_not_be_looked_at_is_not_an_absent_one(managed):
    blocked = managed.run("plan", "-f", "profile.es", "-state", "profile.es/state.json")
    assert blocked.code == 1
    assert "cannot be read" in blocked.err
