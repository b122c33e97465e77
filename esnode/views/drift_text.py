"""What every face says of drift: equal drift together, with what its cause was concluded from."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence

from esnode.model.plan import Drift, Plan
from esnode.model.readings import Missing, Reading
from esnode.model.settings import SETTINGS, ReadableValue
from esnode.views.folding import fold


def drift_groups(plan: Plan) -> list[list[Drift]]:
    """The same drift of several GPUs together."""
    return fold(plan.drift, _shape)


def drift_rows(drift: Drift) -> Iterable[tuple[str, str, str]]:
    """Setting, what was applied, what is observed."""
    for name, before in drift.before.items():
        yield name, SETTINGS[name].show(before), show_reading(name, drift.after[name])


def drift_comments(group: Sequence[Drift]) -> Iterable[str]:
    """What the cause was concluded from, and who had applied what is gone, the last time for each."""
    if group[0].evidence:
        yield group[0].evidence
    applied = [entry for drift in group for entry in drift.applied.values()]
    for entries in fold(applied, lambda entry: (entry.user, str(entry))):
        last = max(entry.at for entry in entries)
        yield f"applied by {entries[0].user} for {entries[0]}, {last.strftime('%Y-%m-%d %H:%M:%S')} UTC"


def show_reading(name: str, value: Reading[ReadableValue]) -> str:
    return value.in_words() if isinstance(value, Missing) else SETTINGS[name].show(value)


def _shape(drift: Drift) -> Hashable:
    return (drift.cause, drift.evidence, str(drift.before), str(drift.after))
