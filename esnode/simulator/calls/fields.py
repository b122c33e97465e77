"""nvmlDeviceGetFieldValues: many facts in one call, each with a status of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.faults import FaultKind
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.symbols import call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

# nvmlValueType_t and the member of the union that holds a value of it.
_UINT: Final = (1, "uiVal")
_ULL: Final = (3, "ullVal")
_INT: Final = (5, "siVal")

_GPU_SCOPE, _MODULE_SCOPE = 0, 1
_NANOSECONDS: Final = 1_000_000_000

Reader = Callable[[SimulatedGpu], float | None]
ScopedReader = Callable[[SimulatedGpu, int], float | None]


def _power(gpu_value: Reader, module_value: Callable[[Any, SimulatedGpu], float]) -> ScopedReader:
    """A limit of the GPU, or of its module where it has one."""

    def read(gpu: SimulatedGpu, scope: int) -> float | None:
        if scope == _GPU_SCOPE:
            return gpu_value(gpu)
        module = gpu.board.module_power
        return module_value(module, gpu) if scope == _MODULE_SCOPE and module is not None else None

    return read


def _for_gpu(reader: Reader) -> ScopedReader:
    return lambda gpu, scope: reader(gpu) if scope == _GPU_SCOPE else None


def _module_limit(module: Any, gpu: SimulatedGpu) -> float:
    return gpu.state.module_limit_mw or module.default * 1000


def _margin_to(celsius: int, gpu: SimulatedGpu) -> float | None:
    return gpu.board.max_operating_celsius - celsius if gpu.board.reports_margins else None


_FIELDS: Final[Mapping[int, tuple[tuple[int, str], ScopedReader]]] = {
    1: (_UINT, _for_gpu(lambda gpu: gpu.state.ecc_current if gpu.board.has_ecc else None)),
    2: (_UINT, _for_gpu(lambda gpu: gpu.state.ecc_pending if gpu.board.has_ecc else None)),
    3: (_ULL, _for_gpu(lambda gpu: 0 if gpu.state.ecc_current else None)),
    4: (_ULL, _for_gpu(lambda gpu: gpu.uncorrected_errors if gpu.state.ecc_current else None)),
    74: (_ULL, _for_gpu(lambda gpu: gpu.body.capped_seconds * _NANOSECONDS)),
    75: (_ULL, _for_gpu(lambda gpu: gpu.body.warm_seconds * _NANOSECONDS)),
    76: (_ULL, _for_gpu(lambda _gpu: 0)),
    82: (_UINT, _for_gpu(lambda gpu: gpu.memory_temperature)),
    83: (_ULL, _for_gpu(lambda gpu: gpu.energy_mj)),
    94: (_UINT, _for_gpu(lambda _gpu: 0)),
    95: (_UINT, _for_gpu(lambda _gpu: 0)),
    185: (_UINT, _for_gpu(lambda gpu: gpu.power_mw if gpu.board.has_average_power else None)),
    186: (_UINT, _for_gpu(lambda gpu: gpu.instant_mw)),
    187: (_UINT, _power(lambda gpu: gpu.board.power.min * 1000, lambda module, _gpu: module.min * 1000)),
    188: (_UINT, _power(lambda gpu: gpu.board.power.max * 1000, lambda module, _gpu: module.max * 1000)),
    189: (_UINT, _power(lambda gpu: gpu.board.power.default * 1000, lambda module, _gpu: module.default * 1000)),
    190: (_UINT, _power(lambda gpu: gpu.enforced_mw, _module_limit)),
    191: (_ULL, _for_gpu(lambda gpu: gpu.energy_mj)),
    192: (_UINT, _power(lambda gpu: gpu.requested_mw, _module_limit)),
    193: (_INT, _for_gpu(lambda gpu: _margin_to(gpu.board.shutdown_celsius, gpu))),
    194: (_INT, _for_gpu(lambda gpu: _margin_to(gpu.board.slowdown_celsius, gpu))),
    195: (
        _INT,
        _for_gpu(
            lambda gpu: None if gpu.memory_temperature is None else _margin_to(gpu.board.max_operating_celsius, gpu)
        ),
    ),
    196: (_INT, _for_gpu(lambda gpu: _margin_to(gpu.board.max_operating_celsius, gpu))),
    230: (_UINT, _for_gpu(lambda _gpu: 0)),
    269: (_ULL, _for_gpu(lambda gpu: gpu.body.warm_seconds * _NANOSECONDS)),
    270: (_ULL, _for_gpu(lambda gpu: gpu.body.hot_seconds * _NANOSECONDS)),
    271: (_ULL, _for_gpu(lambda _gpu: 0)),
}
"""By field id: type and reader. None is NOT_SUPPORTED. Milliwatts, millijoules, Celsius, nanoseconds."""

_NEWER_FIELDS: Final = {193: 550, 194: 550, 195: 550, 196: 550, 230: 570, 269: 570, 270: 570, 271: 570}
_CODE_OF: Final = {
    FaultKind.NO_PERMISSION: Code.NO_PERMISSION,
    FaultKind.NOT_SUPPORTED: Code.NOT_SUPPORTED,
    FaultKind.SENSOR_ERROR: Code.UNKNOWN,
    FaultKind.TIMEOUT: Code.TIMEOUT,
}


@call("nvmlDeviceGetFieldValues")
def field_values(library: Library, gpu: SimulatedGpu, count: Any, values: Any) -> None:
    """Succeeds when any field did; each has its own nvmlReturn."""
    entries, wanted = marshal.target(values), marshal.number(count)
    if wanted <= 0:
        raise Refusal(Code.INVALID_ARGUMENT)
    codes = []
    for place in range(wanted):
        entry = entries[place]
        entry.timestamp, entry.latencyUsec = time.time_ns() // 1000, 1
        entry.nvmlReturn = int(_answer(library, gpu, entry))
        codes.append(entry.nvmlReturn)
    if all(codes):
        raise Refusal(Code(codes[0]))


def _answer(library: Library, gpu: SimulatedGpu, entry: Any) -> Code:
    field = int(entry.fieldId)
    for fault in library.faults_of(gpu, f"field:{field}"):
        if fault.kind in _CODE_OF and fault.symbols:
            return _CODE_OF[fault.kind]
    if field not in _FIELDS or library.branch < _NEWER_FIELDS.get(field, 0):
        return Code.NOT_SUPPORTED
    (value_type, member), reader = _FIELDS[field]
    value = reader(gpu, int(entry.scopeId))
    if value is None:
        return Code.NOT_SUPPORTED
    entry.valueType = value_type
    setattr(entry.value, member, int(value))
    return Code.SUCCESS
