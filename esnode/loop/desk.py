"""Changes that wait for a person: a saved plan beside the state, for `esnode apply`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from esnode.errors import FileUnwritable
from esnode.model.loop_status import PendingApproval
from esnode.model.plan import Plan
from esnode.storage.plans import decision_digest, write_plan


def pending_path(state_path: Path) -> Path:
    return state_path.with_name(state_path.name + ".pending")


class Desk:
    """One loop's desk. A plan stays until its changes are not wanted any more; it never expires while they are."""

    def __init__(self, state_path: Path) -> None:
        self.path = pending_path(state_path)
        self._renew_at: datetime | None = None
        self.pending: PendingApproval | None = None

    def lay(self, plan: Plan) -> bool:
        """Have a plan wait, or with no changes none. Whether something else waits now. Raises FileUnwritable."""
        before = self.pending
        if not plan.can_apply:
            self.clear()
            return before is not None
        digest = decision_digest(plan)
        is_same = before is not None and before.digest == digest
        if not is_same or self._renew_at is None or plan.timestamp >= self._renew_at or not self.path.exists():
            write_plan(plan, self.path)
            self._renew_at = plan.timestamp + (plan.expires_at - plan.timestamp) / 2
        addresses = tuple(sorted(change.address for change in plan.changes))
        self.pending = PendingApproval(path=str(self.path), digest=digest, addresses=addresses)
        return not is_same

    def clear(self) -> None:
        """Nothing waits any more, not what an earlier loop left either. Raises FileUnwritable."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as failure:
            raise FileUnwritable(f"{self.path} cannot be removed: {failure.strerror}") from None
        self.pending = None
