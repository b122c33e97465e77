"""A machine of values: what apply writes to it is what the next observation shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esnode.engine.apply import Surroundings, apply_plan
from esnode.engine.preflight import Expectations, check_plan, check_world
from esnode.engine.recover import recover
from esnode.engine.sessions import settle
from esnode.errors import EsnodeError, NotPermitted, StateUnwritable
from esnode.model.audit import AuditEntry
from esnode.model.hardware import Moment, Observation, ObservedGpu
from esnode.model.plan import Plan
from esnode.model.readings import WRITE_ONLY, Reading
from esnode.model.report import ApplyReport
from esnode.model.settings import SETTINGS, ReadableValue, SettingValue
from esnode.model.state import State
from esnode.model.writes import Write, Written
from esnode.records import replace
from esnode.storage.states import with_observation
from tests.builders import BOOT, a_gpu, a_moment, a_state, an_observation, planned
from tests.unit.engine.neighbourhood import Neighbourhood


class FakeMachine:
    """GPUs in memory, a clock that is told, and faults by setting name.

    `faults` maps (index, setting) to "lies" (success, nothing happens), "refuses" or "clamps".
    """

    def __init__(self, *gpus: Any) -> None:
        self.gpus = {gpu.identity.uuid: gpu for gpu in gpus or (a_gpu(),)}
        self.second = 0.0
        self.state = a_state()
        self.saved: list[State] = []
        self.audited: list[AuditEntry] = []
        self.written: list[tuple[int, str, SettingValue]] = []
        self.locks: dict[tuple[str, str], SettingValue] = {}
        self.faults: dict[tuple[int, str], str] = {}
        self.is_disk_full = False
        self.is_log_full = False
        self.stop_after = 0
        self.saved_before_writing: list[int] = []
        self.around = Neighbourhood()

    # -- the world

    def now(self) -> Moment:
        return a_moment(self.second, boot_id=BOOT)

    def pass_time(self, seconds: float) -> None:
        self.second += seconds

    def set_metric(self, name: str, value: Reading[float], index: int = 0) -> None:
        uuid, gpu = list(self.gpus.items())[index]
        self.gpus[uuid] = replace(gpu, metrics={**gpu.metrics, name: value})

    def set_setting(self, name: str, value: ReadableValue, index: int = 0) -> None:
        uuid, gpu = list(self.gpus.items())[index]
        self.gpus[uuid] = replace(gpu, settings={**gpu.settings, name: value})

    def setting(self, name: str, index: int = 0) -> Reading[ReadableValue]:
        gpus: list[ObservedGpu] = list(self.gpus.values())
        return gpus[index].settings[name]

    def observe(self) -> Observation:
        return settle(an_observation(*self.gpus.values(), at=self.second), self.state.observed)

    # -- an actuator

    def write(self, uuid: str, setting: str, value: SettingValue) -> None:
        gpu = self.gpus[uuid]
        fault = self.faults.get((gpu.identity.index, setting))
        if fault == "refuses":
            raise NotPermitted("not permitted", call="nvmlDeviceSet", code=4, next_step="Run it with sudo.")
        self.saved_before_writing.append(len(self.saved))
        self.written.append((gpu.identity.index, setting, value))
        if fault == "lies":
            return
        if SETTINGS[setting].readable:
            assert isinstance(value, int | float | str)
            shown = 690.0 if fault == "clamps" else value
            self.gpus[uuid] = replace(gpu, settings={**gpu.settings, setting: shown})
        else:
            self.locks[(uuid, setting)] = value

    def read_back(self, uuid: str, setting: str) -> Reading[ReadableValue]:
        return self.gpus[uuid].settings[setting] if SETTINGS[setting].readable else WRITE_ONLY

    def write_all(self, writes: Sequence[Write]) -> list[Written]:
        return [self._carry_out(write) for write in writes]

    def _carry_out(self, write: Write) -> Written:
        error = None
        try:
            self.write(write.uuid, write.setting, write.value)
        except EsnodeError as refused:
            error = refused
        read_back = self.read_back(write.uuid, write.setting) if SETTINGS[write.setting].readable else None
        return Written(error=error, read_back=read_back, seconds=0.0)

    # -- a recorder and a progress

    def save(self, state: State) -> None:
        if self.is_disk_full:
            raise StateUnwritable("No space left on device")
        self.saved.append(state)

    def record(self, entries: Sequence[AuditEntry]) -> None:
        if self.is_log_full:
            raise StateUnwritable("The audit log cannot be written")
        self.audited += entries

    def started(self, change: Any, setting: str) -> None: ...

    def finished(self, change: Any, outcome: Any) -> None: ...

    def _should_stop(self) -> bool:
        """Whether somebody pressed Ctrl-C: after so many writes, where `stop_after` says so."""
        return 0 < self.stop_after <= len(self.written)

    # -- commands

    def plan(self, profiles: Any, **options: Any) -> Plan:
        observation = self.observe()
        result = planned(
            profiles,
            observation,
            self.state,
            node_file=self.around.node_file,
            neighbours=self.around.meet(),
            **options,
        )
        self.state = with_observation(self.state, observation, result.clocks)
        return result.plan

    def recover(self) -> None:
        """What the next command does with what was in flight."""
        self.state, _ = recover(self.state, self.observe(), self.around.meet())

    def apply(self, plan: Plan) -> ApplyReport:
        """Preflight and apply, as the command does it. Raises PlanRefused."""
        observation = self.observe()
        check_plan(plan, "", Expectations())
        check_world(
            plan,
            self.state,
            observation,
            Expectations(),
            node_file=self.around.node_file,
            neighbours=self.around.meet(),
        )
        world = Surroundings(
            actuator=self,
            hands=self.around,
            recorder=self,
            audit=self,
            operation="apply",
            clock=self,
            progress=self,
            user="ada",
            should_stop=self._should_stop,
            plan_digest="d1g357",
        )
        report, self.state = apply_plan(plan, self.state, observation, world)
        return report

    def plan_and_apply(self, profiles: Any, **options: Any) -> ApplyReport:
        return self.apply(self.plan(profiles, **options))


def changed_gpus(plan: Plan) -> list[int]:
    """The indexes of the GPUs that a plan changes."""
    return [change.gpu.index for change in plan.changes if change.gpu]
