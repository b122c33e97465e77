"""A look of our own at a machine, where no control loop says how it is: plans like a plan does, and writes nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from esnode import __version__
from esnode.engine.identity import check_state_is_here
from esnode.engine.locks import locked_gpus
from esnode.engine.planner import PlanOptions, make_plan
from esnode.engine.sessions import settle
from esnode.errors import EsnodeError
from esnode.model.audit import AuditEntry
from esnode.model.hardware import Origin
from esnode.model.loop_status import GivenProfile, LoopStatus, ManagedValue, Reload
from esnode.model.plan import Mode, Plan, gpu_address
from esnode.model.profile import Profile
from esnode.model.state import Observed, State
from esnode.records import dataclass, replace
from esnode.storage.audit import AuditLog
from esnode.storage.locks import user_name
from esnode.storage.states import StateFile, with_observation
from esnode.wiring.machine import Machine
from esnode.wiring.planning import look

RECENT = 60
"""Entries of the audit log that are looked at; one apply leaves as many as it wrote settings."""

OWN_INTERVAL = 2.0

_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a look is made with. `interval` is the seconds between two of them, None where nobody said."""

    profiles: tuple[Profile, ...]
    state_path: Path
    interval: float | None = None

    @property
    def looks_every(self) -> float:
        """Seconds between two looks of our own, which ask the driver."""
        return self.interval or OWN_INTERVAL


class OwnLook:
    """Looks again and again. Clocks are kept in memory, so durations pass while nobody applies anything.

    The state is read again whenever its file was replaced, so what others apply meanwhile is seen.
    """

    def __init__(self, machine: Machine, given: Given) -> None:
        self._machine = machine
        self._given = given
        self._file = StateFile(given.state_path)
        self._log = AuditLog(given.state_path)
        self._recent: tuple[_Stamp, tuple[AuditEntry, ...]] = (None, ())
        self._memory: Observed | None = None
        self._started_at = datetime.now(UTC)
        self._last: LoopStatus | None = None

    def status(self) -> LoopStatus:
        """How the machine is now. Where it cannot be read any more: how it was, and why.

        Raises what the first look raises: DriverUnavailable, StateUnreadable, StateElsewhere, ProfilesDisagree.
        """
        try:
            self._last = self._look()
        except EsnodeError as failure:
            if self._last is None:
                raise
            failures = self._last.consecutive_failures + 1
            self._last = replace(self._last, failure=failure.summary, consecutive_failures=failures)
        return self._last

    def _look(self) -> LoopStatus:
        began = time.monotonic()
        state, profiles = self._known(), self._given.profiles
        sight = look(self._machine, profiles, state)
        check_state_is_here(state, sight.observation)
        observation = settle(sight.observation, state.observed, locked=locked_gpus(state))
        # Without a profile, a plan would give everything back; what is asked here is only how it stands.
        options = PlanOptions(mode=Mode.NORMAL if profiles else Mode.CORRECT)
        planned = make_plan(
            profiles, observation, state, options, node_file=self._machine.node_file, neighbours=sight.neighbours
        )
        remembered = with_observation(state, observation, planned.clocks)
        self._memory = remembered.observed
        plan = replace(planned.plan, in_flight=state.managed.is_in_flight)
        return self._as_status(plan, state, time.monotonic() - began)

    def _known(self) -> State:
        """The state as it is on disk, with what was observed since."""
        state = self._file.load()
        return with_observation(state, self._memory.observation, self._memory.clocks) if self._memory else state

    def _as_status(self, plan: Plan, state: State, seconds: float) -> LoopStatus:
        return LoopStatus(
            version=__version__,
            host=plan.node.identity.hostname,
            pid=0,
            user=user_name(),
            state_path=str(self._given.state_path.absolute()),
            started_at=self._started_at,
            at=datetime.now(UTC),
            interval=self._given.looks_every,
            patience=self._given.looks_every + 5.0,
            profiles=_named(self._given.profiles),
            reload=Reload(at=self._started_at),
            last_cycle_seconds=seconds,
            is_ready=True,
            is_simulated=plan.origin is Origin.SIMULATED,
            plan=plan,
            managed=_managed(state, plan),
            recent=self._lately(),
        )

    def _lately(self) -> tuple[AuditEntry, ...]:
        stamp = _stamp(self._log.path)
        if self._recent[0] != stamp:
            self._recent = (stamp, self._log.tail(RECENT))
        return self._recent[1]


def _stamp(path: Path) -> _Stamp:
    """Changes whenever the file does; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _named(profiles: Sequence[Profile]) -> tuple[GivenProfile, ...]:
    return tuple(GivenProfile(name=one.name, version=one.version, sha256=one.sha256, path=one.path) for one in profiles)


def _managed(state: State, plan: Plan) -> tuple[ManagedValue, ...]:
    """Every managed setting, with what the plan makes of it."""
    changes = {change.address: change for change in plan.changes}
    found = []
    for uuid, record in sorted(state.managed.gpus.items(), key=lambda entry: entry[1].identity.index):
        address = gpu_address(uuid)
        change = changes.get(address)
        for name, managed in sorted(record.settings.items()):
            desired = change.after.get(name, managed.applied) if change else managed.applied
            found.append(
                ManagedValue(
                    address=address,
                    setting=name,
                    applied=managed.applied,
                    desired=desired,
                    profile=managed.owner.profile,
                    policy=managed.owner.policy,
                )
            )
    return tuple(found)
