"""Calls that read clocks, the tables they are from and the reasons for what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from esnode.model.metrics import THROTTLE_REASONS
from esnode.simulator import marshal
from esnode.simulator.codes import Code, Refusal
from esnode.simulator.gpu import SimulatedGpu
from esnode.simulator.marshal import require
from esnode.simulator.symbols import call

if TYPE_CHECKING:
    from esnode.simulator.library import Library

_TEXT_V1: Final = 0x0100_0804
_CLOCK_OFFSET_V1: Final = 0x0100_0018
_GRAPHICS, _SM, _MEMORY, _VIDEO = range(4)
_CURRENT, _TARGET, _DEFAULT, _BOOST_MAX = range(4)
_UNKNOWN_STATE: Final = 32


def _clock_now(gpu: SimulatedGpu, kind: int) -> int:
    clocks = {_GRAPHICS: gpu.sm_clock, _SM: gpu.sm_clock, _MEMORY: gpu.memory_clock, _VIDEO: gpu.video_clock}
    if kind not in clocks:
        raise Refusal(Code.INVALID_ARGUMENT)
    return clocks[kind]


def _clock_max(gpu: SimulatedGpu, kind: int) -> int:
    highest = gpu.board.max_graphics_mhz
    clocks = {
        _GRAPHICS: highest,
        _SM: highest,
        _MEMORY: gpu.board.max_memory_mhz,
        _VIDEO: gpu.board.video_clocks_mhz[1],
    }
    if kind not in clocks:
        raise Refusal(Code.INVALID_ARGUMENT)
    return clocks[kind]


def _application_clock(library: Library, gpu: SimulatedGpu, kind: int, *, is_default: bool) -> int:
    if library.branch >= 595:
        raise Refusal(Code.DEPRECATED)
    require(gpu.board.has_ecc and kind in (_GRAPHICS, _SM, _MEMORY))
    default = (gpu.board.max_memory_mhz, gpu.board.application_clock_mhz or gpu.board.max_graphics_mhz)
    pair = default if is_default else gpu.state.application_clocks or default
    return pair[0] if kind == _MEMORY else pair[1]


@call("nvmlDeviceGetClockInfo")
def clock(_library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _clock_now(gpu, marshal.number(kind)))


@call("nvmlDeviceGetMaxClockInfo")
def max_clock(_library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _clock_max(gpu, marshal.number(kind)))


@call("nvmlDeviceGetMaxCustomerBoostClock")
def boost_clock(_library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    require(marshal.number(kind) in (_GRAPHICS, _SM) and gpu.board.has_ecc)
    marshal.put(megahertz, gpu.board.max_graphics_mhz)


@call("nvmlDeviceGetClock")
def clock_by_id(library: Library, gpu: SimulatedGpu, kind: Any, which: Any, megahertz: Any) -> None:
    wanted, asked = marshal.number(kind), marshal.number(which)
    if asked == _CURRENT:
        value = _clock_now(gpu, wanted)
    elif asked in (_TARGET, _DEFAULT):
        value = _application_clock(library, gpu, wanted, is_default=asked == _DEFAULT)
    elif asked == _BOOST_MAX:
        require(wanted in (_GRAPHICS, _SM))
        value = gpu.board.max_graphics_mhz
    else:
        raise Refusal(Code.INVALID_ARGUMENT)
    marshal.put(megahertz, value)


@call("nvmlDeviceGetApplicationsClock", deprecated_from=595)
def application_clock(library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _application_clock(library, gpu, marshal.number(kind), is_default=False))


@call("nvmlDeviceGetDefaultApplicationsClock", deprecated_from=595)
def default_application_clock(library: Library, gpu: SimulatedGpu, kind: Any, megahertz: Any) -> None:
    marshal.put(megahertz, _application_clock(library, gpu, marshal.number(kind), is_default=True))


@call("nvmlDeviceGetSupportedMemoryClocks")
def memory_clocks(_library: Library, gpu: SimulatedGpu, count: Any, clocks: Any) -> None:
    marshal.put_list(count, clocks, gpu.board.memory_clocks_mhz[::-1])


@call("nvmlDeviceGetSupportedGraphicsClocks")
def graphics_clocks(_library: Library, gpu: SimulatedGpu, memory_mhz: Any, count: Any, clocks: Any) -> None:
    table = gpu.board.graphics_clocks_at(marshal.number(memory_mhz))
    if not table:
        raise Refusal(Code.NOT_FOUND)
    marshal.put_list(count, clocks, table[::-1])


@call("nvmlDeviceGetMinMaxClockOfPState")
def clocks_of_state(_library: Library, gpu: SimulatedGpu, kind: Any, _state: Any, low: Any, high: Any) -> None:
    wanted = marshal.number(kind)
    table = gpu.board.memory_clocks_mhz if wanted == _MEMORY else gpu.board.graphics_clocks_mhz
    marshal.put(low, table[0])
    marshal.put(high, _clock_max(gpu, wanted))


@call("nvmlDeviceGetCurrentClockFreqs")
def clock_text(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    """The envelope of the P-state and the clocks of now. Whether a lock would show is not known: here it does not."""
    asked = marshal.check_version(info, _TEXT_V1)
    asked.str = _clock_tokens(gpu, f"perf={gpu.operation.performance_state}, ").encode()


@call("nvmlDeviceGetPerformanceModes")
def performance_modes(_library: Library, gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _TEXT_V1)
    asked.str = f"perf=0, {_clock_tokens(gpu, '')}".encode()


def _clock_tokens(gpu: SimulatedGpu, prefix: str) -> str:
    low, high = gpu.board.graphics_clocks_mhz[0], gpu.board.max_graphics_mhz
    memory_low, memory_high = gpu.board.memory_clocks_mhz[0], gpu.board.max_memory_mhz
    return (
        f"{prefix}nvclock={gpu.sm_clock}, nvclockmin={low}, nvclockmax={high}, nvclockeditable=0, "
        f"memclock={gpu.memory_clock}, memclockmin={memory_low}, memclockmax={memory_high}, memclockeditable=0"
    )


@call("nvmlDeviceGetClockOffsets")
def clock_offsets(_library: Library, _gpu: SimulatedGpu, info: Any) -> None:
    asked = marshal.check_version(info, _CLOCK_OFFSET_V1)
    asked.clockOffsetMHz, asked.minClockOffsetMHz, asked.maxClockOffsetMHz = 0, -1000, 1000


@call("nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetCurrentClocksThrottleReasons")
def reasons(_library: Library, gpu: SimulatedGpu, mask: Any) -> None:
    marshal.put(mask, gpu.reasons)


@call("nvmlDeviceGetSupportedClocksEventReasons", "nvmlDeviceGetSupportedClocksThrottleReasons")
def known_reasons(_library: Library, _gpu: SimulatedGpu, mask: Any) -> None:
    marshal.put(mask, sum(THROTTLE_REASONS.values()))


@call("nvmlDeviceGetPowerState", deprecated_from=595)
@call("nvmlDeviceGetPerformanceState")
def performance_state(_library: Library, gpu: SimulatedGpu, state: Any) -> None:
    marshal.put(state, gpu.operation.performance_state)


@call("nvmlDeviceGetSupportedPerformanceStates")
def performance_states(_library: Library, gpu: SimulatedGpu, states: Any, size: Any) -> None:
    known = [0] if len(gpu.board.memory_clocks_mhz) == 1 else [0, 2, 8]
    array = marshal.target(states)
    for place in range(marshal.number(size) // 4):
        array[place] = known[place] if place < len(known) else _UNKNOWN_STATE
