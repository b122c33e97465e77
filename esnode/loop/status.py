"""What a control loop says of itself, put together after each cycle."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.engine.contests import Contests
from esnode.loop.keeper import CycleResult
from esnode.model.loop_status import Contested, GivenProfile, ManagedValue
from esnode.model.plan import Plan, gpu_address
from esnode.model.profile import Profile
from esnode.model.settings import SettingValue


def given(profiles: tuple[Profile, ...]) -> tuple[GivenProfile, ...]:
    return tuple(
        GivenProfile(name=profile.name, version=profile.version, sha256=profile.sha256, path=profile.path)
        for profile in profiles
    )


def managed_values(result: CycleResult) -> tuple[ManagedValue, ...]:
    """Every setting that is managed after a cycle: what was applied, and what it should be."""
    wanted = _wanted(result.plan)
    return tuple(
        ManagedValue(
            address=gpu_address(uuid),
            setting=name,
            applied=managed.applied,
            desired=wanted.get((gpu_address(uuid), name), managed.applied),
            profile=managed.owner.profile,
            policy=managed.owner.policy,
        )
        for uuid, record in sorted(result.state.managed.gpus.items())
        for name, managed in sorted(record.settings.items())
    )


def contested_settings(contests: Contests) -> tuple[Contested, ...]:
    return tuple(
        Contested(
            address=address,
            setting=setting,
            count=contest.count,
            pause=contest.pause,
            since=contest.since.at,
            wanted=contest.wanted,
            found=contest.found,
        )
        for (address, setting), contest in sorted(contests.items())
        if contest.is_raised
    )


def _wanted(plan: Plan) -> Mapping[tuple[str, str], SettingValue]:
    return {(change.address, name): value for change in plan.changes for name, value in change.after.items()}
