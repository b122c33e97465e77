"""What to do about drift and nothing else: write again what was applied, or accept what is there.

No policy is judged here and no hold moves: a correction goes back to what the record says, or to the
`settings` of a given profile where no policy holds the setting.
"""

from __future__ import annotations

from collections.abc import Iterator

from esnode.engine.base import Base, BaseLayer, base_layer
from esnode.engine.diff import gpu_change
from esnode.engine.drift import Findings
from esnode.engine.resolve import Desired
from esnode.engine.scope import Scope
from esnode.model.plan import Because, Cause, Change, Drift, DriftCause, Operation, ResourceType, gpu_address
from esnode.model.readings import Missing
from esnode.model.settings import SETTINGS, SettingValue
from esnode.model.state import SETTINGS_OWNER, ManagedSetting
from esnode.records import dataclass, replace

_OUT_OF_REACH = (DriftCause.UNREADABLE, DriftCause.GPU_REPLACED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """`drift` is everything that differs, `change` what can be done. `notes` and `obstacles` are for warnings."""

    drift: tuple[Drift, ...]
    change: Change | None
    notes: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()


def correct(scope: Scope, found: Findings) -> Remedy:
    """What differs from the record or from the given profiles' settings is written again."""
    layer = base_layer(scope)
    wanted = _wanted(scope, layer)
    missing = tuple(_not_applied(scope, wanted, found))
    names = {name for drift in (*found.drift, *missing) for name in drift.before}
    desired = [_target(name, scope, wanted.get(name)) for name in SETTINGS if name in names]
    possible = [item for item in desired if item and not _is_out_of_reach(item, found, wanted)]
    return Remedy(
        drift=(*found.drift, *missing),
        change=gpu_change(scope.gpu, scope.record, possible, found),
        notes=layer.notes,
        obstacles=(*layer.obstacles, *_clamped(found, wanted)),
    )


def accept(scope: Scope, found: Findings) -> Remedy:
    """What is observed becomes what is applied, in the record only. What cannot be read is not accepted."""
    accepted: dict[str, SettingValue] = {}
    obstacles = []
    for drift in found.drift:
        for name in drift.before if drift.cause not in _OUT_OF_REACH else ():
            value = _acceptable(name, scope, scope.record.settings[name])
            if isinstance(value, Missing):
                obstacles.append(f"the drift of its {SETTINGS[name].title}: no driver can tell what it is now")
            else:
                accepted[name] = value
    return Remedy(
        drift=found.drift, change=_acceptance(scope, found, accepted) if accepted else None, obstacles=tuple(obstacles)
    )


def _wanted(scope: Scope, layer: BaseLayer) -> dict[str, Base]:
    """The settings entries that no policy's hold stands over."""
    held = {hold.setting for hold in scope.record.setting_holds.values()}
    return {name: base for name, base in layer.bases.items() if name not in held}


def _not_applied(scope: Scope, wanted: dict[str, Base], found: Findings) -> Iterator[Drift]:
    """What the given profiles' settings want, the hardware does not show, and no drift explains."""
    for name, base in wanted.items():
        present = scope.present(name)
        if found.of(name) or isinstance(present, Missing) or SETTINGS[name].is_same(present, base.value):
            continue
        yield Drift(
            address=gpu_address(scope.gpu.identity.uuid),
            gpu=scope.gpu.identity,
            before={name: base.value},
            after={name: scope.gpu.setting(name)},
            cause=DriftCause.NOT_APPLIED,
            evidence=f"Profile {base.because.profile} asks for it and no plan of that was applied.",
        )


def _target(name: str, scope: Scope, base: Base | None) -> Desired | None:
    """What a setting that differs should be; None when it is neither wanted nor managed."""
    managed = scope.record.settings.get(name)
    if base:
        return Desired(setting=name, present=scope.present(name), value=base.value, because=base.because)
    if managed is None:
        return None
    because = replace(_because(managed), cause=Cause.DRIFT)
    return Desired(setting=name, present=scope.present(name), value=managed.applied, because=because)


def _is_out_of_reach(item: Desired, found: Findings, wanted: dict[str, Base]) -> bool:
    drift = found.of(item.setting)
    if isinstance(item.present, Missing) or (drift and drift.cause in _OUT_OF_REACH):
        return True
    return drift is not None and drift.cause is DriftCause.CLAMPED and item.setting not in wanted


def _clamped(found: Findings, wanted: dict[str, Base]) -> Iterator[str]:
    """A value that the board no longer takes is not fought."""
    for drift in found.drift:
        for name in drift.before:
            if drift.cause is DriftCause.CLAMPED and name not in wanted:
                yield f"its {SETTINGS[name].title}: {drift.evidence[0].lower()}{drift.evidence[1:].rstrip('.')}"


def _acceptable(name: str, scope: Scope, managed: ManagedSetting) -> SettingValue | Missing:
    """The value to record. A lock of another session is gone; one of this session cannot be read."""
    observed = scope.gpu.setting(name)
    if not SETTINGS[name].readable and managed.session != scope.gpu.session:
        return None
    return observed


def _acceptance(scope: Scope, found: Findings, accepted: dict[str, SettingValue]) -> Change:
    settings = scope.record.settings
    evidence = {name: drift.evidence for drift in found.drift for name in drift.before}
    return Change(
        address=gpu_address(scope.gpu.identity.uuid),
        type=ResourceType.GPU,
        actions=(Operation.UPDATE,),
        before={name: settings[name].applied for name in SETTINGS if name in accepted},
        after={name: accepted[name] for name in SETTINGS if name in accepted},
        reason=Cause.ACCEPT_DRIFT,
        order=0,
        gpu=scope.gpu.identity,
        session=scope.gpu.session,
        because={
            name: replace(_because(settings[name]), reason=evidence[name]) for name in SETTINGS if name in accepted
        },
    )


def _because(managed: ManagedSetting) -> Because:
    """For whom it was applied."""
    owner = managed.owner
    return Because(cause=Cause.ACCEPT_DRIFT, reason="", profile=owner.profile, policy=owner.policy or SETTINGS_OWNER)
