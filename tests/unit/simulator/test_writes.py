"""The record of writes, for whoever checks what a program says of itself."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

import pynvml

from esnode.simulator import World
from esnode.simulator.writes import WriteRecord, read_writes, writes_path

Boot = Callable[..., World]


def gpu(index: int = 0) -> pynvml.c_nvmlDevice_t:
    return pynvml.nvmlDeviceGetHandleByIndex(index)


def written(world: World) -> list[WriteRecord]:
    return read_writes(world.registers_path, world.registers.state())


def test_a_machine_keeps_no_record_unless_its_file_says_so(lab: World) -> None:
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    assert written(lab) == []
    assert not writes_path(lab.registers_path).exists()


def test_each_write_that_was_answered_with_success_is_a_line(boot: Boot) -> None:
    world = boot(record_writes="true")
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    world.set(1, {"fault": "lying_setter:once"})
    pynvml.nvmlDeviceSetGpuLockedClocks(gpu(1), 210, 210)
    world.set(0, {"fault": "no_permission"})
    with contextlib.suppress(pynvml.NVMLError_NoPermission):
        pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 600_000)
    world.set(0, {"power_limit_watts": "650"})  # a hand is no client of the driver
    first, second = written(world)
    assert (first.number, first.pid, first.symbol) == (1, os.getpid(), "nvmlDeviceSetPowerManagementLimit")
    assert (first.registers, first.lied) == ({"power_limit_mw": 500_000}, False)
    assert (second.gpu, second.registers, second.lied) == (world.gpus[1].uuid, {"graphics_lock": [345, 345]}, True)


def test_a_program_that_died_before_its_change_was_made_wrote_nothing(boot: Boot) -> None:
    world = boot(record_writes="true")
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 500_000)
    path = writes_path(world.registers_path)
    died = path.read_text().replace('"number":1', '"number":2').replace("500000", "600000")
    path.write_text(path.read_text() + died)
    assert [record.registers["power_limit_mw"] for record in written(world)] == [500_000]
    pynvml.nvmlDeviceSetPowerManagementLimit(gpu(), 400_000)
    assert [record.registers["power_limit_mw"] for record in written(world)] == [500_000, 400_000]
