"""What would be done, equal changes together: what every face of a plan says of its changes."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from esnode.model.plan import Because, Cause, Change, Operation, Plan, ResourceType, gpu_ranges
from esnode.model.profile import Severity
from esnode.model.settings import SETTINGS
from esnode.records import dataclass
from esnode.views.folding import fold
from esnode.views.resources_text import ValueRow, resource_shape, resource_title, value_rows
from esnode.views.verdicts import folded_reason, reason_shape, source_of

_PHRASES = {
    Operation.CREATE: "will be created",
    Operation.UPDATE: "will be updated in-place",
    Operation.DELETE: "will be destroyed",
    Operation.FORGET: "will no longer be managed, the hardware is not touched",
    Operation.NO_OP: "stays as it is",
}

_RECORDED = "will be recorded as it is, the hardware is not touched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Whose will it is, where that is written, and why. `who` is empty for what nobody's profile wants."""

    who: str
    source: str
    severity: Severity
    reason: str
    overruled: tuple[str, ...]

    def __str__(self) -> str:
        source = f" ({self.source})" if self.source else ""
        severity = "" if self.severity is Severity.INFO else f", {self.severity}"
        return f"{self.who}{severity}{source}: {self.reason}" if self.who else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Values that change for the same reasons."""

    rows: tuple[ValueRow, ...]
    whys: tuple[Why, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeBlock:
    """Equal changes of one or several GPUs, or one change of anything else.

    `title` says what it is about and `phrase` what will be done; `members` are label and address of each.
    """

    title: str
    phrase: str
    operation: Operation
    members: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    changes: tuple[Change, ...]


def change_blocks(plan: Plan) -> list[ChangeBlock]:
    """Every change of a plan, in the plan's order."""
    paths = {profile.name: profile.path for profile in plan.profiles}
    verdicts = {(verdict.profile, verdict.policy, verdict.gpu): verdict for verdict in plan.verdicts}

    def why(group: Sequence[Change], name: str) -> Why:
        because = group[0].because[name]
        reasons = {change.because[name].reason for change in group}
        seen = [verdicts.get((because.profile, because.policy, change.gpu.uuid)) for change in group if change.gpu]
        known = [verdict for verdict in seen if verdict and verdict.reason in reasons]
        is_foldable = len(known) == len(group) and len({reason_shape(verdict) for verdict in known}) == 1
        return Why(
            who=f"{because.profile}/{because.policy}" if because.profile else "",
            source=source_of(paths.get(because.profile, ""), because.line),
            severity=because.severity,
            reason=folded_reason(known) if is_foldable else _common_reason(reasons, because),
            overruled=because.overruled,
        )

    blocks = []
    for group in fold(plan.changes, _change_shape):
        whys = {name: why(group, name) for name in group[0].because}
        is_gpu = group[0].type is ResourceType.GPU
        parts = tuple(_parts(group[0], whys)) if is_gpu else _resource_parts(group[0], whys)
        blocks.append(_block(group, parts))
    return blocks


def _block(group: Sequence[Change], parts: tuple[Part, ...]) -> ChangeBlock:
    first = group[0]
    is_gpu = first.type is ResourceType.GPU
    title, phrase = (_title(group), _PHRASES[first.actions[0]]) if is_gpu else resource_title(group)
    return ChangeBlock(
        title=title,
        phrase=_RECORDED if first.reason is Cause.ACCEPT_DRIFT else phrase,
        operation=first.actions[0],
        members=tuple((change.gpu.label if change.gpu else change.address, change.address) for change in group),
        parts=parts,
        changes=tuple(group),
    )


def _change_shape(change: Change) -> Hashable:
    if change.type is not ResourceType.GPU:
        return resource_shape(change)
    why = tuple((name, why.cause, why.profile, why.policy, why.overruled) for name, why in change.because.items())
    steps = tuple((step.step, step.profile, step.policy, str(step.after)) for step in change.holds)
    model = change.gpu.model if change.gpu else ""
    return (change.actions, str(change.before), str(change.after), why, steps, change.forget, model)


def _parts(change: Change, whys: dict[str, Why]) -> Iterable[Part]:
    for names in fold(change.because, whys.__getitem__):
        yield Part(rows=tuple(_setting_row(change, name) for name in names), whys=(whys[names[0]],))


def _resource_parts(change: Change, whys: dict[str, Why]) -> tuple[Part, ...]:
    return (Part(rows=tuple(value_rows(change)), whys=tuple(dict.fromkeys(whys.values()))),)


def _common_reason(reasons: set[str], because: Because) -> str:
    """Readings of folded GPUs differ; where no span says so, the condition stands for the reason."""
    return because.reason if len(reasons) == 1 or not because.condition else because.condition


def _title(group: Sequence[Change]) -> str:
    gpus = [change.gpu for change in group if change.gpu]
    if not gpus:
        return group[0].address
    if len(gpus) == 1:
        return f"{gpus[0].label} ({gpus[0].model}) {group[0].address}"
    return f"{gpu_ranges(gpu.index for gpu in gpus)} ({len(gpus)}x {gpus[0].model})"


def _setting_row(change: Change, name: str) -> ValueRow:
    if name not in change.after:
        if name in change.forget:
            return ValueRow(name=name, note="is no longer managed")
        return ValueRow(name=name, note="stays; what policies hold of it is recorded" if name in SETTINGS else "")
    setting = SETTINGS[name]
    before, after = setting.show(change.before.get(name)), setting.show(change.after[name])
    if name in change.settings and setting.is_same(change.before.get(name), change.after[name]):
        return ValueRow(name=name, after=after, note="written again")
    back = "its baseline; no longer managed" if name in change.forget else ""
    return ValueRow(name=name, before=before, after=after, note=back)
