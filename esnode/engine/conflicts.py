"""Actions that stand in each other's way on one GPU, and which of them waits.

Settings never conflict: the lowest wins (`resolve`). Alerts go beside anything. What takes work away does:

* one plan ends at most one process on a GPU, for the most severe policy, so that its effect shows before the next;
* a drain that begins takes the work away in order, so no process is ended beside it, unless by a policy that is
  more severe: then the drain begins when that did not help.

The one that waits is judged again by the next plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from esnode.engine.sites import SEVEREST_FIRST, Ground, Site
from esnode.engine.stand import Stand
from esnode.model.profile import KillProcess, MigratePod
from esnode.model.verdict import Status

Place = tuple[str, str]


def deferred_kills(ground: Ground) -> Iterator[tuple[Place, str]]:
    """Every ACTIVE kill_process that waits, and for whom."""
    for site in ground.sites:
        kills = _active(site, KillProcess)
        drain = _first(_beginning_drains(site, ground)) if kills else None
        for kill in kills:
            if drain and _rank(drain) <= _rank(kill):
                yield (site.uuid, kill.key), f"Deferred: {_named(drain)} drains the node."
            elif kill is not kills[0]:
                yield (site.uuid, kill.key), f"Deferred: {_named(kills[0])} ends a process on this GPU first."


def deferred_drains(ground: Ground) -> Iterator[tuple[Place, str]]:
    """Every drain that would begin and waits, and for whom."""
    for site in ground.sites:
        drains = _beginning_drains(site, ground)
        is_killing = drains and not ground.is_forbidden(KillProcess.type)
        kill = _first(_active(site, KillProcess)) if is_killing else None
        for drain in drains:
            if kill and _rank(kill) < _rank(drain):
                yield (site.uuid, drain.key), f"Deferred: {_named(kill)} ends a process on this GPU first."


def _active(site: Site, kind: type[KillProcess] | type[MigratePod]) -> list[Stand]:
    """The most severe first; of equals, as the profiles have them."""
    active = [
        stand
        for stand in site.stands
        if stand.judgement.status is Status.ACTIVE and isinstance(stand.policy.action, kind)
    ]
    return sorted(active, key=_rank)


def _beginning_drains(site: Site, ground: Ground) -> list[Stand]:
    if ground.is_forbidden(MigratePod.type):
        return []
    return [stand for stand in _active(site, MigratePod) if stand.hold is None]


def _first(stands: list[Stand]) -> Stand | None:
    return stands[0] if stands else None


def _rank(stand: Stand) -> int:
    return SEVEREST_FIRST[stand.policy.severity]


def _named(stand: Stand) -> str:
    return f"{stand.key} ({stand.policy.severity})"
