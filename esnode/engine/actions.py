"""Everything that a plan does beside writing settings, in the order in which apply does it."""

from __future__ import annotations

from collections.abc import Sequence

from esnode.engine.alerts import plan_alerts
from esnode.engine.drains import plan_drains
from esnode.engine.kills import plan_kills
from esnode.engine.sites import SEVEREST_FIRST, Actions, Ground
from esnode.model.plan import Change, Mode

_ABOUT_DRIFT = (Mode.REFRESH_ONLY, Mode.CORRECT)


def plan_actions(ground: Ground, mode: Mode) -> Actions:
    """Kills, the drain, alerts; the most severe of each first. A plan about drift has none."""
    if mode in _ABOUT_DRIFT:
        return Actions()
    planned = (plan_kills(ground), plan_drains(ground), plan_alerts(ground, mode))
    return Actions(
        changes=tuple(change for actions in planned for change in _severest_first(actions.changes)),
        remarks={place: remark for actions in planned for place, remark in actions.remarks.items()},
        warnings=tuple(warning for actions in planned for warning in actions.warnings),
        notes=tuple(note for actions in planned for note in actions.notes),
        is_complete=all(actions.is_complete for actions in planned),
    )


def _severest_first(changes: Sequence[Change]) -> list[Change]:
    return sorted(changes, key=lambda change: min(SEVEREST_FIRST[why.severity] for why in change.because.values()))
