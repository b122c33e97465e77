"""Whether real processes, named in a world, are there still. Only the standard library, as everywhere in a program
that runs on a simulated machine."""

from __future__ import annotations

from typing import Final

_ENDED: Final = (b"Z", b"X", b"x")


def is_alive(pid: int) -> bool:
    """Whether the host has a process of that number that has not ended; one that was not collected has ended."""
    return bool(birth_of(pid))


def birth_of(pid: int) -> str:
    """When the process began, in clock ticks since boot; "" when there is none. A number alone is given out again."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - asked for in every listing
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return ""
    if len(fields) < 20 or (fields[0] in _ENDED and int(fields[17]) <= 1):
        return ""
    return fields[19].decode()


def name_of(pid: int) -> str:
    """What the kernel calls the process, at most 15 characters; "python" when there is none."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:  # noqa: PTH123 - as above
            return file.read().decode(errors="replace").strip()
    except OSError:
        return "python"
