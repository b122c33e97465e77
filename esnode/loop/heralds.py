"""Tells a channel that a setting is fought over, and when that is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from esnode import wire
from esnode.engine.contests import Address, Contest, Contests
from esnode.errors import EsnodeError
from esnode.model.alerts import Notification, Occasion
from esnode.model.hardware import GpuIdentity, Moment, Origin
from esnode.model.plan import Plan, gpu_address
from esnode.model.profile import Severity
from esnode.model.settings import SETTINGS
from esnode.model.state import State
from esnode.model.writes import Done
from esnode.records import dataclass
from esnode.units import format_duration

TRY_AGAIN = 60.0
"""Seconds before a message that could not be delivered is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A contest that is being told of: how it stood, and whether the message arrived."""

    contest: Contest
    arrived: bool
    tried_at: Moment


class Herald:
    """`channel` is a name of the node file, "" for nobody. `send` delivers; its failures are tried again."""

    def __init__(self, channel: str, send: Callable[[list[Notification]], list[Done]]) -> None:
        self._channel = channel
        self._send = send
        self._told: dict[Address, _Told] = {}

    def tell(self, contests: Contests, plan: Plan, state: State, now: Moment) -> list[EsnodeError]:
        """Send what is new: contests that began, and those that ended. What could not be delivered."""
        raised = {key: contest for key, contest in contests.items() if contest.is_raised}
        if not self._channel:
            return []
        failures = []
        for key, contest in raised.items():
            told = self._told.get(key)
            if told is None or (not told.arrived and now.seconds_since(told.tried_at) >= TRY_AGAIN):
                error = self._deliver(Occasion.FIRING, key, contest, plan, state, now)
                self._told[key] = _Told(contest=contest, arrived=error is None, tried_at=now)
                failures += [error] if error else []
        for key in [key for key in self._told if key not in raised]:
            error = self._deliver(Occasion.RESOLVED, key, self._told[key].contest, plan, state, now)
            failures += [error] if error else []
            del self._told[key]
        return failures

    def _deliver(
        self, occasion: Occasion, key: Address, contest: Contest, plan: Plan, state: State, now: Moment
    ) -> EsnodeError | None:
        address, setting = key
        gpu = _gpus(plan).get(address)
        if gpu is None:
            return None
        record = state.managed.gpus.get(gpu.uuid)
        owner = record.settings[setting].owner if record and setting in record.settings else None
        row = SETTINGS[setting]
        message = Notification(
            key=wire.digest([address, setting, contest.since.at.isoformat()])[:32],
            occasion=occasion,
            address=f"{address} {setting}",
            channel=self._channel,
            severity=Severity.WARNING,
            profile=owner.profile if owner else "",
            policy=owner.policy if owner else "",
            target=setting,
            condition=f"contested, wanted {row.show(contest.wanted)}",
            value=row.show(contest.found),
            reason=contest_in_words(key, contest, gpu),
            gpu=gpu,
            host=plan.node.identity.hostname,
            since=contest.since.at,
            sent_at=now.at,
            plan_digest="",
            is_simulated=plan.origin is Origin.SIMULATED,
            ended_at=now.at if occasion is Occasion.RESOLVED else None,
        )
        return self._send([message])[0].error


def contest_in_words(key: Address, contest: Contest, gpu: GpuIdentity | None) -> str:
    """A sentence that names the setting, both values and the pause."""
    row = SETTINGS[key[1]]
    label = gpu.label if gpu else key[0]
    pause = f"; it is left alone for {format_duration(contest.pause)} at a time" if contest.pause else ""
    return (
        f"Another program keeps changing the {row.title} of {label} from {row.show(contest.wanted)} "
        f"to {row.show(contest.found)}: {contest.count} times by now{pause}."
    )


def _gpus(plan: Plan) -> Mapping[str, GpuIdentity]:
    return {gpu_address(gpu.identity.uuid): gpu.identity for gpu in plan.gpus}
