"""Run by test_two_users: esnode as a user, then as root under sudo, then as that user again, in one folder.

A virtual environment may be where only root can read, so no other user can start its Python. Everything is
imported as root first, and each run is a fork that becomes the user.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.cli.starter import import_everything

USER = 12345


def run(words: list[str], *, user: int, log: Path) -> int:
    """The exit code of one command as one user; what it says is appended to `log`."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    from esnode.cli.main import main

    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    if user:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    else:
        os.environ |= {"SUDO_UID": str(USER), "SUDO_GID": str(USER), "SUDO_USER": "ada"}
    code = main(words)
    sys.stdout.flush()
    os._exit(code)


def story(folder: Path) -> None:
    from esnode.cli.main import main

    # The driver's process imports for itself, as the user: what is imported before the fork is there.
    import_everything()
    warm = folder / "warm"
    home = folder / "home"
    for place in (warm, home):
        place.mkdir()
        (place / "profile.es").write_text(
            "apiVersion: v1\nkind: EfficiencyProfile\nmetadata: {name: lab, version: '1'}\n"
            "settings: {power_limit_watts: 600}\npolicies: []\n"
        )
    plan = ["plan", "-f", "profile.es", "-out", "plan.json"]
    os.environ["ESNODE_SIMULATE"] = "world.yaml"
    os.chdir(warm)
    for words in (["sim", "init", "-count", "1", "-speed", "0", "world.yaml"], plan, ["apply", "plan.json"], plan):
        assert main(words) == 0, words
    log = folder / "log"
    log.touch()
    log.chmod(0o666)
    os.chown(home, USER, USER)
    os.chdir(home)
    assert run(["sim", "init", "-count", "1", "-speed", "0", "world.yaml"], user=USER, log=log) == 0
    assert run(plan, user=USER, log=log) == 0
    assert run(["apply", "plan.json"], user=0, log=log) == 0
    assert run(plan, user=USER, log=log) == 0
    strangers = [path.name for path in home.rglob("*") if path.stat().st_uid not in (USER, 0)]
    assert not strangers, strangers
    assert run(["state", "rm", "gpu[0]"], user=USER, log=log) == 0


if __name__ == "__main__":
    os.umask(0o022)
    story(Path(sys.argv[1]))
