"""After a crash: open intents are decided by reading the hardware again, never by guessing."""

from __future__ import annotations

from esnode.engine.record import close_intent, drop_intent, leave_uncertain
from esnode.engine.recover_errands import decide_errand
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.readings import Missing
from esnode.model.settings import SETTINGS
from esnode.model.state import Intent, State


def recover(state: State, observation: Observation, neighbours: Neighbours = NOBODY) -> tuple[State, tuple[str, ...]]:
    """The state with every open intent and errand decided that can be, and a sentence on each.

    A GPU that cannot be read keeps its intents open. A setting that nobody can read is gone in another session;
    within its own it is recorded as uncertain, and so planned again: setting or resetting it twice is harmless.
    """
    notes = []
    for intent in in_order(state, observation):
        gpu = observation.gpu(intent.gpu)
        if gpu is None or not gpu.is_readable:
            notes.append(
                f"interrupted {intent.operation}: {_what(intent, gpu)} cannot be decided, the GPU is unreadable"
            )
            continue
        state, note = _decide(state, intent, gpu, observation)
        notes.append(f"interrupted {intent.operation}: {_what(intent, gpu)} {note}")
    for errand in sorted(state.managed.errands.values(), key=lambda errand: errand.address):
        state, note = decide_errand(state, errand, observation, neighbours)
        notes.append(f"interrupted {errand.operation}: {errand.address} {note}")
    return state, tuple(notes)


def _decide(state: State, intent: Intent, gpu: ObservedGpu, observation: Observation) -> tuple[State, str]:
    setting = SETTINGS[intent.setting]
    path = f"{setting.show(intent.before)} to {setting.show(intent.after)}"
    observed = gpu.setting(intent.setting)
    now = observation.taken_at
    if not setting.readable:
        if intent.session != gpu.session:
            return drop_intent(state, intent), f"is gone with the driver's last session ({path})"
        uncertain = leave_uncertain(state, intent, gpu.identity, now)
        return uncertain, f"may have been written, {path}; no driver can tell, so it is planned again"
    if isinstance(observed, Missing):
        return state, f"cannot be decided: {observed.in_words()}"
    if setting.is_same(observed, intent.after):
        return close_intent(state, intent, intent.after, gpu.identity, now), f"was written, {path}"
    if setting.is_same(observed, intent.before):
        return drop_intent(state, intent), f"was not written, it is still {setting.show(intent.before)}"
    said = f"was to go from {path}, and is {setting.show(observed)} now"
    if intent.forget:
        # It is not back at its baseline, so the record of what that is must stay.
        return drop_intent(state, intent), said
    # Somebody wrote a third value since. That ours came first cannot be excluded, so the baseline is kept.
    return close_intent(state, intent, intent.after, gpu.identity, now), said


def in_order(state: State, observation: Observation) -> list[Intent]:
    """The journal by GPU and setting, as people count them."""
    indexes = {gpu.identity.uuid: gpu.identity.index for gpu in observation.gpus}
    last = len(indexes)
    return sorted(
        state.managed.journal.values(),
        key=lambda intent: (indexes.get(intent.gpu, last), intent.gpu, SETTINGS[intent.setting].order),
    )


def intent_in_words(intent: Intent, observation: Observation) -> str:
    """`power limit of GPU-0, 700 W to 650 W`."""
    setting = SETTINGS[intent.setting]
    path = f"{setting.show(intent.before)} to {setting.show(intent.after)}"
    return f"{_what(intent, observation.gpu(intent.gpu))}, {path}"


def _what(intent: Intent, gpu: ObservedGpu | None) -> str:
    label = gpu.identity.label if gpu else intent.gpu
    return f"{SETTINGS[intent.setting].title} of {label}"
