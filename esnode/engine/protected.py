"""PROTECTED: programs that are never ended, whatever they use of a GPU, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Final

from esnode.model.processes import HostProcess

_DRIVER = "keeps the driver loaded"
_DISPLAY = "is the display"
_MONITOR = "is NVIDIA's monitoring"
_FABRIC = "runs the NVLink fabric"
_MPS = "serves the clients of MPS, who would all end with it"
_SYSTEM = "runs the machine"
_LOGIN = "is the way into the machine"
_CONTAINERS = "runs the machine's containers"
_JOBS = "runs the machine's jobs"

PROTECTED: Final[Mapping[str, str]] = {
    "nvidia-persistenced": _DRIVER,
    "nvidia-smi": "reads the driver",
    "nvidia-powerd": _DRIVER,
    "nvidia-sleep.sh": _DRIVER,
    "Xorg": _DISPLAY,
    "Xorg.bin": _DISPLAY,
    "X": _DISPLAY,
    "Xwayland": _DISPLAY,
    "Xvnc": _DISPLAY,
    "gnome-shell": _DISPLAY,
    "kwin_x11": _DISPLAY,
    "kwin_wayland": _DISPLAY,
    "plasmashell": _DISPLAY,
    "weston": _DISPLAY,
    "mutter*": _DISPLAY,
    "gdm*": _DISPLAY,
    "sddm*": _DISPLAY,
    "dcgm*": _MONITOR,
    "nv-hostengine": _MONITOR,
    "nvidia-fabricmanager": _FABRIC,
    "nv-fabricmanager": _FABRIC,
    "nvlsm": _FABRIC,
    "nvidia-imex": _FABRIC,
    "nvidia-cuda-mps-control": _MPS,
    "nvidia-cuda-mps-server": _MPS,
    "nvidia-device-plugin": _CONTAINERS,
    "nvidia-mig-manager": _SYSTEM,
    "init": _SYSTEM,
    "systemd*": _SYSTEM,
    "dbus-daemon": _SYSTEM,
    "dbus-broker*": _SYSTEM,
    "sshd*": _LOGIN,
    "dockerd": _CONTAINERS,
    "containerd*": _CONTAINERS,
    "crio": _CONTAINERS,
    "conmon": _CONTAINERS,
    "podman": _CONTAINERS,
    "runc": _CONTAINERS,
    "kubelet": _CONTAINERS,
    "slurmd": _JOBS,
    "slurmstepd": _JOBS,
    "slurmctld": _JOBS,
    "pbs_mom": _JOBS,
    "esnode": "is esnode",
}
"""Name of a program, which may end in `*`, and why it is never ended."""

_KERNELS_LENGTH: Final = 15  # TASK_COMM_LEN - 1: longer names are cut there


def why_never(host: HostProcess, protect: Sequence[str]) -> str:
    """Why this process is never ended, as the rest of a sentence about it; "" when it may be.

    `protect` are further patterns (`*`, `?`, `[...]`), of names, of programs' file names or of whole command lines.
    """
    if host.pid == 1:
        return "is PID 1"
    if host.is_own:
        return "is esnode itself or what it runs in"
    if host.is_kernel_thread:
        return "is a thread of the kernel"
    default = next((reason for pattern, reason in PROTECTED.items() if _is_called(host, pattern)), "")
    if default:
        return f"{default}, protected by default"
    given = next((pattern for pattern in protect if _is_called(host, pattern) or _runs(host, pattern)), "")
    return f'is protected by "{given}"' if given else ""


def _is_called(host: HostProcess, pattern: str) -> bool:
    names = {host.name, PurePosixPath(host.command.partition(" ")[0]).name}
    return any(fnmatchcase(name, pattern) or _is_cut(name, pattern) for name in names)


def _is_cut(name: str, pattern: str) -> bool:
    """A program that hides its command line is known by the kernel's name for it alone, which is cut."""
    return len(name) == _KERNELS_LENGTH and pattern.startswith(name)


def _runs(host: HostProcess, pattern: str) -> bool:
    return fnmatchcase(host.command, pattern)
