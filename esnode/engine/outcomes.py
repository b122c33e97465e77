"""What became of one write: an error, or a read-back that is what was planned."""

from __future__ import annotations

from esnode.engine.carry_out import in_a_sentence
from esnode.engine.stages import Task
from esnode.errors import DriverTimeout, GpuLost
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.report import Result, StepOutcome
from esnode.model.settings import SETTINGS, ReadableValue, SettingValue
from esnode.model.writes import Written


def outcome_of(task: Task, written: Written) -> StepOutcome:
    """What became of one write: an error, or a read-back that is what was planned."""
    change, setting = task.change, SETTINGS[task.setting]
    error = next_step = ""
    if written.error is not None:
        error, next_step = in_a_sentence(written.error), written.error.next_step
    elif setting.readable:
        error, next_step = _compare(task, written.read_back if written.read_back is not None else NOT_READ)
    return StepOutcome(
        address=change.address,
        setting=setting.name,
        before=change.before[setting.name],
        after=change.after[setting.name],
        result=Result.FAILED if error else Result.APPLIED,
        read_back=written.read_back,
        error=error,
        next_step=next_step,
        seconds=written.seconds,
        is_readable=setting.readable,
        is_undecided=_is_undecided(written),
    )


def _is_undecided(written: Written) -> bool:
    """Whether nobody knows if the write took place."""
    if isinstance(written.read_back, Missing):
        return True
    return written.read_back is None and isinstance(written.error, DriverTimeout | GpuLost)


def _compare(task: Task, read_back: Reading[ReadableValue]) -> tuple[str, str]:
    setting, change = SETTINGS[task.setting], task.change
    wanted: SettingValue = change.after[setting.name]
    label = change.gpu.label if change.gpu else change.address
    if isinstance(read_back, Missing):
        return (
            f"the {setting.title} of {label} was written and could not be read back: {read_back.in_words()}",
            "Run esnode plan: it reads the GPU again and says what became of it.",
        )
    if setting.is_same(read_back, wanted):
        return "", ""
    return (
        f'the driver answered "success" for a {setting.title} of {setting.show(wanted)} on {label}, '
        f"and the GPU shows {setting.show(read_back)}",
        "Something else may hold this setting: another tool, a BMC, or the board itself.",
    )
