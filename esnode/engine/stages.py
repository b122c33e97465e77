"""What apply does, in order: the same list that a preview shows."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.model.plan import Change, Operation, Plan, ResourceType
from esnode.model.settings import SETTINGS, Phase
from esnode.model.writes import Write
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One setting of one change; of a resource that has no settings, the whole change."""

    change: Change
    setting: str

    @property
    def is_write(self) -> bool:
        return self.change.type is ResourceType.GPU

    @property
    def phase(self) -> Phase:
        if not self.is_write:
            return PHASES[self.change.type]
        return SETTINGS[self.setting].phase(self.change.before[self.setting], self.change.after[self.setting])

    @property
    def write(self) -> Write:
        uuid = self.change.gpu.uuid if self.change.gpu else ""
        return Write(uuid=uuid, setting=self.setting, value=self.change.after[self.setting])


PHASES: Mapping[ResourceType, Phase] = {
    ResourceType.PROCESS: Phase.PROCESSES,
    ResourceType.NODE: Phase.NODE,
    ResourceType.ALERT: Phase.ALERTS,
}


def stages(plan: Plan) -> list[tuple[Phase, tuple[Task, ...]]]:
    """What apply does, in order: the same list that a preview shows. One setting of a GPU at a time."""
    tasks = [Task(change=change, setting=name) for change in plan.changes for name in steps_of(change)]
    ordered: list[tuple[Phase, tuple[Task, ...]]] = []
    for phase in Phase:
        of_phase = [task for task in tasks if task.phase is phase]
        for name in (*SETTINGS, *(kind.value for kind in PHASES)):
            batch = tuple(task for task in of_phase if task.setting == name)
            if batch:
                ordered.append((phase, batch))
    return ordered


def steps_of(change: Change) -> tuple[str, ...]:
    """What of a change is done to the world, and not only to the record."""
    if change.type is ResourceType.GPU or change.actions == (Operation.FORGET,):
        return change.settings
    return (change.type.value,)
