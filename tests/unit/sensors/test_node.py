"""Which machine this is, on hosts and in containers, and its clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from esnode.errors import EsnodeError
from esnode.model.hardware import MachineIdKind
from esnode.sensors.node import HostClock, identify_node

MACHINE_ID = "0123456789abcdef0123456789abcdef"
PRODUCT_UUID = "4C4C4544-0044-4810-8031-B4C04F4A4E32"


def a_machine(root: Path, **files: str) -> Path:
    """A root directory with these files; `__` stands for a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("machine_id", "machine-id")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def kind_of(root: Path) -> MachineIdKind:
    return identify_node(root, hostname=lambda: "node-01").machine_id_kind


def test_a_host_is_known_by_its_machine_id(tmp_path: Path) -> None:
    root = a_machine(tmp_path, etc__machine_id=MACHINE_ID + "\n", sys__class__dmi__id__product_uuid=PRODUCT_UUID)
    identity = identify_node(root, hostname=lambda: "node-01")
    assert (identity.machine_id, identity.hostname) == (MACHINE_ID, "node-01")
    assert identity.machine_id_kind is MachineIdKind.MACHINE_ID


def test_a_container_is_known_by_the_machine_that_it_runs_on(tmp_path: Path) -> None:
    root = a_machine(tmp_path, etc__machine_id=MACHINE_ID, sys__class__dmi__id__product_uuid=PRODUCT_UUID + "\n")
    (root / ".dockerenv").touch()
    identity = identify_node(root)
    assert (identity.machine_id, identity.machine_id_kind) == (PRODUCT_UUID.lower(), MachineIdKind.DMI)


def test_a_containers_own_machine_id_is_of_another_kind(tmp_path: Path) -> None:
    root = a_machine(tmp_path, etc__machine_id=MACHINE_ID, run__systemd__container="podman")
    assert kind_of(root) is MachineIdKind.CONTAINER


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ("lowerdir=/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/1/fs", MachineIdKind.CONTAINER),
        ("lowerdir=/run/live/rootfs", MachineIdKind.MACHINE_ID),
    ],
)
def test_a_container_without_marks_is_known_by_its_root_file_system(
    tmp_path: Path, options: str, kind: MachineIdKind
) -> None:
    mounts = (
        f"700 600 0:50 / / rw,relatime - overlay overlay rw,{options}\n"
        "701 700 0:51 / /var/lib/docker rw - ext4 /dev/sda1 rw\n"
    )
    assert kind_of(a_machine(tmp_path, etc__machine_id=MACHINE_ID, proc__self__mountinfo=mounts)) is kind


@pytest.mark.parametrize("nobodys", ["", "uninitialized\n", "0" * 32])
def test_a_machine_id_that_is_none_is_passed_over(tmp_path: Path, nobodys: str) -> None:
    root = a_machine(tmp_path, etc__machine_id=nobodys, sys__class__dmi__id__product_uuid=PRODUCT_UUID)
    assert kind_of(root) is MachineIdKind.DMI


@pytest.mark.parametrize("nobodys", ["Not Settable", "03000200-0400-0500-0006-000700080009", "F" * 36])
def test_a_machine_without_an_id_is_told_where_to_write_one(tmp_path: Path, nobodys: str) -> None:
    with pytest.raises(EsnodeError) as caught:
        identify_node(a_machine(tmp_path, sys__class__dmi__id__product_uuid=nobodys))
    assert "machine_id:" in caught.value.next_step


def test_the_clock_goes_by_boot_time(tmp_path: Path) -> None:
    clock = HostClock(a_machine(tmp_path, proc__sys__kernel__random__boot_id="boot-1\n"))
    earlier = clock.now()
    clock.sleep(0.01)
    clock.sleep(-1)
    later = clock.now()
    assert later.boot_id == "boot-1"
    assert 0.01 <= later.seconds_since(earlier) < 5
    assert later.at.utcoffset() is not None


def test_a_boot_that_cannot_be_told_from_another_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EsnodeError, match="boot id"):
        HostClock(tmp_path).now()
