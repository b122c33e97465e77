"""Drift: managed settings whose observed value is not the one that esnode applied, and why.

Each cause goes as far as its evidence: several settings back at their default in another session of
the driver are the signature of a reload or reset; one alone is another writer.
"""

from __future__ import annotations

from collections.abc import Sequence

from esnode.engine.locks import judge_locks
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.plan import Applied, Drift, DriftCause, LockJudgement, LockStatus, gpu_address
from esnode.model.readings import Missing, MissingReason
from esnode.model.settings import COMPUTE_MODE, COMPUTE_MODES, PERSISTENCE, POWER_LIMIT, SETTINGS, ReadableValue
from esnode.model.state import ManagedGpu, ManagedSetting
from esnode.records import dataclass

SEVERAL = 3
"""Settings at their default at once that speak for a restart which nothing else shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """One GPU beside its record."""

    drift: tuple[Drift, ...] = ()
    locks: tuple[LockJudgement, ...] = ()

    def of(self, setting: str) -> Drift | None:
        """The drift of one setting, if it drifted."""
        return next((drift for drift in self.drift if setting in drift.before), None)

    def lock(self, setting: str) -> LockJudgement | None:
        return next((judged for judged in self.locks if judged.setting == setting), None)


_NOTHING_FOUND = Findings()


def find_drift(gpu: ObservedGpu, record: ManagedGpu, observation: Observation) -> Findings:
    """The drift of one GPU, one entry for each cause and its evidence, and its clock locks judged."""
    if not record.settings:
        return _NOTHING_FOUND
    was_reloaded = _has_signature_of_a_reload(gpu, record)
    locks = judge_locks(gpu, record, observation.taken_at, was_reloaded=was_reloaded)
    look = _Look(gpu=gpu, record=record, observation=observation, locks=locks, was_reloaded=was_reloaded)
    groups: dict[tuple[DriftCause, str], list[str]] = {}
    for name in SETTINGS:
        found = look.cause_of(name) if name in record.settings else None
        if found:
            groups.setdefault(found, []).append(name)
    drift = tuple(
        Drift(
            address=gpu_address(gpu.identity.uuid),
            gpu=gpu.identity,
            before={name: record.settings[name].applied for name in names},
            after={name: gpu.setting(name) for name in names},
            cause=cause,
            evidence=evidence,
            applied={name: applied_by(record.settings[name]) for name in names},
        )
        for (cause, evidence), names in groups.items()
    )
    return Findings(drift=drift, locks=locks)


def applied_by(managed: ManagedSetting) -> Applied:
    owner = managed.owner
    return Applied(profile=owner.profile, policy=owner.policy, user=owner.user, at=managed.applied_at.at)


def default_of(name: str, gpu: ObservedGpu) -> ReadableValue | None:
    """What a setting is on a GPU that nobody configured; None where that cannot be told."""
    match name:
        case _ if name == POWER_LIMIT:
            default = gpu.limits.power_default_watts
            return None if isinstance(default, Missing) else default
        case _ if name == PERSISTENCE:
            return False
        case _ if name == COMPUTE_MODE:
            return COMPUTE_MODES[0]
        case _:
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One GPU while its settings are gone through."""

    gpu: ObservedGpu
    record: ManagedGpu
    observation: Observation
    locks: Sequence[LockJudgement]
    was_reloaded: bool

    def cause_of(self, name: str) -> tuple[DriftCause, str] | None:
        """Why a managed setting drifted, and the evidence; None when it did not."""
        managed, setting, observed = self.record.settings[name], SETTINGS[name], self.gpu.setting(name)
        if self.gpu.failure:
            return _gone(self.gpu, self.gpu.failure, self.observation)
        if not setting.readable:
            return self._cause_of_lock(name, managed)
        if isinstance(observed, Missing):
            return DriftCause.UNREADABLE, f"It cannot be read: {observed.in_words()}."
        if setting.is_same(managed.applied, observed):
            return None
        return self._cause_of_value(name, managed, observed)

    def _cause_of_lock(self, name: str, managed: ManagedSetting) -> tuple[DriftCause, str] | None:
        judged = next((lock for lock in self.locks if lock.setting == name), None)
        if judged is None or judged.status is not LockStatus.DRIFTED:
            return None
        if managed.session != self.gpu.session or self.was_reloaded:
            return DriftCause.RELOAD, self._how_reloaded(managed)
        return DriftCause.EXTERNAL, judged.reason

    def _cause_of_value(self, name: str, managed: ManagedSetting, observed: ReadableValue) -> tuple[DriftCause, str]:
        clamped = _clamped(name, managed, observed, self.gpu)
        if clamped:
            return DriftCause.CLAMPED, clamped
        default = default_of(name, self.gpu)
        is_default = default is not None and SETTINGS[name].is_same(default, observed)
        is_new_session = managed.session != self.gpu.session
        if is_new_session and (is_default or default is None):
            return DriftCause.RELOAD, self._how_reloaded(managed)
        if is_new_session:
            return DriftCause.EXTERNAL, "The driver was restarted, and another program wrote it since."
        if is_default and self.was_reloaded:
            return DriftCause.RELOAD, self._how_reloaded(managed)
        if is_default and name != PERSISTENCE and not self.gpu.is_persistent:
            return (
                DriftCause.NOT_PERSISTENT,
                "It is at its default and persistence mode is off: it went with the last client of the GPU.",
            )
        if is_default:
            return DriftCause.EXTERNAL, "The driver was not restarted: another program set it to its default."
        return DriftCause.EXTERNAL, "The driver was not restarted: another program wrote it."

    def _how_reloaded(self, managed: ManagedSetting) -> str:
        if managed.session.boot_id != self.gpu.session.boot_id:
            return "The machine was booted since (new session)."
        if managed.session != self.gpu.session:
            return "The driver was restarted (new session): the energy counter, which counts from then, went back."
        return "Several settings are at their default at once, persistence mode among them, as after a driver restart."


def _gone(gpu: ObservedGpu, failure: Missing, observation: Observation) -> tuple[DriftCause, str]:
    successor = _successor(gpu, failure, observation)
    if successor:
        where = successor.identity.pci_bus_id or f"index {successor.identity.index}"
        evidence = f"{successor.identity.uuid} ({successor.identity.name}) is at {where} now."
        return DriftCause.GPU_REPLACED, evidence
    return DriftCause.UNREADABLE, f"The GPU cannot be read: {failure.in_words()}."


def _successor(gpu: ObservedGpu, failure: Missing, observation: Observation) -> ObservedGpu | None:
    """The GPU that took the place of one that the driver no longer lists.

    Places are PCI addresses. An index tells only where an address is unknown: it shifts when a GPU drops out.
    """
    if failure.missing is not MissingReason.UNREACHABLE:
        return None
    place = gpu.identity
    for other in observation.gpus:
        if other.identity.uuid == place.uuid or not other.is_readable:
            continue
        there = other.identity
        knows_both = place.pci_bus_id and there.pci_bus_id
        if there.pci_bus_id == place.pci_bus_id if knows_both else there.index == place.index:
            return other
    return None


def _has_signature_of_a_reload(gpu: ObservedGpu, record: ManagedGpu) -> bool:
    """Three or more managed settings back at their default at once, persistence mode among them.

    The energy counter misses a reload when it has since passed what it showed before. Two prove nothing:
    who turns persistence mode off takes the power limit along with the last client.
    """
    reverted = [name for name, managed in record.settings.items() if _is_reverted(name, managed, gpu)]
    return PERSISTENCE in reverted and len(reverted) >= SEVERAL


def _is_reverted(name: str, managed: ManagedSetting, gpu: ObservedGpu) -> bool:
    same, observed, default = SETTINGS[name].is_same, gpu.setting(name), default_of(name, gpu)
    if default is None or isinstance(observed, Missing):
        return False
    return same(default, observed) and not same(managed.applied, observed)


def _clamped(name: str, managed: ManagedSetting, observed: ReadableValue, gpu: ObservedGpu) -> str:
    """A sentence when the board's range no longer has what was applied, and the setting is at the range's end."""
    applied, lowest, highest = managed.applied, gpu.limits.power_min_watts, gpu.limits.power_max_watts
    if name != POWER_LIMIT or isinstance(lowest, Missing) or isinstance(highest, Missing):
        return ""
    setting = SETTINGS[name]
    if not isinstance(applied, float | int):
        return ""
    is_over = applied > highest + setting.tolerance and setting.is_same(observed, highest)
    is_under = applied < lowest - setting.tolerance and setting.is_same(observed, lowest)
    if not (is_over or is_under):
        return ""
    return f"The board takes {setting.show(lowest)} to {setting.show(highest)} now, so the driver holds it there."


def corrected_in_words(name: str, drift: Drift) -> str:
    """Why a change corrects the drift of `name`."""
    applied = SETTINGS[name].show(drift.before[name])
    match drift.cause:
        case DriftCause.RELOAD:
            return f"esnode applied {applied} and it is gone. {drift.evidence}"
        case DriftCause.NOT_PERSISTENT:
            return f"esnode applied {applied}; it went with the GPU's last client, because persistence mode is off."
        case _ if not SETTINGS[name].readable:
            return f"esnode applied {applied}. {drift.evidence} It is written again."
        case _:
            return f"esnode applied {applied} and somebody changed it; it is corrected."
