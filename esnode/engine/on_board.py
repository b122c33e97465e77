"""Whether a profile's values work on a board of the catalogue: judged without one, by published figures."""

from __future__ import annotations

from collections.abc import Iterator

from esnode.diagnostics import Diagnostic, error, warning
from esnode.engine.fit import fit
from esnode.engine.select import select
from esnode.model.board_judgement import BoardJudgement
from esnode.model.boards import Board
from esnode.model.hardware import (
    GpuIdentity,
    Limits,
    MachineIdKind,
    Node,
    NodeIdentity,
    ObservedGpu,
    Session,
)
from esnode.model.profile import LockClock, Path, Policy, Profile, Selector, ThrottlePower
from esnode.model.readings import NOT_READ
from esnode.model.settings import GRAPHICS_CLOCK, MEMORY_CLOCK, POWER_LIMIT, SETTINGS, ClockRange, Percent
from esnode.model.verdict import Match
from esnode.records import dataclass, replace
from esnode.units import format_number

TEMPERATURE, POWER = "gpu_temp_celsius", "gpu_power_watts"
_WATTS = SETTINGS[POWER_LIMIT].show


def judge_on_board(profile: Profile, board: Board) -> BoardJudgement:
    """What would become of a profile on a board. Pure."""
    gpu = _as_observed(board)
    known = {key: patterns for key, patterns in profile.selector.tags.items() if key in gpu.tags}
    chosen = select(replace(profile, selector=Selector(tags=known)), gpu, _NOWHERE)
    if chosen.match is Match.NOT_SELECTED:
        return BoardJudgement(profile=profile.name, board=board.key, other="; ".join(chosen.reasons))
    selector = profile.selector
    assumed = (*(key for key in selector.tags if key not in known), *selector.labels)
    problems = [_diagnostic(profile, board, finding) for finding in _findings(profile, board, gpu)]
    return BoardJudgement(profile=profile.name, board=board.key, assumed=assumed, problems=tuple(problems))


_NOWHERE = Node(
    identity=NodeIdentity(machine_id="", machine_id_kind=MachineIdKind.CAPTURE, hostname=""),
    boot_id="",
    driver_version=NOT_READ,
    cuda_version=NOT_READ,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    path: Path
    summary: str
    detail: str = ""
    is_note: bool = False


def _as_observed(board: Board) -> ObservedGpu:
    identity = GpuIdentity(uuid="", index=0, name=board.nvml_name, model=board.model, pci_bus_id="")
    limits = Limits(
        power_min_watts=board.power.min,
        power_default_watts=board.power.default,
        power_max_watts=board.power.max,
        graphics_clocks_mhz=board.graphics_clocks_mhz,
        memory_clocks_mhz=board.memory_clocks_mhz,
    )
    tags = {
        "gpu_model": board.model,
        "gpu_name": board.nvml_name,
        "vram_size": f"{board.vram_gb}GB",
        "architecture": board.architecture,
    }
    return ObservedGpu(identity=identity, session=Session(boot_id="", epoch=0), tags=tags, limits=limits)


def _findings(profile: Profile, board: Board, gpu: ObservedGpu) -> Iterator[_Finding]:
    yield from _settings(profile, board, gpu)
    for index, policy in enumerate(profile.policies):
        path: Path = ("policies", index)
        yield from _condition(path, policy, board)
        match policy.action:
            case ThrottlePower():
                yield from _throttle((*path, "action", "parameters"), policy.action, profile, board)
            case LockClock(frequency_mhz=clock):
                wanted = ClockRange(min=round(clock), max=round(clock))
                note = fit(SETTINGS[GRAPHICS_CLOCK], wanted, gpu).note
                if note:
                    yield _Finding(path=(*path, "action", "parameters", "frequency_mhz"), summary=note, is_note=True)


def _settings(profile: Profile, board: Board, gpu: ObservedGpu) -> Iterator[_Finding]:
    for name, wanted in profile.settings.items():
        path: Path = ("settings", name)
        if name == MEMORY_CLOCK and not board.has_memory_lock:
            detail = "Leave memory_clock_mhz out for this board."
            yield _Finding(path=path, summary="this board cannot lock its memory clock", detail=detail)
            continue
        fitted = fit(SETTINGS[name], wanted, gpu)
        if fitted.note and name == POWER_LIMIT:
            detail = f"Its limits are {_WATTS(board.power.min)} to {_WATTS(board.power.max)}."
            yield _Finding(path=path, summary=fitted.note, detail=detail)
        elif fitted.note:
            yield _Finding(path=path, summary=fitted.note, is_note=True)
        elif isinstance(wanted, Percent) and isinstance(fitted.value, float):
            yield _Finding(path=path, summary=f"{wanted} of the default is {_WATTS(fitted.value)}", is_note=True)


def _throttle(path: Path, action: ThrottlePower, profile: Profile, board: Board) -> Iterator[_Finding]:
    power, floor = board.power, action.min_watts
    base = _base_watts(profile, board)
    if floor >= base:
        summary = f"min_watts {_WATTS(floor)} leaves nothing to throttle: this board begins at {_WATTS(base)}"
        detail = f"Write a floor between {_WATTS(power.min)} and {_WATTS(base)}."
        yield _Finding(path=(*path, "min_watts"), summary=summary, detail=detail)
    elif floor < power.min:
        summary = f"min_watts {_WATTS(floor)} is below this board's minimum; the floor is {_WATTS(power.min)}"
        yield _Finding(path=(*path, "min_watts"), summary=summary, is_note=True)
    room = base - max(floor, power.min)
    if floor < base and action.step_watts >= room:
        summary = f"step_watts {_WATTS(action.step_watts)} goes from {_WATTS(base)} to the floor in one step"
        yield _Finding(path=(*path, "step_watts"), summary=summary, is_note=True)


def _base_watts(profile: Profile, board: Board) -> float:
    """The limit that throttling begins at: the profile's own, else the board's default."""
    power = board.power
    match profile.settings.get(POWER_LIMIT):
        case Percent(percent=share):
            wanted = power.default * share / 100
        case float() | int() as watts:
            wanted = float(watts)
        case _:
            wanted = power.default
    return min(max(wanted, power.min), power.max)


def _condition(path: Path, policy: Policy, board: Board) -> Iterator[_Finding]:
    missing = _unmeasured(policy.target, board)
    if missing:
        summary = f"{policy.target} is not measured on this board: {missing}"
        yield _Finding(path=(*path, "target"), summary=summary, detail="The policy would stay UNKNOWN.")
    condition = policy.condition
    if not condition.op.is_upper:
        return
    at = (*path, "condition")
    limit = format_number(condition.limit)
    if policy.target == TEMPERATURE and condition.limit >= board.shutdown_celsius:
        summary = f"{limit} C is never seen: this board shuts down at {board.shutdown_celsius} C"
        yield _Finding(path=at, summary=summary, detail=_slows(board))
    elif policy.target == TEMPERATURE and condition.limit >= board.max_operating_celsius:
        summary = f"at {limit} C the hardware slows down by itself, so the policy comes too late"
        # To alert, to end the cause or to move away is for just that moment; to slow down then is not.
        is_note = condition.limit < board.slowdown_celsius or not isinstance(policy.action, ThrottlePower | LockClock)
        yield _Finding(path=at, summary=summary, detail=_slows(board), is_note=is_note)
    elif policy.target == POWER and condition.limit >= board.power.max:
        summary = f"{limit} W is never drawn: the highest power limit is {_WATTS(board.power.max)}"
        yield _Finding(path=at, summary=summary, is_note=True)


def _slows(board: Board) -> str:
    return (
        f"It slows down from {board.max_operating_celsius} C on, hard at {board.slowdown_celsius} C. "
        "Write a lower limit."
    )


def _unmeasured(target: str, board: Board) -> str:
    if target == "gpu_memory_temp_celsius" and board.memory_above_gpu_celsius is None:
        return "it has no memory temperature sensor"
    if target == "ecc_uncorrected_errors" and not board.has_ecc:
        return "it has no ECC"
    if target == "gpu_temp_margin_celsius" and not board.reports_margins:
        return "it shows thresholds as temperatures"
    return ""


def _diagnostic(profile: Profile, board: Board, finding: _Finding) -> Diagnostic:
    make = warning if finding.is_note else error
    summary = f"{board.key}: {finding.summary}"
    return make(summary, finding.detail, range=profile.range(*finding.path))
