"""Tokens per watt: what serving endpoints say, in this observation and before, over what their GPUs draw.

A GPU's power cannot be divided among the endpoints that it serves. So endpoints that share a GPU are taken together:
their tokens are added up and each of their GPUs counts once, and every one of those GPUs has the same value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from esnode.engine.tokens import kept_after, longest_gap, tokens_per_second, watts_of
from esnode.model.hardware import Observation, ObservedGpu
from esnode.model.metrics import TOKENS_PER_WATT
from esnode.model.readings import NOT_READ, Missing, Reading
from esnode.model.serving import Draw, ServingEndpoint
from esnode.model.state import Observed
from esnode.records import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flow:
    """What one endpoint gives and takes: tokens per second, and the watts of each of its GPUs, by UUID."""

    name: str
    tokens: Reading[float]
    watts: Mapping[str, Reading[float]]


def with_tokens_per_watt(seen: Observation, settled: Observation, previous: Observed | None) -> Observation:
    """`settled` with `tokens_per_watt` of the GPUs that serve, and with the samples that the next rate needs.

    `seen` is the observation before it was settled: there an energy counter that was not read is missing. Endpoints
    that were not asked this time are remembered for as long as a rate may be taken against them. What is settled
    already stays as it is.
    """
    before = _remembered(settled, previous)
    asked = {
        name: _joined(endpoint, before.get(name), seen, settled)
        for name, endpoint in seen.serving.items()
        if endpoint.latest or endpoint.failure
    }
    flows = [_flow(name, endpoint, settled.gpus) for name, endpoint in sorted(asked.items())]
    values = {uuid: _ratio(group) for group in _groups(flows) for flow in group for uuid in flow.watts}
    kept = {**before, **seen.serving, **{name: _kept(endpoint) for name, endpoint in asked.items()}}
    gpus = tuple(_with_value(gpu, values) for gpu in settled.gpus)
    return replace(settled, gpus=gpus, serving=dict(sorted(kept.items())))


def gpus_named(names: Sequence[str], gpus: Sequence[ObservedGpu]) -> tuple[tuple[ObservedGpu, ...], Missing | None]:
    """The GPUs of a serving entry, and why it names one that is not here, if it does.

    A name is an index, a UUID or the beginning of one; no names are all GPUs.
    """
    if not names:
        return tuple(gpus), None
    matching = [[gpu for gpu in gpus if _is_named(gpu, name)] for name in names]
    found = {gpu.identity.uuid: gpu for one in matching if len(one) == 1 for gpu in one}
    wrong = next((name for name, one in zip(names, matching, strict=True) if len(one) != 1), None)
    return tuple(found.values()), None if wrong is None else _no_such_gpu(wrong, gpus)


def _is_named(gpu: ObservedGpu, name: str) -> bool:
    if name.isdecimal():
        return gpu.identity.index == int(name)
    return gpu.identity.uuid.lower().startswith(name.lower())


def _no_such_gpu(name: str, gpus: Sequence[ObservedGpu]) -> Missing:
    has = ", ".join(str(gpu.identity.index) for gpu in gpus) or "none"
    return replace(
        NOT_READ,
        detail=f'its entry in the node file names GPU "{name}", which is not exactly one of this machine\'s ({has})',
    )


def _remembered(settled: Observation, previous: Observed | None) -> Mapping[str, ServingEndpoint]:
    """The endpoints of the last observation of this machine whose samples are still good for a rate."""
    if previous is None or previous.observation.node.identity.machine_id != settled.node.identity.machine_id:
        return {}
    return {
        name: endpoint
        for name, endpoint in previous.observation.serving.items()
        if endpoint.kept
        and settled.taken_at.seconds_since(endpoint.kept[-1].at) <= longest_gap(endpoint.window_seconds)
    }


def _joined(
    endpoint: ServingEndpoint, before: ServingEndpoint | None, seen: Observation, settled: Observation
) -> ServingEndpoint:
    """The endpoint with the samples kept of it, and with what its GPUs drew when it was read now."""
    is_same = before is not None and before.gpus == endpoint.gpus
    endpoint = replace(endpoint, kept=before.kept if before and is_same else ())
    if endpoint.latest is None:
        return endpoint
    gpus, _ = gpus_named(endpoint.gpus, settled.gpus)
    draws = {gpu.identity.uuid: _draw(gpu, seen.gpu(gpu.identity.uuid)) for gpu in gpus}
    return replace(endpoint, latest=replace(endpoint.latest, gpus=draws))


def _draw(gpu: ObservedGpu, raw: ObservedGpu | None) -> Draw:
    """With persistence mode off the energy counter starts anew with every client, so it measures nothing."""
    energy = raw.energy_joules if raw and raw.is_persistent else NOT_READ
    return Draw(session=gpu.session, energy_joules=gpu.failure or energy, power_watts=gpu.metric("gpu_power_watts"))


def _kept(endpoint: ServingEndpoint) -> ServingEndpoint:
    """The endpoint as the state keeps it: its samples for the next rate, and not this one twice."""
    if endpoint.latest is None:
        return endpoint
    kept = kept_after(endpoint.latest, endpoint.kept, endpoint.window_seconds)
    return replace(endpoint, latest=None, kept=kept)


def _flow(name: str, endpoint: ServingEndpoint, gpus: Sequence[ObservedGpu]) -> _Flow:
    named, problem = gpus_named(endpoint.gpus, gpus)
    uuids = [gpu.identity.uuid for gpu in named]
    watts = watts_of(endpoint, uuids) or dict.fromkeys(uuids, NOT_READ)
    return _Flow(name=name, tokens=problem or tokens_per_second(endpoint), watts=watts)


def _groups(flows: Sequence[_Flow]) -> Iterator[list[_Flow]]:
    """Endpoints that share a GPU, directly or through others."""
    left = list(flows)
    while left:
        group = [left.pop(0)]
        while near := [flow for flow in left if any(flow.watts.keys() & one.watts.keys() for one in group)]:
            group += near
            left = [flow for flow in left if flow not in near]
        yield group


def _ratio(group: Sequence[_Flow]) -> Reading[float]:
    """Tokens per joule of endpoints that share GPUs. One that is not known leaves nothing known of the others."""
    tokens, watts = 0.0, 0.0
    for flow in group:
        if isinstance(flow.tokens, Missing):
            said = flow.tokens.detail or flow.tokens.in_words()
            return replace(flow.tokens, detail=said if flow.name in said else f"{flow.name}: {said}")
        tokens += flow.tokens
    for uuid, reading in {uuid: reading for flow in reversed(group) for uuid, reading in flow.watts.items()}.items():
        if isinstance(reading, Missing):
            return replace(reading, detail=f"the power of {uuid}: {reading.detail or reading.in_words()}")
        watts += reading
    return tokens / watts if watts > 0 else replace(NOT_READ, detail="the GPUs that serve report 0 W")


def _with_value(gpu: ObservedGpu, values: Mapping[str, Reading[float]]) -> ObservedGpu:
    value = values.get(gpu.identity.uuid)
    if value is None or not gpu.is_readable:
        return gpu
    return replace(gpu, metrics={**gpu.metrics, TOKENS_PER_WATT: value})
