"""A recording: what was measured on some GPUs, sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from esnode.model.readings import Missing, Reading
from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One metric of one GPU. `times` are seconds since the recording began, ascending, and `values` one for each."""

    times: Sequence[float]
    values: Sequence[Reading[float]]

    @property
    def is_measured(self) -> bool:
        """Whether there is any value at all."""
        return any(not isinstance(value, Missing) for value in self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """`gpus` is keyed by GPU index and then by the name of a metric, as METRICS and `prometheus:` targets have it.

    `ignored` are columns or series of the recording that are no metric of esnode's.
    """

    name: str
    gpus: Mapping[int, Mapping[str, Series]] = field(default_factory=dict)
    seconds: float = 0.0
    ignored: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many GPUs a machine needs for it."""
        return max(self.gpus, default=-1) + 1
