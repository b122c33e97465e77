"""What the commands on the state do to it: pure functions of State. The hardware is never touched.

The serial is raised where a changed state is saved, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from esnode.errors import BadInvocation
from esnode.model.hardware import Observation
from esnode.model.state import SETTINGS_OWNER, Intent, Managed, ManagedGpu, Observed, Owner, State, hold_key
from esnode.records import dataclass, replace

T = TypeVar("T")


def forget_gpu(state: State, uuid: str) -> State:
    """The state without anything about one GPU: record, open intents, readings and clocks."""
    managed = Managed(
        gpus={key: record for key, record in state.managed.gpus.items() if key != uuid},
        node=state.managed.node,
        journal={key: intent for key, intent in state.managed.journal.items() if intent.gpu != uuid},
        errands={key: errand for key, errand in state.managed.errands.items() if errand.gpu != uuid},
    )
    return replace(state, managed=managed, observed=_unseen(state.observed, uuid))


def _unseen(observed: Observed | None, uuid: str) -> Observed | None:
    """A GPU that is gone would otherwise be carried from one observation to the next for ever."""
    if observed is None:
        return None
    gpus = tuple(gpu for gpu in observed.observation.gpus if gpu.identity.uuid != uuid)
    clocks = {key: clock for key, clock in observed.clocks.items() if f"@{uuid}#" not in key}
    return replace(observed, observation=replace(observed.observation, gpus=gpus), clocks=clocks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A profile, or one policy of it, under another name. Policies are "" where the whole profile is meant."""

    old_profile: str
    old_policy: str
    new_profile: str
    new_policy: str

    def names(self, profile: str, policy: str) -> tuple[str, str]:
        """What `profile` and `policy` are called from now on."""
        if profile != self.old_profile or (self.old_policy and policy != self.old_policy):
            return profile, policy
        return self.new_profile, self.new_policy or policy

    def key(self, key: str) -> str:
        """The same for the key of a hold or rest, `PROFILE/POLICY`."""
        profile, _, policy = key.rpartition("/")
        return hold_key(*self.names(profile, policy))

    def clock_key(self, key: str) -> str:
        """The same for a clock's key, which goes on after the policy's name with `@`."""
        name, at, rest = key.partition("@")
        return self.key(name) + at + rest

    def owner(self, owner: Owner) -> Owner:
        profile, policy = self.names(owner.profile, owner.policy)
        return replace(owner, profile=profile, policy=policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Renamed:
    """The state after a rename, and how much went with it."""

    state: State
    holds: int
    rests: int
    clocks: int
    settings: int


def parse_rename(old: str, new: str) -> Rename:
    """`PROFILE/POLICY` to `PROFILE/POLICY`, or `PROFILE` to `PROFILE`. Raises BadInvocation for anything else."""
    old_profile, old_slash, old_policy = old.partition("/")
    new_profile, new_slash, new_policy = new.partition("/")
    if old_slash != new_slash or not (old_profile and new_profile) or (old_slash and not (old_policy and new_policy)):
        raise BadInvocation(
            f"{old} cannot be renamed to {new}",
            next_step="Write PROFILE/POLICY twice, or PROFILE twice: esnode state mv train/thermal train/heat.",
        )
    if old == new:
        raise BadInvocation(f"{old} and {new} are the same name")
    if SETTINGS_OWNER in (old_policy, new_policy) and old_policy != new_policy:
        raise BadInvocation(
            f'"{SETTINGS_OWNER}" stands for the settings of a profile and is no policy',
            next_step="They can go to another profile only as settings: esnode state mv A/settings B/settings.",
        )
    return Rename(old_profile=old_profile, old_policy=old_policy, new_profile=new_profile, new_policy=new_policy)


def rename(state: State, wanted: Rename) -> Renamed:
    """Holds, rests, clocks and owners under their new name.

    Raises BadInvocation when the state has nothing under the old name, or something under the new one already.
    """
    gpus = {uuid: _rename_record(record, wanted) for uuid, record in state.managed.gpus.items()}
    journal = {key: _rename_intent(intent, wanted) for key, intent in state.managed.journal.items()}
    clocks = state.observed.clocks if state.observed else {}
    moved_clocks = _rename_keys(clocks, {key: wanted.clock_key(key) for key in clocks})
    result = Renamed(
        state=replace(
            state,
            managed=Managed(gpus=gpus, node=state.managed.node, journal=journal, errands=state.managed.errands),
            observed=replace(state.observed, clocks=moved_clocks) if state.observed else None,
        ),
        holds=_moved([key for record in state.managed.gpus.values() for key in record.holds], wanted),
        rests=_moved([key for record in state.managed.gpus.values() for key in record.rests], wanted),
        clocks=len(clocks.keys() - moved_clocks.keys()),
        settings=sum(
            wanted.owner(managed.owner) != managed.owner
            for record in state.managed.gpus.values()
            for managed in record.settings.values()
        ),
    )
    if not (result.holds or result.rests or result.clocks or result.settings):
        old = wanted.old_profile + (f"/{wanted.old_policy}" if wanted.old_policy else "")
        raise BadInvocation(f"The state has nothing of {old}", next_step="esnode show lists what it has.")
    return result


def _moved(keys: list[str], wanted: Rename) -> int:
    return sum(wanted.key(key) != key for key in keys)


def _rename_record(record: ManagedGpu, wanted: Rename) -> ManagedGpu:
    return replace(
        record,
        settings={
            name: replace(managed, owner=wanted.owner(managed.owner)) for name, managed in record.settings.items()
        },
        holds=_rename_keys(record.holds, {key: wanted.key(key) for key in record.holds}),
        rests=_rename_keys(record.rests, {key: wanted.key(key) for key in record.rests}),
    )


def _rename_intent(intent: Intent, wanted: Rename) -> Intent:
    steps = []
    for step in intent.holds:
        profile, policy = wanted.names(step.profile, step.policy)
        steps.append(replace(step, profile=profile, policy=policy))
    return replace(intent, owner=wanted.owner(intent.owner), holds=tuple(steps))


def _rename_keys(entries: Mapping[str, T], names: Mapping[str, str]) -> dict[str, T]:
    renamed: dict[str, T] = {}
    for key, value in entries.items():
        if names[key] in renamed or (names[key] != key and names[key] in entries):
            taken = names[key].partition("@")[0]
            raise BadInvocation(
                f"The state has something of {taken} already",
                next_step="Apply what you have first, or rename to a name that is free.",
            )
        renamed[names[key]] = value
    return renamed


def adopt(state: State, observation: Observation) -> State:
    """The state as this machine's own."""
    return replace(state, node=observation.node.identity)
