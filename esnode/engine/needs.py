"""What has to be read for a set of profiles to be judged and acted upon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esnode.model.metrics import PROMETHEUS_PREFIX, TOKENS_PER_WATT
from esnode.model.needs import Needs
from esnode.model.profile import KillProcess, MigratePod, Policy, Profile
from esnode.model.state import State


def needs_of(profiles: Sequence[Profile], state: State) -> Needs:
    """What the policies of `profiles`, and what the state has in force, want to know."""
    policies = [policy for profile in profiles for policy in profile.policies]
    held = {hold.action for record in state.managed.gpus.values() for hold in record.holds.values()}
    return Needs(
        processes=any(isinstance(policy.action, KillProcess) for policy in policies) or bool(state.managed.errands),
        cluster=MigratePod.type in held
        or bool(state.managed.node or state.managed.errands)
        or any(isinstance(policy.action, MigratePod) for policy in policies),
        labels=any(profile.selector.labels for profile in profiles),
        serving=any(policy.target == TOKENS_PER_WATT for policy in policies),
        queries=tuple(sorted(set(_queries(policies)))),
    )


def _queries(policies: Sequence[Policy]) -> Iterator[str]:
    for policy in policies:
        if policy.target.startswith(PROMETHEUS_PREFIX):
            yield policy.target.removeprefix(PROMETHEUS_PREFIX).strip()
