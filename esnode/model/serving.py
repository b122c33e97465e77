"""Tokens per second of serving endpoints: what was read of each, and what is remembered for a rate."""

from __future__ import annotations

from collections.abc import Mapping

from esnode.model.moments import Moment, Session
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.records import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a source says of generated tokens: counters by series, or, where it says it itself, tokens per second."""

    counters: Mapping[str, float] = field(default_factory=dict)
    rate: Reading[float] = NOT_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What one GPU drew when a sample was taken. `energy_joules` is missing where its counter is not to be trusted."""

    session: Session
    energy_joules: Reading[float] = NOT_READ
    power_watts: Reading[float] = NOT_READ


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingSample:
    """One reading of an endpoint, taken `at`, and of the GPUs that serve it, by UUID, read `gpus_at`.

    The two moments differ by what reading takes, so each rate is over its own.
    """

    at: Moment
    gpus_at: Moment
    counters: Mapping[str, float] = field(default_factory=dict)
    rate: Reading[float] = NOT_READ
    gpus: Mapping[str, Draw] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingEndpoint:
    """One serving entry of the node file in one observation. `gpus` are as written; none means all.

    `latest` is this observation's sample, until it was settled; it is None where it could not be read, for which
    `failure` says why. `kept`, oldest first, are the two samples at most that the next rate is taken against.
    """

    gpus: tuple[str, ...] = ()
    window_seconds: float = 60.0
    latest: ServingSample | None = None
    failure: Missing | None = None
    kept: tuple[ServingSample, ...] = ()
