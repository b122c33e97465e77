"""The gates of a run: what a plan is held to, read before the machine is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from esnode.engine.gates import NO_RULES, Rules
from esnode.errors import PlanUnexpected
from esnode.model.plan import Plan
from esnode.records import dataclass

if TYPE_CHECKING:
    from esnode.engine.compare import Difference
    from esnode.storage.signatures import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """A saved plan that was approved, and the digest of its decision."""

    path: Path
    plan: Plan
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gates:
    """What plans are held to, and whose key signs what passes. `against` is an approved plan, or a folder of them."""

    rules: Rules = NO_RULES
    against: Path | None = None
    key: SigningKey | None = None


def read_approved(path: Path) -> Approved:
    """Raises FileUnreadable, PlanUnreadable, PlanTampered."""
    from esnode.storage.plans import read_plan

    plan, digest = read_plan(path)
    return Approved(path=path, plan=plan, digest=digest)


def open_key(path: Path | None, password: str) -> SigningKey | None:
    """The key that signs what is saved, opened before anything else is done. Raises as `read_signing_key`."""
    if path is None:
        return None
    from esnode.storage.signatures import read_signing_key

    return read_signing_key(path, password)


def decides_the_same(approved: Approved, plan: Plan) -> bool:
    """Digests decide, whatever a comparison of the two would show."""
    from esnode.storage.plans import decision_digest

    return decision_digest(plan) == approved.digest


def differences_from(approved: Approved, plan: Plan) -> tuple[Difference, ...]:
    """What `plan` decides otherwise than the approved one."""
    if decides_the_same(approved, plan):
        return ()
    from esnode.engine.compare import compare

    return compare(approved.plan, plan)


def unexpected(approved: Approved, plan: Plan) -> PlanUnexpected:
    """The refusal of a plan that decides something else than the approved one."""
    from esnode.storage.plans import decision_digest

    return PlanUnexpected(
        "This plan's decision is not the approved one",
        detail=f"Its digest is {decision_digest(plan)}, that of {approved.path} is {approved.digest}.",
        next_step="Have this plan approved, or mend what made it different and plan again.",
    )
