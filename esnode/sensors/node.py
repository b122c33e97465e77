"""Which machine this is, and its clock."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from esnode.errors import EsnodeError
from esnode.model.hardware import MachineIdKind, Moment, NodeIdentity

_MACHINE_ID: Final = re.compile(r"[0-9a-f]{32}")
_PRODUCT_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Boards whose maker never wrote a UUID of their own; the third is the default of a widely used firmware.
_NOBODYS: Final = frozenset(
    {
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
    }
)
# Files that container engines leave, relative to the root.
_CONTAINER_MARKS: Final = (".dockerenv", "run/.containerenv", "run/systemd/container")
# Where engines keep the layers of a container's root file system, as /proc/self/mountinfo shows them.
_CONTAINER_ROOT: Final = re.compile(r"docker|containerd|containers/storage|kubelet|crio|podman|lxc")


def node_name() -> str:
    """What people call this machine: $ESNODE_NODE_NAME, in a pod $NODE_NAME, else its hostname."""
    in_pod = os.environ.get("NODE_NAME") if os.environ.get("KUBERNETES_SERVICE_HOST") else None
    return os.environ.get("ESNODE_NODE_NAME") or in_pod or os.uname().nodename


def identify_node(
    root: Path = Path("/"), hostname: Callable[[], str] = node_name, *, machine_id: str = ""
) -> NodeIdentity:
    """This machine: on a host by /etc/machine-id, in a container by the DMI product UUID, which is the machine's.

    Images often carry one machine-id for all their containers, so there it is the last resort and of
    a kind of its own. The DMI UUID can be read by root only. `machine_id` is what the node file says, and then
    decides. Raises EsnodeError when there is none of them.
    """
    if machine_id:
        return NodeIdentity(machine_id=machine_id, machine_id_kind=MachineIdKind.NODE_FILE, hostname=hostname())
    own_id = MachineIdKind.CONTAINER if _is_container(root) else MachineIdKind.MACHINE_ID
    sources = [(MachineIdKind.DMI, _product_uuid(root)), (own_id, _machine_id(root))]
    if own_id is MachineIdKind.MACHINE_ID:
        sources.reverse()
    for kind, found in sources:
        if found:
            return NodeIdentity(machine_id=found, machine_id_kind=kind, hostname=hostname())
    raise EsnodeError(
        "This machine has no id: neither /etc/machine-id nor the DMI product UUID can be read",
        next_step="Run `systemd-machine-id-setup`, or write `machine_id:` into the node file (/etc/esnode/node.yaml).",
    )


def _is_container(root: Path) -> bool:
    return any((root / mark).exists() for mark in _CONTAINER_MARKS) or any(
        _CONTAINER_ROOT.search(mount) for mount in _root_mounts(root)
    )


def _root_mounts(root: Path) -> Iterator[str]:
    """Lines of mountinfo whose mount point is `/`."""
    lines = (_text(root / "proc/self/mountinfo") or "").splitlines()
    return (line for line in lines if len(fields := line.split()) > 4 and fields[4] == "/")


def _machine_id(root: Path) -> str | None:
    text = (_text(root / "etc/machine-id") or "").strip()
    return text if _MACHINE_ID.fullmatch(text) and text.strip("0") else None


def _product_uuid(root: Path) -> str | None:
    text = (_text(root / "sys/class/dmi/id/product_uuid") or "").strip().lower()
    return text if _PRODUCT_UUID.fullmatch(text) and text not in _NOBODYS else None


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


class HostClock:
    """The machine's time. `uptime` is CLOCK_BOOTTIME: it goes on while the machine sleeps and is never set."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    @cached_property
    def boot_id(self) -> str:
        """Different for each boot; in a container the machine's. Raises EsnodeError when the kernel does not tell."""
        boot_id = (_text(self._root / "proc/sys/kernel/random/boot_id") or "").strip()
        if not boot_id:
            raise EsnodeError(
                "The boot id cannot be read from /proc/sys/kernel/random/boot_id",
                next_step="Mount /proc; without it esnode cannot tell one boot from another.",
            )
        return boot_id

    def now(self) -> Moment:
        uptime = time.clock_gettime(time.CLOCK_BOOTTIME)
        return Moment(at=datetime.now(UTC), uptime=uptime, boot_id=self.boot_id)

    def monotonic(self) -> float:
        return time.monotonic()

    def nap(self, seconds: float) -> float:
        return max(0.0, seconds)

    def sleep(self, seconds: float) -> None:
        time.sleep(self.nap(seconds))
