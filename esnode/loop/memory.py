"""What a control loop remembers between cycles and the state file does not hold, or not yet."""

from __future__ import annotations

from collections.abc import Iterable

from esnode.engine.contests import Contests
from esnode.model.events import EventKind, GpuEvent
from esnode.model.hardware import Moment, Observation, Session
from esnode.model.metrics import XID
from esnode.model.plan import Plan
from esnode.model.readings import Missing, MissingReason
from esnode.model.state import Observed, PolicyClock, State
from esnode.records import dataclass, field, replace
from esnode.storage.states import with_observation

STORE_EVERY = 60.0
"""Seconds after which an observation is stored although nothing came of it."""

REASSERT_EVERY = 600.0
"""Seconds between two times that clock locks are written again of which nobody can tell whether they hold."""

_NO_EVENTS = Missing(missing=MissingReason.UNSUPPORTED, detail="this driver tells of no events")


@dataclass(slots=True, kw_only=True)
class Memory:
    """`xids` is the last XID of each GPU that had one, by UUID, and the driver's session it was in."""

    observed: Observed | None = None
    lineage: str = ""
    contests: Contests = field(default_factory=dict)
    xids: dict[str, tuple[int, Session | None]] = field(default_factory=dict)
    listens: bool = False
    reasserted_at: Moment | None = None
    _stored_at: Moment | None = None
    _stored: object = None

    def over(self, state: State) -> State:
        """The state of the file, with the newer observation and clocks that only this loop knows."""
        if self.observed is None:
            return state
        return with_observation(state, self.observed.observation, self.observed.clocks)

    def keep(self, state: State, observation: Observation, clocks: dict[str, PolicyClock]) -> None:
        self.observed = with_observation(self.over(state), observation, clocks).observed

    # -- what is worth storing

    def is_to_be_stored(self, plan: Plan, now: Moment) -> bool:
        """Whether a verdict changed, there is something to do, or it is time."""
        if self._stored_at is None or plan.has_changes or self._stored != _verdicts(plan):
            return True
        return now.seconds_since(self._stored_at) >= STORE_EVERY

    def was_stored(self, plan: Plan, now: Moment) -> None:
        self._stored_at, self._stored = now, _verdicts(plan)

    # -- clock locks

    def is_time_to_reassert(self, now: Moment) -> bool:
        return self.reasserted_at is None or now.seconds_since(self.reasserted_at) >= REASSERT_EVERY

    # -- XIDs

    def hear(self, events: Iterable[GpuEvent]) -> None:
        for event in events:
            if event.kind is EventKind.XID:
                self.xids[event.uuid] = (event.code, None)

    def with_xids(self, observation: Observation) -> Observation:
        """The observation with the last XID of each GPU; 0 where there was none."""
        gpus = []
        for gpu in observation.gpus:
            code = self.xids.get(gpu.identity.uuid, (0, None))[0]
            value = float(code) if self.listens else _NO_EVENTS
            gpus.append(replace(gpu, metrics={**gpu.metrics, XID: value}) if gpu.is_readable else gpu)
        return replace(observation, gpus=tuple(gpus))

    def forget_old_xids(self, observation: Observation) -> None:
        """An XID belongs to the session of the driver that it came up in: a reset or a reload ends it."""
        for gpu in observation.gpus:
            known = self.xids.get(gpu.identity.uuid)
            if known and known[1] is None:
                self.xids[gpu.identity.uuid] = (known[0], gpu.session)
            elif known and known[1] != gpu.session:
                del self.xids[gpu.identity.uuid]


def _verdicts(plan: Plan) -> object:
    return [(verdict.gpu, verdict.profile, verdict.policy, verdict.status) for verdict in plan.verdicts]
