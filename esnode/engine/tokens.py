"""Rates of one serving endpoint: tokens per second and the watts of its GPUs, between two of its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from esnode.model.readings import Missing, MissingReason, Reading
from esnode.model.serving import ServingEndpoint, ServingSample
from esnode.units import format_duration

LONGEST_GAP: Final = 900.0
"""Seconds that two samples may be apart, or three windows where that is more."""

SHORTEST_SHARE: Final = 6
"""Two samples are a window over this apart, at least: 10 s of 60 s."""


def longest_gap(window_seconds: float) -> float:
    """Seconds after which a sample is too old for a rate: what the GPUs did in between is anybody's guess."""
    return max(LONGEST_GAP, 3 * window_seconds)


def base_of(now: ServingSample, kept: Sequence[ServingSample], window_seconds: float) -> ServingSample | None:
    """The sample that rates are taken against: the newest that is half a window old, else the oldest there is."""
    for sample in reversed(kept):
        if now.at.seconds_since(sample.at) >= window_seconds / 2:
            return sample
    return kept[0] if kept else None


def kept_after(now: ServingSample, kept: Sequence[ServingSample], window_seconds: float) -> tuple[ServingSample, ...]:
    """The two samples to remember: `now` is one of them when the newest before it is half a window old."""
    longest = longest_gap(window_seconds)
    fresh = [sample for sample in kept if now.at.seconds_since(sample.at) <= longest]
    if fresh and now.at.seconds_since(fresh[-1].at) < window_seconds / 2:
        return tuple(fresh)
    return (*fresh[-1:], now)


def tokens_per_second(endpoint: ServingEndpoint) -> Reading[float]:
    """Of the endpoint's latest sample against its base; as its source says it, where that is a rate itself."""
    now = endpoint.latest
    if now is None:
        return endpoint.failure or _missing("it was not read")
    if not now.counters:
        return now.rate
    base = base_of(now, endpoint.kept, endpoint.window_seconds)
    problem = _unfit(now, base, endpoint.window_seconds)
    if base is None or problem:
        return problem or _missing("a rate needs two samples")
    grown = increase(base.counters, now.counters)
    return grown if isinstance(grown, Missing) else grown / now.at.seconds_since(base.at)


def _unfit(now: ServingSample, base: ServingSample | None, window_seconds: float) -> Missing | None:
    """Why there is no rate between the two, if there is none."""
    shortest, longest = window_seconds / SHORTEST_SHARE, longest_gap(window_seconds)
    wanted = f"a rate needs two samples, {format_duration(shortest)} to {format_duration(longest)} apart"
    if base is None:
        return _missing(f"this is the first sample; {wanted}")
    seconds = now.at.seconds_since(base.at)
    if seconds < shortest or seconds <= 0:
        return _missing(f"the first sample was taken {format_duration(seconds)} ago; {wanted}")
    if seconds > longest:
        return _missing(f"the sample before was taken {format_duration(seconds)} ago; {wanted}")
    return None


def increase(base: Mapping[str, float], now: Mapping[str, float]) -> Reading[float]:
    """How much counters grew, as Prometheus counts: one that went back was reset, and has grown by what it is now.

    A series that is in one sample only adds nothing: what it had counted by then is not of this time. Missing when
    no series is in both.
    """
    common = base.keys() & now.keys()
    if not common:
        return _missing("no series of its counters was there in the sample before")
    return sum(_grown(base[series], now[series]) for series in sorted(common))


def _grown(before: float, after: float) -> float:
    return after - before if after >= before else after


def watts_of(endpoint: ServingEndpoint, uuids: Sequence[str]) -> Mapping[str, Reading[float]]:
    """What each GPU drew on average since the base.

    By the energy counters where each GPU has one that ran through, else by the power readings at both ends. For a
    source that says a rate itself, and has no base yet, the power now.
    """
    now = endpoint.latest
    if now is None:
        return {}
    base = base_of(now, endpoint.kept, endpoint.window_seconds)
    if base is None or _unfit(now, base, endpoint.window_seconds):
        return {uuid: _power(now, uuid) for uuid in uuids}
    by_energy = {uuid: _by_energy(base, now, uuid) for uuid in uuids}
    if not any(isinstance(watts, Missing) for watts in by_energy.values()):
        return by_energy
    return {uuid: _mean(_power(base, uuid), _power(now, uuid)) for uuid in uuids}


def _by_energy(base: ServingSample, now: ServingSample, uuid: str) -> Reading[float]:
    before, after = base.gpus.get(uuid), now.gpus.get(uuid)
    seconds = now.gpus_at.seconds_since(base.gpus_at)
    if before is None or after is None or before.session != after.session or seconds <= 0:
        return _missing("its energy counter did not run through")
    if isinstance(before.energy_joules, Missing):
        return before.energy_joules
    if isinstance(after.energy_joules, Missing):
        return after.energy_joules
    joules = after.energy_joules - before.energy_joules
    return joules / seconds if joules >= 0 else _missing("its energy counter went back")


def _power(sample: ServingSample, uuid: str) -> Reading[float]:
    draw = sample.gpus.get(uuid)
    return draw.power_watts if draw else _missing("its power was not read")


def _mean(first: Reading[float], second: Reading[float]) -> Reading[float]:
    if isinstance(second, Missing):
        return second
    return second if isinstance(first, Missing) else (first + second) / 2


def _missing(why: str) -> Missing:
    return Missing(missing=MissingReason.NOT_READ, detail=why)
