"""Carries out everything that is not a setting: which hand does what, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.engine.orders import node_order, notifications, termination
from esnode.engine.ports import Hands
from esnode.errors import EsnodeError
from esnode.model.hardware import Moment
from esnode.model.plan import Change, Plan, ResourceType
from esnode.model.report import Result, StepOutcome
from esnode.model.state import State
from esnode.model.writes import Done
from esnode.records import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Errands:
    """What orders are made from. `digest` is what messages call the plan by."""

    plan: Plan
    state: State
    digest: str
    now: Moment


def carry_out(changes: Sequence[Change], errands: Errands, hands: Hands) -> Sequence[Done]:
    """Do what changes of one type ask for; what came of each."""
    match changes[0].type:
        case ResourceType.PROCESS:
            return hands.end_processes([termination(change) for change in changes])
        case ResourceType.NODE:
            return [hands.change_node(node_order(change, errands.state)) for change in changes]
        case _:
            messages = [list(notifications(change, errands.plan, errands.digest, errands.now)) for change in changes]
            sent = iter(hands.send([message for of_change in messages for message in of_change]))
            return [_together([next(sent) for _ in of_change]) for of_change in messages]


def outcome_of_errand(change: Change, done: Done) -> StepOutcome:
    """What became of one change of something that is not a GPU."""
    return StepOutcome(
        address=change.address,
        setting=change.type.value,
        before=None,
        after=None,
        result=Result.FAILED if done.error else Result.APPLIED,
        error=in_a_sentence(done.error) if done.error else "",
        next_step=done.error.next_step if done.error else "",
        seconds=done.seconds,
        note=done.note,
    )


def in_a_sentence(refused: EsnodeError) -> str:
    """An error without its full stop."""
    return f"{refused.summary}. {refused.detail}".rstrip(". ") if refused.detail else refused.summary


def _together(parts: Sequence[Done]) -> Done:
    """What came of several messages about one alert: the first failure counts."""
    failed = next((done for done in parts if done.error), parts[-1])
    return replace(failed, seconds=sum(done.seconds for done in parts))
