"""Which changes of a plan a person has to apply, and which the loop may."""

from __future__ import annotations

from collections.abc import Collection

from esnode.engine.gates import action_types, actions_of
from esnode.model.plan import Change, Plan
from esnode.records import replace


def split(plan: Plan, actions: Collection[str]) -> tuple[Plan, Plan]:
    """The plan without the changes that carry out one of these actions, and the plan of just those.

    Giving back what was done is no action, so it waits for nobody.
    """
    kinds = action_types(plan)
    asked = [change for change in plan.changes if actions_of(change, kinds) & set(actions)]
    return only(plan, [change for change in plan.changes if change not in asked]), only(plan, asked)


def only(plan: Plan, changes: Collection[Change]) -> Plan:
    """The plan with no other changes than these."""
    addresses = {change.address for change in changes}
    records = {address: digest for address, digest in plan.prior_state.records.items() if address in addresses}
    ordered = tuple(replace(change, order=order) for order, change in enumerate(changes, 1))
    return replace(plan, changes=ordered, prior_state=replace(plan.prior_state, records=records))
