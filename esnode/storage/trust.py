"""Inputs that others could have written: esnode runs as root, so it does not take orders from them."""

from __future__ import annotations

import os
import pwd
import shlex
import stat
from pathlib import Path

from esnode.errors import FileUntrusted


def check_trust(path: Path, what: str, *, is_shared: bool = False) -> None:
    """Raise FileUntrusted when somebody other than root and the caller could have written `path`.

    That is: world-writable, or owned by someone who is neither root, the effective user nor SUDO_UID;
    group-writable too, unless `is_shared`. A sticky directory above it, such as /tmp, is no reason.
    """
    try:
        info = path.stat()
    except FileNotFoundError:
        return
    name = shlex.quote(str(path))
    if info.st_uid not in _trusted_users():
        raise FileUntrusted(
            f"The {what} {path} belongs to {_user(info.st_uid)}, who could have written anything into it",
            next_step=f"Look through it, then run: chown {_user(os.geteuid())} {name}",
        )
    for bit, who, letter in ((stat.S_IWOTH, "everybody", "o"), (stat.S_IWGRP, "its group", "g")):
        if info.st_mode & bit and not (is_shared and letter == "g"):
            raise FileUntrusted(
                f"The {what} {path} can be written by {who}",
                next_step=f"Look through it, then run: chmod {letter}-w {name}",
            )


def _trusted_users() -> set[int]:
    caller = os.environ.get("SUDO_UID", "")
    return {0, os.geteuid()} | ({int(caller)} if caller.isdigit() else set())


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
