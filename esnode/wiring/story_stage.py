"""The machine of a story: a simulated one in memory, which shows what the story tells and does nothing outside."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from esnode.engine.telling import Telling
from esnode.errors import EsnodeError, StoryInvalid
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.metrics import METRICS, PROMETHEUS_PREFIX, TOKENS_PER_WATT
from esnode.model.needs import NOTHING_MORE, Needs
from esnode.model.neighbours import Neighbours
from esnode.model.processes import GpuProcess, HostProcess
from esnode.model.readings import NOT_READ, Missing, MissingReason, Reading
from esnode.model.settings import (
    COMPUTE_MODE,
    COMPUTE_MODES,
    GRAPHICS_CLOCK,
    MEMORY_CLOCK,
    PERSISTENCE,
    POWER_LIMIT,
    ClockRange,
    SettingValue,
)
from esnode.model.story import Event, Story
from esnode.records import replace
from esnode.simulator.hand import assign
from esnode.simulator.private import check_hand, private_world
from esnode.simulator.registers import Lock
from esnode.simulator.world import World
from esnode.wiring.machine import Facts, Machine, open_in_memory
from esnode.wiring.story_hands import StoryHands

_SM_CLOCK: Final = "gpu_sm_clock_mhz"
_NO_SENSOR: Final = frozenset({"power_limit_percent", TOKENS_PER_WATT})
"""Metrics of METRICS that no sensor of a simulated board can be held at."""
_ALWAYS_THERE: Final = frozenset({"power_limit_percent", "process_count"})
"""What follows from the settings, and from the processes that a story names."""
_UNTOLD: Final = Missing(missing=MissingReason.NOT_READ, detail="the story does not tell it")


class StoryStage:
    """The machine, at one moment of its story after the other."""

    def __init__(self, story: Story, world: World) -> None:
        self.story = story
        self.world = world
        self.specs = world.registers.state().machine.gpus
        stage = story.stage
        if stage.trace and stage.trace.count > len(self.specs):
            raise StoryInvalid(f"{stage.trace.name} is of {stage.trace.count} GPUs, {self._has()}", ())
        self._check_indexes()
        self._telling = Telling(
            story.events,
            len(self.specs),
            trace=stage.trace,
            stale_after=stage.stale_after,
            captured=_captured(story) if stage.capture else None,
        )
        self._events = list(story.events)
        self._began = world.registers.state().now()
        self._at = 0.0
        self._told: list[dict[str, Reading[float]]] = [{} for _ in self.specs]
        self.hands = StoryHands(story, world)
        self.machine: Machine

    def go_to(self, at: float) -> None:
        """Let time pass up to `at`: other hands act on their way, then every GPU shows what is told of it."""
        while self._events and self._events[0].at <= at + 1e-9:
            event = self._events.pop(0)
            self._wait_until(event.at)
            self._act(event)
        self._wait_until(at)
        self._told = [self._telling.at(gpu, at) for gpu in range(len(self.specs))]
        self._pin()

    def settings(self) -> Mapping[int, Mapping[str, SettingValue]]:
        """What every GPU really has, clock locks included, past its driver."""
        state = self.world.registers.state()
        made: dict[int, dict[str, SettingValue]] = {}
        for index, spec in enumerate(self.specs):
            gpu = state.gpus[spec.uuid]
            made[index] = {
                POWER_LIMIT: state.requested_mw(spec) / 1000,
                GRAPHICS_CLOCK: _range(gpu.graphics_lock),
                MEMORY_CLOCK: _range(gpu.memory_lock),
                PERSISTENCE: gpu.persistence,
                COMPUTE_MODE: COMPUTE_MODES[gpu.compute_mode],
            }
        return made

    def observe(self, needs: Needs) -> Observation:
        """What the driver shows, with what is told that no driver knows. No endpoint is asked."""
        seen = self.machine.observe(NOTHING_MORE)
        return replace(seen, gpus=tuple(self._as_told(gpu, needs) for gpu in seen.gpus))

    def meet(self, seen: Observation, needs: Needs) -> Neighbours:
        """The processes that the story names, and its pods. Nobody on this host is looked up."""
        found = self.machine.meet(seen, replace(NOTHING_MORE, processes=needs.processes))
        processes = {uuid: self._with_host(uuid, listed) for uuid, listed in found.processes.items()}
        return Neighbours(processes=processes, cluster=self.hands.node if needs.cluster else NOT_READ)

    # -- time ------------------------------------------------------------------------------------

    def _wait_until(self, at: float) -> None:
        if at > self._at:
            with self.world.registers.changing() as state:
                state.set_clock(self._began + at, 0.0)
            self._at = at

    def _act(self, event: Event) -> None:
        for value in (*event.hand.values(), *event.world.values()):
            check_hand(value)
        try:
            if event.world:
                assign(self.world.registers, None, event.world)
            if event.hand:
                for gpu in event.gpus or ("all",):
                    assign(self.world.registers, gpu, event.hand)
        except EsnodeError as failure:
            failure.summary = f"{self.story.stage.path}:{event.line}: {failure.summary}"
            raise

    def _pin(self) -> None:
        """Hold sensors at what is told, where that changed since the last look."""
        state = self.world.registers.state()
        wanted = [
            {name: value for name, value in told.items() if _is_sensor(name) and not isinstance(value, Missing)}
            for told in self._told
        ]
        for pins, spec in zip(wanted, self.specs, strict=True):
            lock = state.gpus[spec.uuid].graphics_lock
            if lock and _SM_CLOCK in pins:
                # A recording knows nothing of a lock that this story sets; the hardware would keep to it.
                pins[_SM_CLOCK] = min(max(pins[_SM_CLOCK], lock[0]), lock[1])
        if all(state.gpus[spec.uuid].pins == pins for pins, spec in zip(wanted, self.specs, strict=True)):
            return
        with self.world.registers.changing() as state:
            for pins, spec in zip(wanted, self.specs, strict=True):
                state.gpus[spec.uuid].pins = dict(pins)

    # -- what is seen ----------------------------------------------------------------------------

    def _as_told(self, gpu: ObservedGpu, needs: Needs) -> ObservedGpu:
        told = self._told[gpu.identity.index]
        metrics = dict(gpu.metrics)
        if not self.story.stage.has_physics:
            metrics |= dict.fromkeys(METRICS.keys() - told.keys() - _ALWAYS_THERE, _UNTOLD)
        elif needs.serving:
            metrics[TOKENS_PER_WATT] = _UNTOLD
        metrics |= {PROMETHEUS_PREFIX + query: _UNTOLD for query in needs.queries}
        metrics |= {name: value for name, value in told.items() if not _is_sensor(name) or isinstance(value, Missing)}
        return replace(gpu, metrics=metrics)

    def _with_host(self, uuid: str, listed: Reading[tuple[GpuProcess, ...]]) -> Reading[tuple[GpuProcess, ...]]:
        if isinstance(listed, Missing):
            return listed
        state = self.world.registers.state()
        names = {process.pid: process.name for process in state.processes_of(state.machine.spec(uuid))}
        began = self.world.clock.now().at
        return tuple(
            replace(
                process,
                host=HostProcess(
                    pid=process.pid,
                    started=float(process.pid),
                    started_at=began,
                    name=names.get(process.pid, "python"),
                    user="story",
                    command=names.get(process.pid, "python"),
                ),
            )
            for process in listed
        )

    def _check_indexes(self) -> None:
        """What the reader could not know: how many GPUs a world or a capture has."""
        named = [(event.line, gpu) for event in self.story.events for gpu in event.gpus]
        named += [(one.line, gpu) for one in self.story.expectations for gpu in one.wanted.about.gpus]
        for line, gpu in named:
            if gpu >= len(self.specs):
                raise StoryInvalid(f"line {line}: there is no GPU {gpu}, {self._has()}", ())

    def _has(self) -> str:
        return f"the machine has {len(self.specs)}"


@contextlib.contextmanager
def open_stage(story: Story) -> Iterator[StoryStage]:
    """The machine of a story, before its first moment. Raises WorldInvalid, CaptureInvalid and StoryInvalid."""
    world = private_world(story.stage.manifest, Path(story.stage.path))
    stage = StoryStage(story, world)
    given = Facts(tags=story.tags, labels=story.labels, node_file=story.node_file)
    with open_in_memory(world, given) as machine:
        stage.machine = machine
        yield stage


def acting(stage: StoryStage) -> Machine:
    """The machine as looks and applies see it."""
    return replace(stage.machine, observe=stage.observe, meet=stage.meet, hands=lambda _tell, _should_stop: stage.hands)


def _captured(story: Story) -> dict[int, Mapping[str, Reading[float]]]:
    from esnode.sensors.captures import read_capture

    seen: Sequence[ObservedGpu] = read_capture(Path(story.stage.capture)).gpus
    return {
        gpu.identity.index: {name: value for name, value in gpu.metrics.items() if _is_sensor(name)} for gpu in seen
    }


def _is_sensor(name: str) -> bool:
    """Whether a simulated board can be held at the metric; what is not must be told past its driver."""
    return name in METRICS and name not in _NO_SENSOR and not METRICS[name].loop_only


def _range(lock: Lock | None) -> ClockRange | None:
    return None if lock is None else ClockRange(min=lock[0], max=lock[1])
