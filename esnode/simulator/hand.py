"""The foreign hand: changes to a simulated machine that no client of its driver made.

A setting written here is written as another program would have written it: rounded to what the hardware can
do, refused where the hardware would refuse. A sensor written here is pinned: it shows that value, whatever
physics says, until it is set to `auto`. The utilization and memory that are pinned are really worked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from esnode.errors import BadValue, WorldInvalid
from esnode.model.metrics import METRICS
from esnode.model.settings import COMPUTE_MODE, COMPUTE_MODES, GRAPHICS_CLOCK, MEMORY_CLOCK, PERSISTENCE, POWER_LIMIT
from esnode.simulator import clients
from esnode.simulator.calls.setters import snap
from esnode.simulator.faults import parse_faults
from esnode.simulator.living import birth_of, name_of
from esnode.simulator.machine import GpuSpec, SimulatedProcess
from esnode.simulator.manifest import FIRST_UNREAL_PID, PROCESS_TYPES
from esnode.simulator.nodes import did_you_mean
from esnode.simulator.registers import GpuState, Lock, MachineState, Registers
from esnode.simulator.symbols import known_symbols
from esnode.units import format_number, parse_duration

Change = Callable[[MachineState], None]
GpuChange = Callable[[GpuState], None]
GpuParser = Callable[[str, GpuSpec], GpuChange]

_WORLD: Final = "world"
_SWITCHES: Final = {"on": True, "off": False, "true": True, "false": False, "1": True, "0": False}
_NOT_PINNED: Final = {
    "power_limit_percent": "Set power_limit_watts.",
    "tokens_per_watt": "It does not come from the driver.",
    "xid_error": "",
}


def assign(registers: Registers, target: str | int | None, assignments: Mapping[str, str]) -> None:
    """Carry out every assignment, or none when one of them is wrong.

    `target` is None or "world", an index, "all" or a UUID (or the beginning of one). Raises BadValue and
    WorldInvalid, naming what would have been known.
    """
    state = registers.state()
    if target is None or target == _WORLD:
        changes = [_world_change(name, value) for name, value in assignments.items()]
    else:
        specs = _targets(state, str(target))
        changes = [_gpu_change(spec, name, value) for spec in specs for name, value in assignments.items()]
    with registers.changing() as changed:
        for change in changes:
            change(changed)


def _targets(state: MachineState, target: str) -> list[GpuSpec]:
    gpus = list(state.machine.gpus)
    if target == "all":
        return gpus
    if target.isdigit():
        if int(target) < len(gpus):
            return [gpus[int(target)]]
        raise WorldInvalid(f"There is no GPU {target}", next_step=f"This machine has GPUs 0 to {len(gpus) - 1}.")
    found = [gpu for gpu in gpus if gpu.uuid == target] or [gpu for gpu in gpus if gpu.uuid.startswith(target)]
    if len(found) == 1 and target.startswith("GPU-"):
        return found
    problem = (
        "is the beginning of several UUIDs" if found and target.startswith("GPU-") else "is no GPU of this machine"
    )
    raise WorldInvalid(f'"{target}" {problem}', next_step='Name a GPU by index or UUID, or say "all" or "world".')


# -- the machine ---------------------------------------------------------------------------------


def _world_change(name: str, value: str) -> Change:
    if name not in _WORLD_PARSERS:
        if name in GPU_NAMES:
            raise BadValue(f'"{name}" is a GPU\'s', next_step=f"Say which: `set 0 {name}={value}`, or `set all`.")
        raise BadValue(f'a simulated machine has no "{name}"', next_step=did_you_mean(name, _WORLD_PARSERS))
    return _WORLD_PARSERS[name](value)


def _clock(value: str) -> Change:
    seconds = parse_duration(value.removeprefix("+"))
    return lambda state: state.set_clock(state.now() + seconds, state.speed)


def _speed(value: str) -> Change:
    speed = _number("speed", value, 0, 100_000)
    return lambda state: state.set_clock(state.now(), speed)


def _ambient(value: str) -> Change:
    celsius = _number("ambient_celsius", value, -40, 70, unit="C")

    def change(state: MachineState) -> None:
        state.ambient_celsius = celsius

    return change


def _word(name: str, wanted: tuple[str, ...], action: Change) -> Callable[[str], Change]:
    def parse(value: str) -> Change:
        if value not in wanted:
            raise BadValue(f'"{value}" is not a value of {name}', next_step=f"Write {name}={wanted[0]}.")
        return action

    return parse


def _reset_all(state: MachineState) -> None:
    for gpu in state.gpus.values():
        gpu.start_anew()


_WORLD_PARSERS: Final[Mapping[str, Callable[[str], Change]]] = {
    "clock": _clock,
    "speed": _speed,
    "ambient_celsius": _ambient,
    "driver": _word("driver", ("restart",), clients.restart_driver),
    "boot": _word("boot", ("new",), clients.boot),
    "reset": _word("reset", ("gpus", "now", ""), _reset_all),
}

WORLD_NAMES: Final = tuple(_WORLD_PARSERS)


# -- one GPU -------------------------------------------------------------------------------------


def _gpu_change(spec: GpuSpec, name: str, value: str) -> Change:
    parser = _gpu_parser(name)
    change = parser(value.strip(), spec)
    return lambda state: change(state.gpus[spec.uuid])


def _gpu_parser(name: str) -> GpuParser:
    if name in _GPU_PARSERS:
        return _GPU_PARSERS[name]
    if name in _NOT_PINNED:
        raise BadValue(f'"{name}" cannot be set on a simulated GPU', next_step=_NOT_PINNED[name])
    if name in METRICS:
        return lambda value, _spec: _pin(name, value)
    if name in _WORLD_PARSERS:
        raise BadValue(f"\"{name}\" is the machine's, not a GPU's", next_step=f"Write `set world {name}=...`.")
    raise BadValue(f'a simulated GPU has no "{name}"', next_step=did_you_mean(name, GPU_NAMES))


def _set(**values: object) -> GpuChange:
    def change(gpu: GpuState) -> None:
        for name, value in values.items():
            setattr(gpu, name, value)

    return change


def _power_limit(value: str, spec: GpuSpec) -> GpuChange:
    power = spec.board.power
    if value in ("default", "auto", "none"):
        return _set(power_limit_mw=None)
    watts = _number(POWER_LIMIT, value, power.min, power.max, unit="W")
    return _set(power_limit_mw=round(watts * 1000))


def _out_of_band(value: str, _spec: GpuSpec) -> GpuChange:
    if value in ("none", "auto"):
        return _set(out_of_band_mw=None)
    return _set(out_of_band_mw=round(_number("out_of_band_limit_watts", value, 1, 10_000, unit="W") * 1000))


def _graphics_lock(value: str, spec: GpuSpec) -> GpuChange:
    return _set(graphics_lock=_lock(GRAPHICS_CLOCK, value, spec.board.graphics_clocks_mhz))


def _memory_lock(value: str, spec: GpuSpec) -> GpuChange:
    if not spec.board.has_memory_lock:
        raise BadValue(f"a {spec.board.key} cannot lock its memory clock")
    return _set(memory_lock=_lock(MEMORY_CLOCK, value, spec.board.memory_clocks_mhz))


def _lock(name: str, value: str, table: tuple[int, ...]) -> Lock | None:
    """`345`, `345-1980` or `none`; snapped to the table as the driver does."""
    if value in ("none", "auto"):
        return None
    low, _, high = value.removesuffix("MHz").strip().partition("-")
    ends = [int(_number(name, end.strip(), 1, 100_000)) for end in (low, high or low)]
    if ends[0] > ends[1]:
        raise BadValue(f"{name}={value}: the lower end is above the upper one")
    return snap(ends[0], table), snap(ends[1], table)


def _persistence(value: str, _spec: GpuSpec) -> GpuChange:
    return _set(persistence=_switch(PERSISTENCE, value))


def _compute_mode(value: str, _spec: GpuSpec) -> GpuChange:
    if value not in COMPUTE_MODES:
        raise BadValue(f'"{value}" is not a compute mode', next_step=did_you_mean(value, COMPUTE_MODES))
    return _set(compute_mode=COMPUTE_MODES.index(value))


def _ecc_mode(value: str, spec: GpuSpec) -> GpuChange:
    if not spec.board.has_ecc:
        raise BadValue(f"a {spec.board.key} has no ECC")
    return _set(ecc_pending=_switch("ecc_mode", value))


def _mig_mode(value: str, spec: GpuSpec) -> GpuChange:
    if not spec.board.has_mig:
        raise BadValue(f"a {spec.board.key} has no MIG")
    wanted = _switch("mig_mode", value)

    def change(gpu: GpuState) -> None:
        gpu.mig_pending = wanted
        if gpu.mig_current != wanted:
            gpu.start_anew()

    return change


def _gpu_ambient(value: str, _spec: GpuSpec) -> GpuChange:
    if value == "auto":
        return _set(ambient_celsius=None)
    return _set(ambient_celsius=_number("ambient_celsius", value, -40, 70, unit="C"))


def _resistance(value: str, _spec: GpuSpec) -> GpuChange:
    if value == "auto":
        return _set(thermal_resistance=None)
    return _set(thermal_resistance=_number("thermal_resistance", value, 0.001, 10))


def _fault(value: str, _spec: GpuSpec) -> GpuChange:
    faults = parse_faults(value, known_symbols())

    def change(gpu: GpuState) -> None:
        gpu.faults = list(faults)

    return change


def _xid(value: str, _spec: GpuSpec) -> GpuChange:
    code = int(_number("xid_error", value, 1, 1000))

    def change(gpu: GpuState) -> None:
        gpu.xids.append(code)

    return change


def _reset(value: str, _spec: GpuSpec) -> GpuChange:
    if value not in ("gpu", "now", ""):
        raise BadValue(f'"{value}" is not a value of reset', next_step="Write reset=now.")
    return GpuState.start_anew


def _pin(name: str, value: str) -> GpuChange:
    if value == "auto":
        return _unpin(name)
    row = METRICS[name]
    lowest = -60.0 if row.unit == "C" else 0.0
    number = _number(name, value, lowest, min(row.highest, 1e9), unit=row.unit)

    def change(gpu: GpuState) -> None:
        gpu.pins[name] = number

    return change


def _unpin(name: str) -> GpuChange:
    def change(gpu: GpuState) -> None:
        gpu.pins.pop(name, None)

    return change


def _processes(value: str, spec: GpuSpec) -> GpuChange:
    """`none`, `auto` (those of the world file), or a list; `+PID:...` adds to those that are there, `-PID` removes."""
    if value in ("none", "auto"):
        return _set(processes=[] if value == "none" else None, ended=[])
    parts = [part.strip() for part in value.split(",")]
    removed = [int(_number("processes", part[1:], 1, 2**31)) for part in parts if part.startswith("-")]
    added = [_process(part.removeprefix("+")) for part in parts if not part.startswith("-")]
    replaces = not any(part[:1] in ("+", "-") for part in parts)

    def change(gpu: GpuState) -> None:
        there = list(spec.processes) if gpu.processes is None else gpu.processes
        others = {*removed, *(process.pid for process in added)}
        kept = [] if replaces else [process for process in there if process.pid not in others]
        gpu.processes = [*kept, *added]
        gpu.ended = [key for key in gpu.ended if key in {process.key for process in kept}]

    return change


def _process(text: str) -> SimulatedProcess:
    """`PID[:MEMORY_MIB[:SM_PERCENT[:compute|graphics|mps]]]`; a part that is empty is not said."""
    pid_text, memory, work, kind, *more = [part.strip() for part in text.split(":")] + [""] * 3
    if any(more) or kind not in ("", *PROCESS_TYPES):
        raise BadValue(f'"{text}" is not a process', next_step="Write PID:MEMORY_MIB:SM_PERCENT:compute|graphics|mps.")
    pid = int(_number("processes", pid_text, 1, 2**31 - 1))
    is_real = pid < FIRST_UNREAL_PID
    birth = birth_of(pid) if is_real else ""
    if is_real and not birth:
        raise BadValue(f"there is no process {pid} on this host", next_step="Name one that runs: see `ps -e`.")
    return SimulatedProcess(
        pid=pid,
        name=name_of(pid) if is_real else "python",
        memory_mib=int(_number("processes", memory, 0, 10_000_000, unit="MiB")) if memory else None,
        sm_utilization=_number("processes", work, 0, 100, unit="%") if work else None,
        is_graphics=kind == "graphics",
        is_mps=kind == "mps",
        is_real=is_real,
        birth=birth,
    )


_GPU_PARSERS: Final[Mapping[str, GpuParser]] = {
    POWER_LIMIT: _power_limit,
    GRAPHICS_CLOCK: _graphics_lock,
    MEMORY_CLOCK: _memory_lock,
    PERSISTENCE: _persistence,
    COMPUTE_MODE: _compute_mode,
    "out_of_band_limit_watts": _out_of_band,
    "ecc_mode": _ecc_mode,
    "mig_mode": _mig_mode,
    "ambient_celsius": _gpu_ambient,
    "thermal_resistance": _resistance,
    "fault": _fault,
    "xid_error": _xid,
    "processes": _processes,
    "reset": _reset,
}

GPU_NAMES: Final = (*_GPU_PARSERS, *(name for name in METRICS if name not in _NOT_PINNED))


# -- values --------------------------------------------------------------------------------------


def _number(name: str, value: str, low: float, high: float, *, unit: str = "") -> float:
    try:
        number = float(value.removesuffix(unit).strip() if unit else value)
    except ValueError:
        raise BadValue(f'{name}: "{value}" is not a number') from None
    if not low <= number <= high:
        limits = f"between {format_number(low)} and {format_number(high)}"
        raise BadValue(f"{name}: {value} is not {limits} {unit}".rstrip(), next_step=f"Write a number {limits}.")
    return number


def _switch(name: str, value: str) -> bool:
    if value not in _SWITCHES:
        raise BadValue(f'{name}: "{value}" is neither on nor off', next_step=f"Write {name}=on or {name}=off.")
    return _SWITCHES[value]
