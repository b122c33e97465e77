"""The driver library of a simulated machine: an object to put in the place of libnvidia-ml.so.1.

Its attributes are plain functions named by C symbols, which write into ctypes out-parameters and return
nvmlReturn_t numbers. A symbol that the machine's driver does not have raises AttributeError.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from esnode.simulator import calls, clients, writes
from esnode.simulator.codes import Code, Refusal, words
from esnode.simulator.exports import exported_by
from esnode.simulator.faults import Fault, FaultKind, parse_fault
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.marshal import handle as handle_of
from esnode.simulator.marshal import number
from esnode.simulator.registers import MachineState, Registers
from esnode.simulator.symbols import CALLS, Call, Kind, unsupported

FILLED_BY: Final = calls.__all__

_FIRST_HANDLE: Final = 0x7F10_0000_0000
_HANDLE_STEP: Final = 0x1_0000
_GENERATION_STEP: Final = 0x100
_GENERATIONS: Final = 0x100
_POLL_SECONDS: Final = 0.02
_SENSOR_PERIOD: Final = 0.005  # real seconds for which one look at a GPU is good
_CODE_OF: Final = {
    FaultKind.NO_PERMISSION: Code.NO_PERMISSION,
    FaultKind.NOT_SUPPORTED: Code.NOT_SUPPORTED,
    FaultKind.SENSOR_ERROR: Code.UNKNOWN,
    FaultKind.TIMEOUT: Code.TIMEOUT,
    FaultKind.IN_USE: Code.IN_USE,
}
# Calls that say what a GPU is, not how it is: no sensor that could fail without naming it.
_IDENTITY: Final = frozenset(
    {"nvmlDeviceGetUUID", "nvmlDeviceGetIndex", "nvmlDeviceGetName", "nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetSerial"}
)


class Library:
    """One program's driver library. Initialised and shut down by count, as the C library is."""

    def __init__(self, registers: Registers) -> None:
        self.registers = registers
        self.branch = registers.state().machine.driver_branch
        self.initialised = 0
        self.guard = threading.RLock()
        self.event_sets: dict[int, calls.events.EventSet] = {}
        self._seen: dict[int, tuple[MachineState, float, SimulatedGpu]] = {}
        self._woken: set[str] = set()

    def __getattr__(self, symbol: str) -> Callable[..., Any]:
        branch = self.__dict__.get("branch", 0)
        if symbol not in exported_by(branch):
            raise AttributeError(f"a driver of branch {branch} has no symbol {symbol}")
        function = _bind(self, CALLS.get(symbol) or unsupported(symbol))
        setattr(self, symbol, function)
        return function

    # -- the life of a client ------------------------------------------------------------------

    def begin(self) -> None:
        with self.guard:
            if self.initialised == 0:
                with self.registers.changing() as state:
                    clients.join(state)
            self.initialised += 1

    def end(self) -> None:
        with self.guard:
            if self.initialised == 0:
                raise Refusal(Code.UNINITIALIZED)
            self.initialised -= 1
            if self.initialised == 0:
                self.event_sets.clear()
                self._woken.clear()
                with self.registers.changing() as state:
                    clients.leave(state)

    def close(self) -> None:
        """The program is done with the library, whether it said so or not."""
        with self.guard:
            if self.initialised:
                self.initialised = 1
                self.end()

    # -- GPUs ----------------------------------------------------------------------------------

    def state(self) -> MachineState:
        return self.registers.state()

    def gpu(self, index: int) -> SimulatedGpu:
        """The GPU as it is now; looks a few milliseconds apart see the same."""
        return self._gpu(self.state(), index)

    def _gpu(self, state: MachineState, index: int) -> SimulatedGpu:
        state, tick = self._without_the_ended(state, index), time.monotonic()
        seen = self._seen.get(index)
        if seen is not None and seen[0] is state and (state.speed == 0 or tick - seen[1] < _SENSOR_PERIOD):
            return seen[2]
        found = SimulatedGpu(state, index)
        self._seen[index] = (state, tick, found)
        return found

    def _without_the_ended(self, state: MachineState, index: int) -> MachineState:
        """Work ends with its process: from now on the GPU is without it."""
        if not clients.has_newly_ended(state, state.machine.gpus[index]):
            return state
        with self.registers.changing() as changed:
            clients.forget_the_dead(changed)
        return self.state()

    def gpu_of(self, argument: Any) -> SimulatedGpu:
        """The GPU of a handle. One that was never given, or has become stale, is INVALID_ARGUMENT."""
        offset = handle_of(argument) - _FIRST_HANDLE
        index, rest = divmod(offset, _HANDLE_STEP)
        state = self.state()
        if offset < 0 or index >= len(state.machine.gpus):
            raise Refusal(Code.INVALID_ARGUMENT)
        gpu = self._gpu(state, index)
        # On Grace modules the GPU's memory is a NUMA node, and handles end with persistence mode (nvml.h).
        if gpu.board.is_grace and rest != gpu.state.generation % _GENERATIONS * _GENERATION_STEP:
            raise Refusal(Code.INVALID_ARGUMENT)
        return gpu

    def handle(self, gpu: SimulatedGpu) -> int:
        """The handle of a GPU, which wakes it; where persistence mode is off that may take its time."""
        self.wake(gpu)
        generation = gpu.state.generation % _GENERATIONS * _GENERATION_STEP if gpu.board.is_grace else 0
        return _FIRST_HANDLE + gpu.index * _HANDLE_STEP + generation

    def wake(self, gpu: SimulatedGpu) -> None:
        seconds = gpu.machine.machine.cold_handle_seconds
        if seconds and not gpu.state.persistence and gpu.uuid not in self._woken:
            time.sleep(seconds)
        self._woken.add(gpu.uuid)

    # -- answering -----------------------------------------------------------------------------

    def answer(self, entry: Call, arguments: tuple[Any, ...]) -> Any:
        if entry.kind is Kind.ANYTIME:
            return entry.function(self, *arguments)
        if not self.initialised:
            raise Refusal(Code.UNINITIALIZED)
        if entry.kind is Kind.SYSTEM:
            return entry.function(self, *arguments)
        gpu = self.gpu_of(arguments[0] if arguments else None)
        faults = self.faults_of(gpu, entry.symbol)
        self.suffer(gpu, entry, faults)
        if self.branch >= entry.deprecated_from:
            raise Refusal(Code.DEPRECATED)
        if entry.kind is Kind.GETTER:
            entry.function(self, gpu, *arguments[1:])
        else:
            self._change(gpu, entry, arguments, faults)
        self._restart_if_asked(gpu, faults)
        return None

    def faults_of(self, gpu: SimulatedGpu, symbol: str) -> list[Fault]:
        if not gpu.state.faults:
            return []
        return [fault for fault in map(parse_fault, gpu.state.faults) if fault.strikes(symbol)]

    def suffer(self, gpu: SimulatedGpu, entry: Call, faults: list[Fault]) -> None:
        """What injected faults do before the call itself."""
        for fault in faults:
            if fault.kind is FaultKind.SLOW:
                self._use_up(gpu, fault)
                time.sleep(fault.milliseconds / 1000)
            elif fault.kind is FaultKind.HANG:
                self._hang(gpu.index, fault)
            elif fault.kind is FaultKind.GPU_LOST and not entry.answers_when_lost:
                self._use_up(gpu, fault)
                raise Refusal(Code.GPU_IS_LOST)
            elif fault.kind in _CODE_OF and _is_meant(fault, entry):
                self._use_up(gpu, fault)
                raise Refusal(_CODE_OF[fault.kind])

    def _hang(self, index: int, fault: Fault) -> None:
        """Until somebody takes the fault away."""
        while fault.text in self.gpu(index).state.faults:
            time.sleep(_POLL_SECONDS)
            if fault.once:
                self._use_up(self.gpu(index), fault)

    def _use_up(self, gpu: SimulatedGpu, fault: Fault) -> None:
        if fault.once:
            with self.registers.changing() as state:
                written = state.gpus[gpu.uuid].faults
                if fault.text in written:
                    written.remove(fault.text)

    def _change(self, gpu: SimulatedGpu, entry: Call, arguments: tuple[Any, ...], faults: list[Fault]) -> None:
        """Arguments and support were checked in making the change; then rights, then the hardware."""
        change = entry.function(self, gpu, *arguments[1:])
        forbidden = next((fault for fault in faults if fault.kind is FaultKind.NO_PERMISSION), None)
        if forbidden is not None:
            self._use_up(gpu, forbidden)
        if forbidden is not None or (gpu.machine.machine.root_required and os.geteuid() != 0):
            raise Refusal(Code.NO_PERMISSION)
        if gpu.machine.machine.setter_seconds:
            time.sleep(gpu.machine.machine.setter_seconds)
        lie = next((fault for fault in faults if fault.kind is FaultKind.LYING_SETTER), None)
        if lie is not None:
            self._use_up(gpu, lie)
        records = gpu.machine.machine.record_writes
        if lie is not None and not records:
            return
        with self.registers.changing() as state:
            if lie is None:
                change(state.gpus[gpu.uuid])
            if records:
                writes.put_down(
                    self.registers.path, state, entry.symbol, gpu.uuid, getattr(change, "values", {}), lie is not None
                )

    def _restart_if_asked(self, gpu: SimulatedGpu, faults: list[Fault]) -> None:
        for fault in faults:
            if fault.kind is FaultKind.DRIVER_RESTART:
                with self.registers.changing() as state:
                    clients.restart_driver(state)
                self._use_up(gpu, fault)


def _is_meant(fault: Fault, entry: Call) -> bool:
    """Whether a fault strikes before the call. A setter's rights are looked at only after its arguments."""
    if fault.kind is FaultKind.NO_PERMISSION and entry.kind is Kind.SETTER:
        return False
    if fault.symbols:
        return True
    if fault.kind is FaultKind.IN_USE:
        return entry.kind is Kind.SETTER
    return fault.kind is FaultKind.SENSOR_ERROR and entry.kind is Kind.GETTER and entry.symbol not in _IDENTITY


def _bind(library: Library, entry: Call) -> Callable[..., Any]:
    """A plain function: pynvml assigns `restype` to one of them, which a method would refuse."""
    if entry.symbol == "nvmlErrorString":
        return lambda code: words(number(code))

    def function(*arguments: Any) -> int:
        try:
            library.answer(entry, arguments)
        except Refusal as refusal:
            return int(refusal.code)
        return int(Code.SUCCESS)

    function.__name__ = entry.symbol
    return function
