"""How a write becomes a record: intents opened before it, closed after its read-back.

Pure functions of State. The serial is raised where a changed state is saved, not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from esnode.model.hardware import GpuIdentity, Moment
from esnode.model.plan import Cause, Change, HoldStep, ResourceType, Step
from esnode.model.readings import WRITE_ONLY, Reading
from esnode.model.settings import SETTINGS, ReadableValue, SettingValue
from esnode.model.state import (
    SETTINGS_OWNER,
    AppliedPlan,
    Direction,
    Hold,
    Intent,
    ManagedGpu,
    ManagedSetting,
    Owner,
    Probation,
    Rest,
    State,
    Undo,
    hold_key,
)
from esnode.records import replace

T = TypeVar("T")


def intent_key(address: str, setting: str) -> str:
    return f"{address} {setting}"


def make_intent(
    change: Change, setting: str, state: State, *, observed: Reading[ReadableValue], user: str, now: Moment
) -> Intent:
    """The intent to write one setting, for the next state that is saved. The baseline is the recorded one, else an
    inherited, else what is there.

    An older intent that is still open knows it better than the hardware, which it may have changed.
    """
    if change.gpu is None or change.session is None:
        raise ValueError(f"{change.address} has no GPU")
    record = state.managed.gpus.get(change.gpu.uuid)
    managed = record.settings.get(setting) if record else None
    still_open = state.managed.journal.get(intent_key(change.address, setting))
    first = observed if SETTINGS[setting].readable else WRITE_ONLY
    if still_open:
        first = still_open.baseline
    if record:
        first = record.inherited.get(setting, first)
    return Intent(
        operation="apply",
        address=change.address,
        gpu=change.gpu.uuid,
        setting=setting,
        before=change.before[setting],
        after=change.after[setting],
        baseline=managed.baseline if managed else first,
        owner=_owner(change, setting, managed, user),
        forget=setting in change.forget,
        holds=tuple(step for step in change.holds if step.setting == setting),
        opened_at=now,
        session=change.session,
        state_serial=state.serial + 1,
    )


def _owner(change: Change, setting: str, managed: ManagedSetting | None, user: str) -> Owner:
    because = change.because.get(setting)
    if because and because.policy and setting not in change.forget:
        return Owner(profile=because.profile, policy=because.policy, user=user)
    return replace(managed.owner, user=user) if managed else Owner(profile="", policy=SETTINGS_OWNER, user=user)


def open_intents(state: State, intents: Iterable[Intent]) -> State:
    """The state with these intents in its journal: saved before the hardware is touched."""
    opened = {intent_key(intent.address, intent.setting): intent for intent in intents}
    return replace(state, managed=replace(state.managed, journal={**state.managed.journal, **opened}))


def begin_apply(state: State, user: str, now: Moment, revert_after: float | None) -> State:
    """The state at the first step of an apply: from here on it is the last one, with nothing to undo yet.

    With `revert_after` seconds it is on probation from this moment, so that a crash does not save it.
    """
    last = AppliedPlan(applied_at=now, user=user)
    probation = None if revert_after is None else Probation(due_at=now.after(revert_after), user=user)
    return replace(state, managed=replace(state.managed, last_apply=last, probation=probation))


def end_probation(state: State, probation: Probation | None = None) -> State:
    """The state with its last apply confirmed, or put on probation again."""
    return replace(state, managed=replace(state.managed, probation=probation), serial=state.serial + 1)


def remember(state: State, uuid: str, before: Mapping[str, SettingValue]) -> State:
    """The state that knows how to undo what is about to happen to a GPU. What it knows already, it keeps.

    Saved with the intents, so before the hardware is touched.
    """
    last = state.managed.last_apply
    if last is None:
        return state
    undo = last.gpus.get(uuid) or Undo(record=state.managed.gpus.get(uuid))
    undo = replace(undo, before={**before, **undo.before})
    return replace(state, managed=replace(state.managed, last_apply=replace(last, gpus={**last.gpus, uuid: undo})))


def close_intent(state: State, intent: Intent, value: SettingValue, identity: GpuIdentity, now: Moment) -> State:
    """The state after `value` was found on the hardware: the planned one, or another that esnode's write caused."""
    record = state.managed.gpus.get(intent.gpu) or ManagedGpu(identity=identity)
    is_done = SETTINGS[intent.setting].is_same(value, intent.after)
    if is_done and intent.forget:
        settings = without(record.settings, intent.setting)
    else:
        managed = ManagedSetting(
            baseline=intent.baseline, applied=value, owner=intent.owner, applied_at=now, session=intent.session
        )
        settings = {**record.settings, intent.setting: managed}
    record = replace(record, identity=identity, settings=settings)
    for step in intent.holds if is_done else ():
        record = take_step(record, step, now)
    return with_record(drop_intent(state, intent), intent.gpu, record)


def leave_uncertain(state: State, intent: Intent, identity: GpuIdentity, now: Moment) -> State:
    """The state after a write that nobody can tell about: managed, so that it is given back; to be written again.

    Of a lock that was to be set, it is presumed set; of one that was to be taken off, presumed still on: what is
    left to do then is never too little. No hold begins or ends.
    """
    record = state.managed.gpus.get(intent.gpu) or ManagedGpu(identity=identity)
    held = record.settings.get(intent.setting)
    value = intent.after if intent.after is not None else intent.before
    setting = ManagedSetting(
        baseline=intent.baseline,
        applied=value,
        owner=held.owner if held and intent.after is None else intent.owner,
        applied_at=now,
        session=intent.session,
        certain=False,
    )
    record = replace(record, identity=identity, settings={**record.settings, intent.setting: setting})
    return with_record(drop_intent(state, intent), intent.gpu, record)


def drop_intent(state: State, intent: Intent) -> State:
    """The state after a write that changed nothing."""
    journal = without(state.managed.journal, intent_key(intent.address, intent.setting))
    return replace(state, managed=replace(state.managed, journal=journal))


def record_only(state: State, change: Change, now: Moment) -> State:
    """The part of a change that touches no hardware: holds, forgotten records, an accepted value."""
    if change.gpu is None:
        return state
    record = state.managed.gpus.get(change.gpu.uuid) or ManagedGpu(identity=change.gpu)
    written = set(change.settings)
    settings = dict(record.settings)
    for name in change.forget:
        if name not in written:
            settings.pop(name, None)
    if change.reason is Cause.ACCEPT_DRIFT:
        for name, value in change.after.items():
            session = change.session or settings[name].session
            settings[name] = replace(settings[name], applied=value, applied_at=now, session=session)
    updated = replace(record, settings=settings)
    for step in change.holds:
        if step.setting not in written:
            updated = take_step(updated, step, now)
    return state if updated == record else with_record(state, change.gpu.uuid, updated)


def forget_rests(state: State, uuids: Iterable[str]) -> State:
    """The state without the memory of released holds: nothing is left of a GPU that was given back whole."""
    for uuid in uuids:
        record = state.managed.gpus.get(uuid)
        if record and record.rests and not record.holds and not record.settings:
            state = with_record(state, uuid, replace(record, rests={}))
    return state


def take_step(record: ManagedGpu, step: HoldStep, now: Moment) -> ManagedGpu:
    """The record with one hold begun, moved or ended at `now`."""
    key = hold_key(step.profile, step.policy)
    if step.step is Step.END:
        rests = without(record.rests, key)
        if step.setting == ResourceType.PROCESS.value:
            rests[key] = Rest(action=step.action, ended_at=now)
        elif step.cause is Cause.RELEASED and (step.raise_wait or step.required_seconds):
            rests[key] = Rest(
                action=step.action,
                ended_at=now,
                raise_wait=step.raise_wait,
                required_seconds=step.required_seconds,
            )
        return replace(record, holds=without(record.holds, key), rests=rests)
    held = record.holds.get(key)
    hold = Hold(
        action=step.action,
        setting=step.setting,
        value=step.after,
        since=held.since if held else step.since or now,
        last_step_at=now,
        last_step=Direction.UP if step.step is Step.UP else Direction.DOWN,
        raise_wait=step.raise_wait,
        required_seconds=step.required_seconds,
    )
    return replace(record, holds={**record.holds, key: hold})


def with_record(state: State, uuid: str, record: ManagedGpu) -> State:
    gpus = without(state.managed.gpus, uuid)
    if not record.is_empty:
        gpus[uuid] = record
    return replace(state, managed=replace(state.managed, gpus=gpus))


def without(mapping: Mapping[str, T], key: str) -> dict[str, T]:
    rest = dict(mapping)
    rest.pop(key, None)
    return rest
