"""How each policy stands, GPUs that stand alike together: what every face of a plan says of verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

from esnode.model.metrics import metric
from esnode.model.plan import Plan, gpu_ranges
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.verdict import Status, Verdict
from esnode.records import dataclass
from esnode.views.folding import fold

_STATUS_NOTES = {
    Status.SKIPPED: "",
    Status.MONITORING: "No action needed yet",
    Status.UNKNOWN: "Nothing is done",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """GPUs on which a policy stands alike. `note` says what becomes of it, or is empty."""

    gpus: str
    status: Status
    reason: str
    note: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyStands:
    """One policy. `name` is what people call it here: with its profile where there are several."""

    name: str
    source: str
    stands: tuple[Stand, ...]

    @property
    def is_enforced(self) -> bool:
        return any(stand.status is not Status.SKIPPED for stand in self.stands)


def policy_stands(plan: Plan) -> list[PolicyStands]:
    """Every policy of a plan, in the plan's order."""
    several = len(plan.profiles) > 1
    paths = {profile.name: profile.path for profile in plan.profiles}
    indexes = {gpu.identity.uuid: gpu.identity.index for gpu in plan.gpus}
    found = []
    for group in fold(plan.verdicts, lambda verdict: (verdict.profile, verdict.policy)):
        first = group[0]
        found.append(
            PolicyStands(
                name=f"{first.profile}/{first.policy}" if several else first.policy,
                source=source_of(paths.get(first.profile, ""), first.line),
                stands=tuple(_stands(group, indexes)),
            )
        )
    return found


def source_of(path: str, line: int) -> str:
    """`training.es:19`, or nothing where it never was in a file."""
    return f"{path}:{line}" if path and line else ""


def folded_reason(verdicts: Sequence[Verdict]) -> str:
    """The reason of verdicts that differ in their value alone: `Current Temp (84C to 86C) > Limit (82C).`"""
    first = verdicts[0]
    values = sorted(verdict.value for verdict in verdicts if not isinstance(verdict.value, Missing))
    if not values or values[0] == values[-1]:
        return first.reason
    span = f"({_shown(values[0], first.target)} to {_shown(values[-1], first.target)})"
    return first.reason.replace(_quoted(first), span)


def reason_shape(verdict: Verdict) -> str:
    """A reason without the value that it quotes, so that GPUs which differ in it alone fold into one."""
    value = verdict.value
    return verdict.reason if isinstance(value, Missing) else _without_value(verdict.reason, value, verdict.target)


@lru_cache(maxsize=4096)
def _without_value(reason: str, value: float, target: str) -> str:
    """Many GPUs show the same."""
    return reason.replace(f"({_shown(value, target)})", "()")


def _stands(verdicts: Sequence[Verdict], indexes: Mapping[str, int]) -> Iterable[Stand]:
    for group in fold(verdicts, lambda verdict: (verdict.status, verdict.effect, reason_shape(verdict))):
        yield Stand(
            gpus=gpu_ranges(indexes[verdict.gpu] for verdict in group if verdict.gpu in indexes),
            status=group[0].status,
            reason=folded_reason(group),
            note=_status_note(group[0]),
            verdicts=tuple(group),
        )


def _status_note(verdict: Verdict) -> str:
    effect = verdict.effect
    if effect is None:
        return _STATUS_NOTES.get(verdict.status, "")
    setting = SETTINGS[effect.setting]
    before, after = setting.show(effect.before), setting.show(effect.after)
    if setting.is_same(effect.before, effect.after):
        return f"{setting.title} stays at {after}"
    asked = f", {setting.show(effect.asked)} asked for" if _is_rounded(effect.asked, effect.after) else ""
    would = "would go" if verdict.status is Status.PENDING else "goes"
    return f"{setting.title} {would} from {before} to {after}{asked}"


def _is_rounded(asked: SettingValue, after: SettingValue) -> bool:
    """The hardware cannot do what was asked for: 210 MHz became 345."""
    lock = getattr(after, "max", after)
    return isinstance(asked, float | int) and isinstance(lock, float | int) and asked != lock


def _quoted(verdict: Verdict) -> str:
    return f"({_shown(verdict.value, verdict.target)})"


def _shown(value: Reading[float], target: str) -> str:
    return "missing" if isinstance(value, Missing) else metric(target).show(value)
