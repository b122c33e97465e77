"""What a GPU draws, how warm it gets and how fast it runs: closed forms, no integration step by step.

* Power: idle draw plus utilization times f * V(f)^2, V rising linearly with the clock.
* Power limit: the highest clock of the table whose draw fits under the enforced limit.
* Temperature: first order towards ambient + R * power. Where that would pass the highest operating
  temperature, the driver holds the GPU there by taking clock away, down to the lowest one.
* The reported draw lags behind the true one, as an average over about a second does.

Between two changes of its inputs a GPU passes through at most a few regimes of constant power, so the
cost does not depend on how much time has passed, and the same inputs give the same values to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, NamedTuple

from esnode.model.boards import Board
from esnode.model.metrics import THROTTLE_REASONS
from esnode.simulator.machine import Step, Workload

IDLE: Final = THROTTLE_REASONS["gpu_idle"]
APPLICATION_CLOCKS: Final = THROTTLE_REASONS["applications_clocks_setting"]
SW_POWER_CAP: Final = THROTTLE_REASONS["sw_power_cap"]
HW_SLOWDOWN: Final = THROTTLE_REASONS["hw_slowdown"]
SW_THERMAL: Final = THROTTLE_REASONS["sw_thermal_slowdown"]
HW_THERMAL: Final = THROTTLE_REASONS["hw_thermal_slowdown"]

_AVERAGING_SECONDS: Final = 0.25  # after one second the average is 98 % there
_SATURATED: Final = 95.0  # from here on work is never done, so a lower clock cannot make it look busier
_HELD_CLOCK_SHARE: Final = 0.08  # of the dynamic power: what a clock that is held up costs while idle
_SETTLED_PERIODS: Final = 12
_NO_TIME: Final = 1e-9
_NO_DIFFERENCE: Final = 1e-6


class Sharing(NamedTuple):
    """How the work is shared by processes, in percent of the SMs.

    `stated` is what all of them say of themselves, `living` that of those that still run, `rest` the part of what
    is left of the workload that is still worked.
    """

    stated: float = 0.0
    living: float = 0.0
    rest: float = 1.0

    def worked(self, utilization: float) -> float:
        """What is left of a workload."""
        return min(100.0, self.living + max(0.0, utilization - self.stated) * self.rest)


class Conditions(NamedTuple):
    """What acts on one GPU: everything but time. `began_at` is when its workload began, in world seconds.

    Locks are (min, max) in MHz of the board's tables. `pinned_utilization` takes the workload's place.
    """

    board: Board
    workload: Workload
    began_at: float
    ambient_celsius: float
    thermal_resistance: float
    limit_watts: float
    graphics_lock: tuple[int, int] | None = None
    memory_lock: tuple[int, int] | None = None
    application_clock_mhz: int | None = None
    pinned_utilization: float | None = None
    sharing: Sharing = Sharing()


class Body(NamedTuple):
    """What a GPU carries from one moment to the next. World seconds, Celsius, watts, joules, seconds."""

    at: float
    temperature: float
    average_watts: float
    joules: float = 0.0
    capped_seconds: float = 0.0
    warm_seconds: float = 0.0
    hot_seconds: float = 0.0


class Operation(NamedTuple):
    """How the GPU runs at one moment. `utilization` in percent at the clock that it really has."""

    sm_mhz: int
    memory_mhz: int
    watts: float
    utilization: float
    reasons: int
    performance_state: int


def step_at(conditions: Conditions, at: float) -> Step:
    """The step of the workload in force at a world time; its utilization is the pinned one, if any.

    Else it is what the processes that still run make of it.
    """
    phase, _turn = _phase(conditions, at)
    found = next(step for step in reversed(conditions.workload.steps) if step.at <= phase)
    pinned = conditions.pinned_utilization
    worked = conditions.sharing.worked(found.utilization) if pinned is None else pinned
    return found if worked == found.utilization else found._replace(utilization=worked)


def _phase(conditions: Conditions, at: float) -> tuple[float, float]:
    """Seconds into the present turn of the workload, and when that turn began after the first one.

    Rounded to microseconds: world times have no finer resolution, and a step must begin when it says.
    """
    elapsed = max(0.0, round(at - conditions.began_at, 6))
    repeat = conditions.workload.repeat
    if not repeat:
        return elapsed, 0.0
    turns = math.floor(round(elapsed / repeat, 9))
    return max(0.0, round(elapsed - turns * repeat, 6)), turns * repeat


def operate(conditions: Conditions, body: Body) -> Operation:
    """How the GPU runs at `body.at`."""
    return _run(conditions, step_at(conditions, body.at), body.temperature)


def settle(conditions: Conditions, at: float) -> Body:
    """A GPU that has long run under the load of that moment."""
    step = step_at(conditions, at)
    ceiling = float(conditions.board.max_operating_celsius)
    free = _run(conditions, step, -math.inf)
    temperature = _warmth(conditions, free.watts)
    if temperature > ceiling:
        floor = _run(conditions, step, math.inf)
        temperature = max(ceiling, _warmth(conditions, floor.watts))
    watts = _run(conditions, step, temperature).watts
    return Body(at=at, temperature=temperature, average_watts=watts)


def advance(conditions: Conditions, body: Body, to: float) -> Body:
    """The same GPU at a later time, its conditions unchanged but for the workload's own steps."""
    if to <= body.at:
        return body
    repeat = conditions.workload.repeat
    periods = int((to - body.at) / repeat) if repeat and conditions.pinned_utilization is None else 0
    if periods > 2 * _SETTLED_PERIODS:
        body = _skip_periods(conditions, body, periods)
    for step, until in _stretches(conditions, body.at, to):
        body = _under_load(conditions, body, step, until)
    return body


def _skip_periods(conditions: Conditions, body: Body, periods: int) -> Body:
    """After some periods each is like the one before: the last one is measured and counted for the rest."""
    repeat = conditions.workload.repeat
    warm = body
    for step, until in _stretches(conditions, body.at, body.at + _SETTLED_PERIODS * repeat):
        warm = _under_load(conditions, warm, step, until)
    again = warm
    for step, until in _stretches(conditions, warm.at, warm.at + repeat):
        again = _under_load(conditions, again, step, until)
    rest = periods - _SETTLED_PERIODS - 1
    return again._replace(
        at=again.at + rest * repeat,
        joules=again.joules + rest * (again.joules - warm.joules),
        capped_seconds=again.capped_seconds + rest * (again.capped_seconds - warm.capped_seconds),
        warm_seconds=again.warm_seconds + rest * (again.warm_seconds - warm.warm_seconds),
        hot_seconds=again.hot_seconds + rest * (again.hot_seconds - warm.hot_seconds),
    )


def _stretches(conditions: Conditions, start: float, end: float) -> Iterator[tuple[Step, float]]:
    """The steps between two times, each with the time at which it ends."""
    workload, at = conditions.workload, start
    while at < end:
        phase, turn = _phase(conditions, at)
        changes = [step.at for step in workload.steps] + ([workload.repeat] if workload.repeat else [])
        following = min((change for change in changes if change > phase), default=math.inf)
        until = min(conditions.began_at + turn + following, end)
        yield step_at(conditions, at), until
        at = until


def _under_load(conditions: Conditions, body: Body, step: Step, until: float) -> Body:
    """Constant load: relax towards a temperature, at most up to the threshold where the regime changes."""
    ceiling = float(conditions.board.max_operating_celsius)
    while until - body.at > _NO_TIME:
        run = _run(conditions, step, body.temperature)
        target = _warmth(conditions, run.watts)
        is_held = bool(run.reasons & SW_THERMAL) and abs(target - ceiling) < _NO_DIFFERENCE
        crossed = None if is_held else _next_threshold(conditions, body.temperature, target)
        turns_at = math.inf
        if crossed is not None:
            ratio = (target - body.temperature) / (target - crossed)
            turns_at = body.at + conditions.board.thermal_seconds * math.log(ratio)
        is_falling = target < body.temperature
        body = _relax(conditions, body, run, target, min(until, turns_at))
        if is_held:
            body = body._replace(temperature=ceiling)
        elif crossed is not None and body.at == turns_at:
            # Exactly at a threshold counts as above it, so a falling temperature is put right below.
            body = body._replace(temperature=math.nextafter(crossed, -math.inf) if is_falling else crossed)
    return body._replace(at=until)


def _next_threshold(conditions: Conditions, temperature: float, target: float) -> float | None:
    """The first temperature on the way at which the GPU begins to run differently."""
    thresholds = (float(conditions.board.max_operating_celsius), float(conditions.board.slowdown_celsius))
    if target > temperature:
        return min((limit for limit in thresholds if temperature < limit < target), default=None)
    return max((limit for limit in thresholds if temperature > limit > target), default=None)


def _relax(conditions: Conditions, body: Body, run: Operation, target: float, end: float) -> Body:
    seconds = max(0.0, end - body.at)
    cooling = math.exp(-seconds / conditions.board.thermal_seconds)
    lag = math.exp(-seconds / _AVERAGING_SECONDS)
    return Body(
        at=max(end, body.at),
        temperature=target + (body.temperature - target) * cooling,
        average_watts=run.watts + (body.average_watts - run.watts) * lag,
        joules=body.joules + run.watts * seconds,
        capped_seconds=body.capped_seconds + (seconds if run.reasons & SW_POWER_CAP else 0.0),
        warm_seconds=body.warm_seconds + (seconds if run.reasons & SW_THERMAL else 0.0),
        hot_seconds=body.hot_seconds + (seconds if run.reasons & HW_THERMAL else 0.0),
    )


def _warmth(conditions: Conditions, watts: float) -> float:
    """The temperature at which that draw settles."""
    return conditions.ambient_celsius + conditions.thermal_resistance * watts


def _run(conditions: Conditions, step: Step, temperature: float) -> Operation:
    """Clock, draw and reasons at a temperature: locks first, then the power limit, then the heat."""
    board = conditions.board
    memory = _memory_clock(conditions, step)
    table = board.graphics_clocks_at(memory) or board.graphics_clocks_mhz
    reasons = IDLE if not step.utilization and conditions.graphics_lock is None else 0
    clock = _wanted_clock(conditions, step, table)
    application = conditions.application_clock_mhz
    if step.utilization and application is not None and clock > application:
        clock, reasons = _highest(table, application), reasons | APPLICATION_CLOCKS
    budget = conditions.limit_watts
    if _draw(board, step, clock, memory) > budget:
        clock, reasons = _fitting(board, step, memory, table, clock, budget), reasons | SW_POWER_CAP
    watts = _draw(board, step, clock, memory)
    if temperature >= board.max_operating_celsius:
        clock, watts, heat = _slow_down(conditions, step, temperature, memory, table, clock, watts)
        reasons |= heat
    if reasons & ~(IDLE | APPLICATION_CLOCKS):
        reasons &= ~IDLE
    return Operation(
        sm_mhz=clock,
        memory_mhz=memory,
        watts=watts,
        utilization=_busy(board, step, clock),
        reasons=reasons,
        performance_state=_performance_state(board, memory),
    )


def _slow_down(
    conditions: Conditions,
    step: Step,
    temperature: float,
    memory: int,
    table: tuple[int, ...],
    clock: int,
    watts: float,
) -> tuple[int, float, int]:
    """At the ceiling the draw is what the cooling takes away; above it the GPU runs at its lowest clock."""
    board = conditions.board
    ceiling = board.max_operating_celsius
    takes_away = max(0.0, (ceiling - conditions.ambient_celsius) / conditions.thermal_resistance)
    if temperature <= ceiling and watts <= takes_away:
        return clock, watts, 0
    lowest = min(clock, table[0])
    floor = _draw(board, step, lowest, memory)
    if temperature <= ceiling and floor <= takes_away:
        return _fitting(board, step, memory, table, clock, takes_away), takes_away, SW_THERMAL
    hot = HW_SLOWDOWN | HW_THERMAL if temperature >= board.slowdown_celsius else 0
    return lowest, floor, SW_THERMAL | hot


def _wanted_clock(conditions: Conditions, step: Step, table: tuple[int, ...]) -> int:
    """What the GPU would run at with power and cooling to spare."""
    board = conditions.board
    wanted = board.max_graphics_mhz if step.utilization else board.idle_sm_mhz
    if conditions.graphics_lock is not None:
        low, high = conditions.graphics_lock
        wanted = min(max(wanted, low), high)
    return min(wanted, table[-1])


def _memory_clock(conditions: Conditions, step: Step) -> int:
    board = conditions.board
    wanted = board.max_memory_mhz
    if not step.utilization and board.idle_memory_mhz is not None:
        wanted = board.idle_memory_mhz
    if conditions.memory_lock is not None:
        low, high = conditions.memory_lock
        wanted = min(max(wanted, low), high)
    return wanted


def _performance_state(board: Board, memory: int) -> int:
    if memory == board.max_memory_mhz:
        return 0
    return 8 if memory < 1000 else 2


def _highest(table: tuple[int, ...], bound: int) -> int:
    return max((clock for clock in table if clock <= bound), default=table[0])


def _fitting(board: Board, step: Step, memory: int, table: tuple[int, ...], clock: int, watts: float) -> int:
    """The highest clock up to `clock` that draws no more than `watts`, else the lowest: draw rises with the clock."""
    low, high = 0, max((index for index, entry in enumerate(table) if entry <= clock), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if _draw(board, step, table[middle], memory) <= watts:
            low = middle
        else:
            high = middle - 1
    return min(table[low], clock)


def _draw(board: Board, step: Step, clock: int, memory: int) -> float:
    """Watts at a clock, whatever the limit."""
    dynamic = max(0.0, board.power.default * step.intensity / 100 - board.idle_watts)
    busy = _busy(board, step, clock) / 100
    memory_part = 0.85 + 0.15 * memory / board.max_memory_mhz
    held = max(0.0, _effort(board, clock) - _effort(board, board.idle_sm_mhz)) * (1 - busy)
    return board.idle_watts + dynamic * (busy * memory_part * _effort(board, clock) + _HELD_CLOCK_SHARE * held)


def _effort(board: Board, clock: int) -> float:
    """f * V^2 in shares of the highest clock, with V = 0.6 + 0.4 f."""
    share = clock / board.max_graphics_mhz
    return share * (0.6 + 0.4 * share) ** 2


def _busy(board: Board, step: Step, clock: int) -> float:
    """Percent of time in which kernels run. A light load looks busier at a low clock."""
    if step.utilization >= _SATURATED:
        return step.utilization
    return min(100.0, step.utilization * board.max_graphics_mhz / clock)
