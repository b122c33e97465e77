"""After a crash: open intents are decided by reading the hardware again, never by guessing."""

from __future__ import annotations

from esnode.engine.record import close_intent, drop_intent, leave_uncertain
from esnode.engine.recover_errands import decide_errand
from esnode.model.audit import AuditResult
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.neighbours import NOBODY, Neighbours
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, ReadableValue
from esnode.model.state import Errand, Intent, State
from esnode.records import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What became of one journal entry, in a sentence. `result` is None for one that stays open."""

    entry: Intent | Errand
    sentence: str
    result: AuditResult | None
    read_back: Reading[ReadableValue] | None = None


def recover(
    state: State, observation: Observation, neighbours: Neighbours = NOBODY
) -> tuple[State, tuple[Decision, ...]]:
    """The state with every open intent and errand decided that can be, and what was decided of each.

    A GPU that cannot be read keeps its intents open. A setting that nobody can read is gone in another session;
    within its own it is recorded as uncertain, and so planned again: setting or resetting it twice is harmless.
    """
    decisions = []
    for intent in in_order(state, observation):
        state, decision = _decide(state, intent, observation)
        decisions.append(decision)
    for errand in sorted(state.managed.errands.values(), key=lambda errand: errand.address):
        state, note, result = decide_errand(state, errand, observation, neighbours)
        sentence = f"interrupted {errand.operation}: {errand.address} {note}"
        decisions.append(Decision(entry=errand, sentence=sentence, result=result))
    return state, tuple(decisions)


def _decide(state: State, intent: Intent, observation: Observation) -> tuple[State, Decision]:
    gpu = observation.gpu(intent.gpu)

    def decided(after: State, note: str, result: AuditResult | None) -> tuple[State, Decision]:
        sentence = f"interrupted {intent.operation}: {_what(intent, gpu)} {note}"
        read_back = gpu.setting(intent.setting) if gpu and SETTINGS[intent.setting].readable else None
        return after, Decision(entry=intent, sentence=sentence, result=result, read_back=read_back)

    if gpu is None or not gpu.is_readable:
        return decided(state, "cannot be decided, the GPU is unreadable", None)
    setting = SETTINGS[intent.setting]
    path = f"{setting.show(intent.before)} to {setting.show(intent.after)}"
    observed = gpu.setting(intent.setting)
    now = observation.taken_at
    if not setting.readable:
        if intent.session != gpu.session:
            lost = f"is gone with the driver's last session ({path})"
            return decided(drop_intent(state, intent), lost, AuditResult.UNDECIDED)
        uncertain = leave_uncertain(state, intent, gpu.identity, now)
        unknown = f"may have been written, {path}; no driver can tell, so it is planned again"
        return decided(uncertain, unknown, AuditResult.UNDECIDED)
    if isinstance(observed, Missing):
        return decided(state, f"cannot be decided: {observed.in_words()}", None)
    if setting.is_same(observed, intent.after):
        done = close_intent(state, intent, intent.after, gpu.identity, now)
        return decided(done, f"was written, {path}", AuditResult.APPLIED)
    if setting.is_same(observed, intent.before):
        unchanged = f"was not written, it is still {setting.show(intent.before)}"
        return decided(drop_intent(state, intent), unchanged, AuditResult.FAILED)
    said = f"was to go from {path}, and is {setting.show(observed)} now"
    if intent.forget:
        # It is not back at its baseline, so the record of what that is must stay.
        return decided(drop_intent(state, intent), said, AuditResult.UNDECIDED)
    # Somebody wrote a third value since. That ours came first cannot be excluded, so the baseline is kept.
    return decided(close_intent(state, intent, intent.after, gpu.identity, now), said, AuditResult.UNDECIDED)


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
