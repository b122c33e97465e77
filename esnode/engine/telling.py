"""What a story tells of each GPU at each moment: its readings over its trace."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.story import Event, Ramp, Told, Word
from esnode.model.traces import Series, Trace
from esnode.units import format_duration

_SAID_MISSING = Missing(missing=MissingReason.NOT_READ, detail="the story says so")

_Track: TypeAlias = tuple[list[float], list[Told | Missing]]


class Telling:
    """Answers what is told of `count` GPUs. `captured` is what they showed at first, by index, if a capture says it."""

    def __init__(
        self,
        events: Sequence[Event],
        count: int,
        *,
        trace: Trace | None = None,
        stale_after: float = 300.0,
        captured: Mapping[int, Mapping[str, Reading[float]]] | None = None,
    ) -> None:
        self._trace = trace
        self._stale_after = stale_after
        self._tracks: dict[int, dict[str, _Track]] = {gpu: {} for gpu in range(count)}
        for gpu, metrics in (captured or {}).items():
            for name, reading in metrics.items():
                self._add(gpu, name, 0.0, reading)
        for event in events:
            for gpu in event.gpus or range(count):
                for name, told in event.metrics.items():
                    self._add(gpu, name, event.at, told)

    def at(self, gpu: int, seconds: float) -> dict[str, Reading[float]]:
        """Every metric that is told of a GPU at that moment; one that is not in it is nobody's word."""
        told = self._recorded(gpu, seconds)
        for name, (times, values) in self._tracks[gpu].items():
            last = bisect_right(times, seconds + 1e-9) - 1
            if last < 0:
                continue
            match values[last]:
                case Ramp() as ramp:
                    told[name] = ramp.at(seconds - times[last])
                case Word.MISSING:
                    told[name] = _SAID_MISSING
                case Word.AUTO:
                    pass
                case value:
                    told[name] = value
        return told

    def _add(self, gpu: int, name: str, at: float, told: Told | Missing) -> None:
        times, values = self._tracks[gpu].setdefault(name, ([], []))
        times.append(at)
        values.append(told)

    def _recorded(self, gpu: int, seconds: float) -> dict[str, Reading[float]]:
        if self._trace is None:
            return {}
        return {name: self._sample(series, seconds) for name, series in self._trace.gpus.get(gpu, {}).items()}

    def _sample(self, series: Series, seconds: float) -> Reading[float]:
        """The last sample, for as long as it is not too old."""
        last = bisect_right(series.times, seconds + 1e-9) - 1
        if last < 0:
            return Missing(missing=MissingReason.NOT_READ, detail="the trace has no sample of it yet")
        age = seconds - series.times[last]
        if age > self._stale_after:
            detail = f"the trace's last sample of it is {format_duration(age)} old"
            return Missing(missing=MissingReason.NOT_READ, detail=detail)
        return series.values[last]
