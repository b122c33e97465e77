"""Which changes of a plan a person has to apply, and which the loop may."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from esnode.model.plan import Cause, Change, Operation, Plan, ResourceType
from esnode.model.profile import MigratePod


def split(plan: Plan, actions: Collection[str]) -> tuple[Plan, Plan]:
    """The plan without the changes that begin or step one of these actions, and the plan of just those."""
    kept = [change for change in plan.changes if not _needs_approval(change, actions)]
    return only(plan, kept), only(plan, [change for change in plan.changes if change not in kept])


def only(plan: Plan, changes: Collection[Change]) -> Plan:
    """The plan with no other changes than these."""
    addresses = {change.address for change in changes}
    records = {address: digest for address, digest in plan.prior_state.records.items() if address in addresses}
    ordered = tuple(replace(change, order=order) for order, change in enumerate(changes, 1))
    return replace(plan, changes=ordered, prior_state=replace(plan.prior_state, records=records))


def _needs_approval(change: Change, actions: Collection[str]) -> bool:
    """Giving back what was done is always allowed."""
    if change.actions in ((Operation.DELETE,), (Operation.FORGET,)) and change.type is not ResourceType.PROCESS:
        return False
    steps = any(step.action in actions and step.cause is Cause.POLICY for step in change.holds)
    # A node that somebody uncordoned is drained again without any step of a hold.
    return steps or (change.type is ResourceType.NODE and MigratePod.type in actions)
